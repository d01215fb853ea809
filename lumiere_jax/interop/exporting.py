"""Weights of ours for other programs.

As a safetensors file, parameters have our names and our order of axes:
"network/down_0/block_1/conv_0/conv/kernel", kernels [..., in, out]; see
docs/interop.md.  As a diffusers U-Net's folder, the image network alone: what
inflation added has no place there.

  OUT/config.json
  OUT/diffusion_pytorch_model.safetensors
"""

from collections.abc import Callable, Mapping
import dataclasses
import json
import os
import pathlib

import flax
import numpy as np

from lumiere_jax import errors
from lumiere_jax.interop import arrange
from lumiere_jax.interop import diffusers_names
from lumiere_jax.interop import diffusers_spec
from lumiere_jax.interop import folders
from lumiere_jax.interop import matching
from lumiere_jax.interop import shelves
from lumiere_jax.interop import stream
from lumiere_jax.interop import tensors
from lumiere_jax.models import inflate
from lumiere_jax.models import spec as specs
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Params
from lumiere_jax.video import atomic

FORMATS = ("ours", "diffusers")
DTYPES = ("float32", "float16", "bfloat16")
_DTYPE = {np.dtype(d).name: np.dtype(d) for d in tensors.DTYPES.values()}
_FILE = f"{shelves.STEMS[0]}.safetensors"
OnTensor = Callable[[int, int], None]


def write(
  params: Params,
  record: run_record.RunRecord,
  out: str | os.PathLike,
  dtype: str = "float32",
  on_tensor: OnTensor | None = None,
) -> None:
  """Writes a file of all parameters, with the run record in its header.

  Args:
    params: nested dicts of arrays.
    record: of the run.
    out: file; nothing may stand there.
    dtype: one of `DTYPES`, to round to.
    on_tensor: see `stream.write`.

  Raises:
    ConfigError: an unknown dtype, a name that does not end with .safetensors,
      or something stands there.
    OutputError: it could not be written.
  """
  out = _checked(out, dtype)
  if out.suffix != export.SUFFIX:
    raise errors.ConfigError(
      f"{out} would be a safetensors file, whose name ends with "
      f"{export.SUFFIX}; give such an --out."
    )
  flat = flax.traverse_util.flatten_dict(params, sep="/")
  promises = [_promise(name, x, dtype) for name, x in sorted(flat.items())]
  stream.write(out, promises, export.metadata(record), on_tensor)


def write_diffusers(
  stage: stages.Stage,
  params: Params,
  out: str | os.PathLike,
  dtype: str = "float32",
  on_tensor: OnTensor | None = None,
) -> None:
  """Writes the folder of a U-Net that diffusers loads.

  Args:
    stage: of the weights; of the image network, or inflated from it.
    params: its parameters.
    out: folder; nothing may stand there.
    dtype: one of `DTYPES`, to round to.
    on_tensor: see `stream.write`.

  Raises:
    ConfigError: an unknown dtype, or something stands there.
    WeightsError: diffusers has no such network.
    OutputError: it could not be written.
  """
  out = _checked(out, dtype)
  if stage.network is None or "network" not in params:
    raise errors.WeightsError(
      f"a stage {stage.name!r} has no image network; give a run of stage t2i, "
      "base or ssr."
    )
  if stages.STYLE in params:
    raise errors.WeightsError(
      "a style is a change of another network's weights, and diffusers has no "
      "such thing; it can be written as safetensors of our names."
    )
  spec, width = stage.network.spec, stage.text_shape[1]
  bare = dataclasses.replace(spec, given=False)
  side = stage.recipe["data"]["resolution"]
  config = diffusers_spec.config(bare, width, side)
  flat = image_part(params["network"], spec)
  named = {_name(path, spec.num_levels): x for path, x in flat.items()}
  promises = [_promise(name, x, dtype) for name, x in sorted(named.items())]
  with atomic.replacing_folder(out) as folder:
    text = json.dumps(config, indent=2)
    (folder / folders.CONFIG).write_text(f"{text}\n", encoding="utf-8")
    # Their loader asks in the header what wrote the file.
    stream.write(folder / _FILE, promises, {"format": "pt"}, on_tensor)


def image_part(
  network: Params, spec: specs.UNetSpec
) -> Mapping[matching.Path, np.ndarray]:
  """Path -> parameter of the image network, their axes as theirs.

  Args:
    network: parameters, of an inflated one too.
    spec: of the image network; what a conditional one is told in addition, the
      last channels of its first convolution, is left out.
  """
  _, kept = inflate.split(network)
  flat = dict(flax.traverse_util.flatten_dict(kept))
  first = ("conv_in", "conv", "kernel")
  if spec.given:
    flat[first] = np.asarray(flat[first])[..., : 6 if spec.low_res else 3, :]
  return {path: _arranged(path, x) for path, x in flat.items()}


def _arranged(path: matching.Path, array) -> np.ndarray:
  array = arrange.to_torch(np.asarray(array))
  # A table of one row, which is a vector here.
  return array[None] if path[-1] == "offset" else array


def _name(path: matching.Path, num_levels: int) -> str:
  name = diffusers_names.theirs(path, num_levels)
  if name is None:
    raise errors.WeightsError(
      f"diffusers has nothing like {'/'.join(path)}; any network can be "
      "written as safetensors of our names."
    )
  return name


def _promise(name: str, array, dtype: str) -> stream.Promise:
  return stream.Promise(
    name=name,
    shape=np.shape(array),
    dtype=_DTYPE[dtype],
    make=lambda: np.asarray(array),
  )


def _checked(out: str | os.PathLike, dtype: str) -> pathlib.Path:
  errors.require_one_of("dtype", dtype, DTYPES)
  out = pathlib.Path(out)
  if out.exists():
    raise errors.ConfigError(
      f"{out} is there already; give another --out, or delete it."
    )
  return out
