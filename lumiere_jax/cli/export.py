r"""Weights of ours for other programs.

  lumiere export --weights out/base --out base.safetensors
  lumiere export --weights out/base --out unet --format diffusers

"ours" is a safetensors file of all averaged parameters, by our names, that
`lumiere sample` reads too. "diffusers" is a U-Net's folder that
`UNet2DConditionModel.from_pretrained` loads: the image network alone, which
must be one that diffusers has, as those are that were imported from its format.
docs/interop.md says what parameters are called.
"""

import dataclasses
import pathlib

import tyro

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.interop import exporting
from lumiere_jax.stages import export
from lumiere_jax.stages import weights


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags:
  """Flags of `lumiere export`.

  Attributes:
    weights: training run, exported or imported weights, or a name of weights
      that ship with the package.
    out: file or folder to write; nothing may stand there.
    format: ours or diffusers.
    dtype: float32, float16 or bfloat16 to round to.
  """

  weights: str
  out: pathlib.Path
  format: str = "ours"
  dtype: str = "float32"


def main(argv: list[str] | None = None) -> None:
  """Exports weights; see the module for the command."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere export", description=__doc__)
  errors.require_one_of("format", flags.format, exporting.FORMATS)
  stage, params, digest = weights.load(flags.weights, ())
  tell = progress.amounts("tensors")
  on_tensor = lambda done, of: tell(done, of, "")
  if flags.format == "diffusers":
    exporting.write_diffusers(stage, params, flags.out, flags.dtype, on_tensor)
  else:
    record = export.record(shipped.find(flags.weights))
    exporting.write(params, record, flags.out, flags.dtype, on_tensor)
  print(f"wrote {flags.out}: weights {digest[:12]} in {flags.dtype}")


if __name__ == "__main__":
  exits.run(main)
