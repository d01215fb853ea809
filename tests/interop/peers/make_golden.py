"""Asks diffusers and transformers, and keeps what they answer.

  pip install -e .[compare]
  PYTHONPATH=.:tests python tests/interop/peers/make_golden.py [NAMES]

writes `tests/golden/peers`, with which the default tests compare: all files, or
those of the names that are given, such as "t5".
"""

import pathlib
import sys
import tempfile

import foreign_steps
import foreign_t5
import foreign_unets
import golden_peers
import mixed_scripts
import numpy as np
import peers_of_steps
import peers_of_t5
import peers_of_tokenizers
import peers_of_unets
import torch


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


def t5() -> dict[str, np.ndarray]:
  """Outputs of each encoder of `foreign_t5`."""
  return {
    name: foreign_t5.thin(
      peers_of_t5.run(peers_of_t5.build(config), foreign_t5.inputs(config))
    )
    for name, config in foreign_t5.CONFIGS.items()
  }


def full() -> dict[str, np.ndarray]:
  """A digest of all names and shapes of each network of full size."""
  with torch.device("meta"):
    networks = {
      name: peers_of_unets.diffusers.UNet2DConditionModel(**config)
      for name, config in foreign_unets.FULL.items()
    } | {
      name: peers_of_t5.empty(config)
      for name, config in foreign_t5.FULL.items()
    }
  return {
    name: np.array(golden_peers.digest(peers_of_t5.shapes(network)))
    for name, network in networks.items()
  }


def tokens() -> dict[str, np.ndarray]:
  """A SentencePiece model, and digests of ids of strings of mixed scripts."""
  texts = mixed_scripts.strings()
  spiece = peers_of_tokenizers.train()
  with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "spiece.model").write_bytes(spiece)
    ids, lost = peers_of_tokenizers.pieces(pathlib.Path(folder), texts)
  kept = [one for one, is_lost in zip(ids, lost, strict=True) if not is_lost]
  digest = lambda of: np.array(mixed_scripts.digest(of))
  return {
    "spiece": np.frombuffer(spiece, np.uint8),
    "texts": digest(texts),
    "bytes": digest(peers_of_tokenizers.bytes_(texts)),
    "pieces": digest(kept),
    "lost": np.flatnonzero(lost),
  }


def steps() -> dict[str, np.ndarray]:
  """What there is after steps of each sampler of `foreign_steps`."""
  return {
    name: foreign_steps.thin(peers_of_steps.run(case)[1])
    for name, case in foreign_steps.CASES.items()
  }


MAKERS = {make.__name__: make for make in (unets, t5, full, tokens, steps)}


def main() -> None:
  """Writes a file of each kind that was asked for."""
  golden_peers.FOLDER.mkdir(parents=True, exist_ok=True)
  for name in sys.argv[1:] or MAKERS:
    np.savez_compressed(golden_peers.path(name), **MAKERS[name]())


if __name__ == "__main__":
  main()
