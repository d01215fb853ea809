"""Asks diffusers and transformers, and keeps what they answer.

  pip install -e .[compare]
  PYTHONPATH=.:tests python tests/interop/peers/make_golden.py

writes `tests/golden/peers`, with which the default tests compare.
"""

import foreign_unets
import golden_peers
import numpy as np
import peers_of_unets


def unets() -> dict[str, np.ndarray]:
  """Outputs of each U-Net of `foreign_unets`."""
  return {
    name: golden_peers.thin(
      peers_of_unets.run(
        peers_of_unets.build(config), foreign_unets.inputs(config)
      )
    )
    for name, config in foreign_unets.CONFIGS.items()
  }


def main() -> None:
  """Writes a file of each kind."""
  golden_peers.FOLDER.mkdir(parents=True, exist_ok=True)
  for make in (unets,):
    np.savez_compressed(golden_peers.path(make.__name__), **make())


if __name__ == "__main__":
  main()
