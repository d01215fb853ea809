"""The tensors of a folder or file of weights, wherever they are kept.

As diffusers and transformers write them: one file, or several with an index
that says which tensor is in which; beside them perhaps the same in half
precision, called a variant ("model.fp16.safetensors").
"""

from collections.abc import Iterator, Mapping
import json
import os
import pathlib

from lumiere_jax import errors
from lumiere_jax.interop import pickles
from lumiere_jax.interop import tensors

# What a model is called by diffusers and by transformers, in this order.
STEMS = ("diffusion_pytorch_model", "model", "pytorch_model")
VARIANTS = (None, "fp16")
_SAFE, _PICKLED, _INDEX = ".safetensors", ".bin", ".index.json"
_LORA = ("lora_A", "lora_B", "lora_up", "lora_down", "lora.up", "lora.down")


class Shelf(Mapping[str, tensors.Tensor]):
  """Name -> tensor, to be read when it is wanted; remembers which were.

  Attributes:
    path: what was opened.
    metadata: text by name, of the first file's header.
  """

  def __init__(
    self,
    path: pathlib.Path,
    found: Mapping[str, tensors.Tensor],
    metadata: Mapping[str, str] | None = None,
  ):
    self.path, self.metadata = path, dict(metadata or {})
    self._found, self._wanted = dict(found), set()

  def __getitem__(self, name: str) -> tensors.Tensor:
    """The tensor of a name; it counts as used from now on."""
    found = self._found[name]
    self._wanted.add(name)
    return found

  def peek(self, name: str) -> tensors.Tensor:
    """The tensor of a name, which does not count as used by that."""
    return self._found[name]

  def __iter__(self) -> Iterator[str]:
    return iter(self._found)

  def __len__(self) -> int:
    return len(self._found)

  def __contains__(self, name: object) -> bool:
    return name in self._found

  @property
  def unused(self) -> tuple[str, ...]:
    """Names that nobody has asked for."""
    return tuple(sorted(self._found.keys() - self._wanted))

  @property
  def largest(self) -> int:
    """Bytes of the largest tensor."""
    return max((one.num_bytes for one in self._found.values()), default=0)


def open_(
  path: str | os.PathLike,
  *,
  variant: str | None = None,
  allow_pickle: bool = False,
) -> Shelf:
  """Opens weights without reading them.

  Args:
    path: a .safetensors file, an index, a .bin, or a folder that holds one of
      those under a name of `STEMS`.
    variant: which of several precisions, such as "fp16"; None for the plain
      one, or the only one.
    allow_pickle: whether a .bin may be opened, by an unpickler that makes
      nothing but tensors.

  Raises:
    WeightsError: none are there, some are missing or broken, or they are a
      change of weights (LoRA) rather than weights.
  """
  path = pathlib.Path(path)
  file = _file_in(path, variant, allow_pickle) if path.is_dir() else path
  if is_index(file):
    shelf = _indexed(file, allow_pickle)
  else:
    shelf = Shelf(file, *_read(file, allow_pickle))
  _refuse_changes(shelf)
  return shelf


def _file_in(
  folder: pathlib.Path, variant: str | None, allow_pickle: bool
) -> pathlib.Path:
  kinds = (_SAFE, _PICKLED) if allow_pickle else (_SAFE,)
  asked = VARIANTS if variant is None else (variant,)
  for kind in kinds:
    for one in asked:
      for stem in STEMS:
        for name in _names(stem, one, kind):
          if (folder / name).is_file():
            return folder / name
  said = f" of the variant {variant!r}" if variant else ""
  pickled = [p.name for p in sorted(folder.glob(f"*{_PICKLED}"))]
  if pickled and not allow_pickle:
    raise pickles.refusal(folder / pickled[0])
  there = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "nothing"
  raise errors.WeightsError(
    f"{folder} holds no weights{said}: there is {there}, and weights are "
    f"called {STEMS[0]}{_SAFE} or {STEMS[1]}{_SAFE}, or have an index beside "
    "them."
  )


def _names(stem: str, variant: str | None, kind: str) -> tuple[str, ...]:
  if variant is None:
    return f"{stem}{kind}", f"{stem}{kind}{_INDEX}"
  return (
    f"{stem}.{variant}{kind}",
    f"{stem}{kind}.index.{variant}.json",
    f"{stem}.{variant}{kind}{_INDEX}",
  )


def is_index(path: pathlib.Path) -> bool:
  """Whether a file says in which files tensors are."""
  return ".index." in path.name and path.suffix == ".json"


def _indexed(index: pathlib.Path, allow_pickle: bool) -> Shelf:
  try:
    places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    files = sorted(set(places.values()))
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise errors.WeightsError(
      f"{index} does not say in which file each tensor is; copy it again from "
      "where it was made."
    ) from error
  found, metadata = {}, {}
  for name in files:
    path = index.with_name(pathlib.PurePath(name).name)
    if not path.is_file():
      raise errors.WeightsError(
        f"{index.name} names {name}, one of {len(files)} files, and it is not "
        f"in {index.parent}; copy all of them there."
      )
    held, said = _read(path, allow_pickle)
    found |= held
    metadata = metadata or said
  missing = sorted(places.keys() - found.keys())
  if missing:
    raise errors.WeightsError(
      f"{index.name} says that {missing[0]} is in {places[missing[0]]}, and it "
      f"is not ({len(missing)} tensors are missing); copy the files again, all "
      "of one download."
    )
  return Shelf(index, {name: found[name] for name in places}, metadata)


def _read(path: pathlib.Path, allow_pickle: bool):
  if path.suffix == _SAFE:
    return tensors.header(path)
  if not path.exists():
    raise errors.WeightsError(
      f"there is no {path}; give a .safetensors file or a folder that holds "
      "one."
    )
  if not allow_pickle:
    raise pickles.refusal(path)
  return pickles.header(path), {}


def _refuse_changes(shelf: Shelf) -> None:
  changes = [n for n in shelf if any(part in n for part in _LORA)]
  if changes:
    raise errors.WeightsError(
      f"{shelf.path} holds a change of weights, a LoRA ({changes[0]}), and no "
      "weights; merge it into its model first, then give that."
    )
