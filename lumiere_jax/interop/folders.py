"""What a folder of another framework holds, by the files that it has.

model_index.json          a pipeline: a folder for each of its parts
config.json               a model: of diffusers if it has a "_class_name",
                          of transformers if it has a "model_type"
"""

from collections.abc import Mapping
import dataclasses
import json
import os
import pathlib
from typing import Any

from lumiere_jax import errors
from lumiere_jax.interop import shelves

CONFIG, INDEX = "config.json", "model_index.json"
SCHEDULER = "scheduler_config.json"
# Parts of a pipeline that are read; others are named.
PARTS = ("unet", "text_encoder", "tokenizer", "scheduler")
_LORA = ("adapter_config.json", "pytorch_lora_weights.safetensors")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
  """Folders of the parts; None for those that are not there.

  Attributes:
    unet: with the U-Net's config.json and weights.
    text_encoder: likewise the text encoder's.
    tokenizer: with its files.
    scheduler: with scheduler_config.json.
    others: names of parts that are of no use here.
  """

  unet: pathlib.Path | None = None
  text_encoder: pathlib.Path | None = None
  tokenizer: pathlib.Path | None = None
  scheduler: pathlib.Path | None = None
  others: tuple[str, ...] = ()


def find(source: str | os.PathLike) -> Found:
  """Says what a folder holds.

  Raises:
    WeightsError: nothing that is read here.
  """
  source = pathlib.Path(source)
  if not source.exists():
    raise errors.WeightsError(
      f"there is no folder {source}; give one that was downloaded whole, with "
      f"its {INDEX} or {CONFIG}."
    )
  if source.is_file():
    shelves.open_(source)  # what is wrong with the file itself comes first
    raise errors.WeightsError(
      f"{source} is a file, and weights alone do not say what network they "
      f"are of; give the folder, with its {CONFIG} beside them."
    )
  if (source / INDEX).is_file():
    return _pipeline(source)
  if (source / CONFIG).is_file():
    return _model(source, read_json(source / CONFIG))
  raise _unknown(source)


def read_json(path: pathlib.Path) -> dict[str, Any]:
  """Reads a file of fields.

  Raises:
    WeightsError: it is not there, or is no JSON object.
  """
  try:
    said = json.loads(path.read_text(encoding="utf-8"))
  except OSError as error:
    raise errors.WeightsError(
      f"{path} cannot be read ({error.strerror}); give the folder of a model, "
      f"with its {path.name} beside the weights."
    ) from error
  except ValueError as error:
    raise errors.WeightsError(
      f"{path} is no JSON; copy it again from where it was made."
    ) from error
  if not isinstance(said, dict):
    raise errors.WeightsError(
      f"{path} lists no fields; copy it again from where it was made."
    )
  return said


def _pipeline(source: pathlib.Path) -> Found:
  said = read_json(source / INDEX)
  named = [k for k, v in said.items() if k[0] != "_" and _is_part(v)]
  if "vae" in named:
    raise errors.WeightsError(
      f"{source} is a pipeline of latents, {said.get('_class_name')}, and "
      "there is no decoder of latents here; give one of pixels, such as "
      "DeepFloyd IF."
    )
  parts = {}
  for name in PARTS:
    if name not in named:
      continue
    if not (source / name).is_dir():
      raise errors.WeightsError(
        f"{INDEX} names {name} and there is no folder {source / name}; "
        "download the pipeline again, whole."
      )
    parts[name] = source / name
  if not {"unet", "text_encoder"} & parts.keys():
    raise errors.WeightsError(
      f"{source} is a pipeline with neither unet nor text_encoder; give the "
      "folder of DeepFloyd IF or of one like it."
    )
  others = tuple(name for name in named if name not in PARTS)
  return Found(**parts, others=others)


def _is_part(value: Any) -> bool:
  """["library", "class"]; of a part that is left out both are null."""
  return isinstance(value, list) and len(value) == 2 and None not in value


def _model(source: pathlib.Path, config: Mapping[str, Any]) -> Found:
  if "_class_name" in config:
    return Found(unet=source)
  if "model_type" in config or "architectures" in config:
    # In a pipeline's own folder the tokenizer stands beside it.
    beside = source.parent / "tokenizer"
    return Found(
      text_encoder=source,
      tokenizer=beside if beside.is_dir() else source,
    )
  raise errors.WeightsError(
    f"{source / CONFIG} has neither _class_name, as diffusers' models, nor "
    "model_type, as transformers'; give the folder of one of those."
  )


def _unknown(source: pathlib.Path) -> errors.WeightsError:
  held = sorted(path.name for path in source.iterdir())
  if any(name in held for name in _LORA):
    return errors.WeightsError(
      f"{source} holds a change of weights, a LoRA, and no weights; merge it "
      "into its model first, then give that."
    )
  return errors.WeightsError(
    f"{source} has neither {INDEX} nor {CONFIG} (it holds "
    f"{', '.join(held[:5]) or 'nothing'}); give a folder that was downloaded "
    "whole."
  )
