"""Weights of other frameworks as a folder of ours.

First it is settled which tensor becomes which parameter, from files' headers
alone; whatever is wrong is said then.  Then they are written one by one, so
that no more memory is taken than the largest one needs.

  OUT/run.json                    the recipe of the networks
  OUT/weights/params.safetensors  part/path/of/parameter -> tensor
  OUT/weights/checksums.json
  OUT/spiece.model                the text encoder's tokenizer
  OUT/import.json                 what was read, and what was of no use
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import json
import os
import pathlib
from typing import Any

import numpy as np

from lumiere_jax import errors
from lumiere_jax.checkpoints import checksums
from lumiere_jax.interop import diffusers_config
from lumiere_jax.interop import diffusers_scheduler
from lumiere_jax.interop import diffusers_unet
from lumiere_jax.interop import folders
from lumiere_jax.interop import matching
from lumiere_jax.interop import shelves
from lumiere_jax.interop import stream
from lumiere_jax.interop import tensors
from lumiere_jax.interop import transformers_t5
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.text import tokenizer_json
from lumiere_jax.video import atomic

NETWORK, TEXT = "network", "text"
SPIECE, REPORT = transformers_t5.SPIECE, "import.json"
DTYPES = ("float32", "float16", "bfloat16")
_DTYPE = {np.dtype(d).name: np.dtype(d) for d in tensors.DTYPES.values()}
_SIDE = (64, 256)  # of pictures, without low resolution and with it
_ENLARGEMENT = 4  # by IF's second stage; its config does not say


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
  """How to import.

  Attributes:
    variant: which of several precisions; see `shelves.open_`.
    allow_pickle: likewise.
    compute_dtype: what the networks compute in.
    max_length: of captions, in tokens.
    padding: whether networks attend to what is behind a caption, "hidden" or
      "seen"; None for "seen" where there is a U-Net: diffusers' pipelines
      never mask it.
  """

  variant: str | None = None
  allow_pickle: bool = False
  compute_dtype: str = "bfloat16"
  max_length: int = 77
  padding: str | None = None

  def open(self, folder: pathlib.Path) -> shelves.Shelf:
    """Opens the weights in a folder."""
    return shelves.open_(
      folder, variant=self.variant, allow_pickle=self.allow_pickle
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
  """One model of what is imported.

  Attributes:
    name: "network" or "text".
    matches: its parameters and their tensors.
    shelf: where those are.
  """

  name: str
  matches: Sequence[matching.Match]
  shelf: shelves.Shelf

  @property
  def num_params(self) -> int:
    """How many numbers."""
    return sum(int(np.prod(one.shape)) for one in self.matches)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Import:
  """What is to be written.

  Attributes:
    source: folder that it comes from.
    recipe: of the networks.
    parts: models.
    spiece: SentencePiece model to write, if any.
    unused: names of tensors and of parts of a pipeline that nothing is made of.
    notes: what is worth knowing, sentences.
  """

  source: pathlib.Path
  recipe: Mapping[str, Any]
  parts: Sequence[Part]
  spiece: bytes | None = None
  unused: Sequence[str] = ()
  notes: Sequence[str] = ()

  @property
  def largest(self) -> int:
    """Bytes of the largest tensor, as it is stored."""
    return max(one.tensor.num_bytes for p in self.parts for one in p.matches)


def plan(
  source: str | os.PathLike,
  text: str | os.PathLike | None = None,
  options: Options = Options(),
) -> Import:
  """Settles what becomes of a folder's tensors.

  Args:
    source: folder of a diffusers U-Net, a transformers text encoder, or a
      pipeline with both.
    text: another folder to take the text encoder from.
    options: see `Options`.

  Raises:
    WeightsError: there is something that is not expressed here, or damaged.
    ConfigError: a dtype that is none.
  """
  errors.require_one_of("compute dtype", options.compute_dtype, DTYPES)
  if options.padding is not None:
    errors.require_one_of("padding", options.padding, stages.PADDINGS)
  found = folders.find(source)
  if text is not None:
    other = folders.find(text)
    if other.text_encoder is None:
      raise errors.WeightsError(
        f"{text} holds no text encoder; give the folder of one in "
        "transformers' format, or of a pipeline."
      )
    found = dataclasses.replace(
      found, text_encoder=other.text_encoder, tokenizer=other.tokenizer
    )
  parts, notes, section, recipe = [], [], None, {}
  if found.text_encoder:
    section, part = _text(found, options)
    usual = stages.SEEN if found.unet else stages.HIDDEN
    section["padding"] = options.padding or usual
    recipe = {"stage": stages.TEXT, "text": section, "diffusion": {}}
    parts.append(part)
  spiece = _beside(section, notes) if section else None
  if found.unet:
    config = diffusers_unet.read_config(found.unet)
    if section is None:
      section = _no_text(config, options, notes)
    # What those pipelines tell the side that guidance steers away from.
    section["null"] = stages.EMPTY
    recipe = _image_recipe(found, config, section, options, notes)
    shelf = options.open(found.unet)
    matches = diffusers_unet.match(config, shelf)
    parts.append(Part(name=NETWORK, matches=matches, shelf=shelf))
  unused = [f"{p.name}: {name}" for p in parts for name in p.shelf.unused]
  return Import(
    source=pathlib.Path(source),
    recipe=recipe,
    parts=parts,
    spiece=spiece,
    unused=(*unused, *found.others),
    notes=notes,
  )


def write(
  what: Import,
  out: str | os.PathLike,
  dtype: str | None = None,
  on_tensor: Callable[[int, int], None] | None = None,
) -> None:
  """Writes the whole folder, or none.

  Args:
    what: from `plan`.
    out: folder; nothing may stand there.
    dtype: to round parameters to; None keeps what each is stored as.
    on_tensor: see `stream.write`.

  Raises:
    ConfigError: something stands at `out`, or there is no such dtype.
    OutputError: it could not be written.
  """
  if dtype is not None:
    errors.require_one_of("dtype", dtype, DTYPES)
  out = pathlib.Path(out)
  if out.exists():
    raise errors.ConfigError(
      f"{out} is there already; give another --out, or delete it."
    )
  record = _record(what)
  with atomic.replacing_folder(out) as folder:
    weights = folder / export.FOLDER
    weights.mkdir()
    stream.write(
      weights / export.FILE,
      [_promise(p, one, dtype) for p in what.parts for one in p.matches],
      export.metadata(record),
      on_tensor,
    )
    checksums.write(weights)
    if what.spiece:
      (folder / SPIECE).write_bytes(what.spiece)
    report = json.dumps(_report(what), indent=1)
    (folder / REPORT).write_text(f"{report}\n", encoding="utf-8")
    run_record.write(folder, record)


def _report(what: Import) -> dict[str, Any]:
  parts = {
    part.name: {
      "from": str(part.shelf.path),
      "tensors": len(part.matches),
      "parameters": part.num_params,
    }
    for part in what.parts
  }
  return {
    "source": str(what.source),
    "parts": parts,
    "unused": list(what.unused),
    "notes": list(what.notes),
  }


def _promise(
  part: Part, match: matching.Match, dtype: str | None
) -> stream.Promise:
  return stream.Promise(
    name="/".join((part.name, *match.path)),
    shape=match.shape,
    dtype=_DTYPE[dtype] if dtype else match.tensor.dtype,
    make=match.read,
  )


def _record(what: Import) -> run_record.RunRecord:
  unknown = {
    "name": f"what {what.source} was trained on",
    "split": "",
    "root": "",
    "num_clips": 0,
  }
  return run_record.RunRecord(
    recipe=what.recipe,
    versions=run_record.versions(),
    mesh={},
    datasets=[unknown],
  )


def _text(
  found: folders.Found, options: Options
) -> tuple[dict[str, Any], Part]:
  """The text section of a recipe, and the encoder."""
  folder = found.text_encoder
  config = folders.read_json(folder / folders.CONFIG)
  beside = [path for path in (found.tokenizer, folder) if path]
  section = transformers_t5.fields(config, *beside)
  section["max_length"] = options.max_length
  section["encoder"] |= {"dtype": options.compute_dtype}
  shelf = options.open(folder)
  matches = transformers_t5.match(config, shelf)
  return section, Part(name=TEXT, matches=matches, shelf=shelf)


def _beside(section: dict[str, Any], notes: list[str]) -> bytes | None:
  """The tokenizer's model, whose file the section names as it will lie."""
  if section["tokenizer"] != "sentencepiece":
    return None
  if section["spiece"] is None:
    notes.append(
      "there is no spiece.model or tokenizer.json beside the text encoder: "
      "what reads captions needs --config.text.spiece."
    )
    return None
  path, section["spiece"] = pathlib.Path(section["spiece"]), SPIECE
  if path.name == SPIECE:
    return path.read_bytes()
  try:
    return tokenizer_json.spiece(path)
  except errors.ConfigError as error:
    section["spiece"] = None
    notes.append(str(error))
    return None


def _no_text(
  config: Mapping[str, Any], options: Options, notes: list[str]
) -> dict[str, Any]:
  """A section in the place of an encoder that is not known."""
  notes.append(
    "there is no text encoder in it: give --text ENCODER to import one beside "
    "it, or name both in init_from, with a comma between."
  )
  width = diffusers_config.text_width(config)
  nothing = dict(num_layers=0, num_heads=1, head_dim=1, mlp_width=1)
  return dict(
    tokenizer="bytes",
    max_length=options.max_length,
    spiece=None,
    encoder=dict(width=width, **nothing),
  )


def _image_recipe(
  found: folders.Found,
  config: Mapping[str, Any],
  text: Mapping[str, Any],
  options: Options,
  notes: list[str],
) -> dict[str, Any]:
  fields = diffusers_config.unet_fields(config)
  noise = diffusers_scheduler.IF
  if found.scheduler:
    noise = folders.read_json(found.scheduler / folders.SCHEDULER)
  else:
    notes.append(
      "there is no scheduler in it: to sample from it, the noise of DeepFloyd "
      "IF is assumed."
    )
  low_res = fields["low_res"]
  side = _side(config, low_res)
  recipe = {
    "stage": stages.IMAGES,
    "data": {"num_frames": 1, "fps": 16, "resolution": side},
    "text": text,
    "model": fields | {"dtype": options.compute_dtype},
    "diffusion": diffusers_scheduler.diffusion(noise),
    "sampling": diffusers_scheduler.sampling(noise, low_res),
    "trainable": "all",
  }
  return _upsampling(recipe, side) if low_res else recipe


def _upsampling(recipe: dict[str, Any], side: int) -> dict[str, Any]:
  """As super-resolution: of clips, whose frames it enlarges one by one."""
  augmented = {"max_noise_level": 1.0, "noise_enlarged": True}
  recipe["stage"] = stages.SUPER_RESOLUTION
  del recipe["model"]["low_res"]  # goes without saying there
  recipe["model"]["temporal"] = {"conv_levels": "none", "attention_blocks": 0}
  recipe["diffusion"] |= {"low_res": side // _ENLARGEMENT} | augmented
  recipe["sampling"] |= {"window": 1, "overlap": 0, "windows_per_call": 8}
  return recipe


def _side(config: Mapping[str, Any], low_res: bool) -> int:
  side = config.get("sample_size") or _SIDE[low_res]
  if isinstance(side, int):
    return side
  if len(set(side)) != 1:
    raise errors.WeightsError(
      f"config.json has sample_size = {side}, and pictures are square here; "
      "write one number there."
    )
  return side[0]
