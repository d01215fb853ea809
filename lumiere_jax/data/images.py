"""A handful of pictures, as they lie on a disk: what a style is learned from.

`images:style.png` is one picture, `images:a.png,b.jpg` two, `images:FOLDER` all
in a folder.  Each is called what the text file beside it says (a.txt beside
a.png), or, with `?caption=...`, what that says.
"""

import hashlib
import pathlib

from lumiere_jax import errors
from lumiere_jax.data import source
from lumiere_jax.data import spec
from lumiere_jax.video import still

_KINDS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class ImageSource:
  """Random access to pictures, each a clip of one frame.

  Attributes:
    dataset: "images:" and what follows.
    split: "", for there is none.
    root: "", for nothing is sealed.
    digest: identifies the pictures and what they are called.
  """

  root = split = ""

  def __init__(self, part: spec.Part | str, split: str = "train"):
    """Raises `DataError` where a picture, or what it is called, is missing."""
    del split
    if not isinstance(part, spec.Part):
      part = spec.Part.from_text(part)
    for option in ("split", "fps", "video", "text"):
      if getattr(part, option) is not None:
        raise errors.ConfigError(
          f"{part.name} was given the option {option!r}, and takes caption "
          "alone: it holds pictures."
        )
    self.dataset = part.name
    self._paths = _find(part.name)
    self._captions = [_caption(path, part.caption) for path in self._paths]
    total = hashlib.sha256()
    for path, caption in zip(self._paths, self._captions, strict=True):
      data = path.read_bytes()
      still.decode(data, name=f"{path}")  # damaged ones are told now
      total.update(hashlib.sha256(data).digest() + caption.encode())
    self.digest = f"images {total.hexdigest()}"

  def __len__(self) -> int:
    """Number of pictures."""
    return len(self._paths)

  def __getitem__(self, index: int) -> source.Clip:
    """Reads one picture."""
    path = self._paths[index]
    return source.Clip(
      video=(path.read_bytes(),),
      captions=(self._captions[index],),
      name=f"{path}",
      duration=None,
      fps=None,
      hold=True,
      id=path.name,
    )

  def captions(self, index: int) -> tuple[str, ...]:
    """What a picture is called."""
    return (self._captions[index],)

  def __repr__(self) -> str:
    return f"ImageSource({self.dataset!r})"


def _find(dataset: str) -> list[pathlib.Path]:
  found = []
  for name in dataset.removeprefix(spec.IMAGES).split(","):
    path = pathlib.Path(name.strip())
    if path.is_dir():
      inside = sorted(p for p in path.iterdir() if p.suffix.lower() in _KINDS)
      if not inside:
        raise errors.DataError(
          f"{path} holds no pictures; those are files ending in "
          f"{', '.join(_KINDS)}."
        )
      found += inside
    elif path.is_file():
      found.append(path)
    else:
      raise errors.DataError(
        f"there is no picture {path}; give files, with commas between them, or "
        "a folder."
      )
  return found


def _caption(path: pathlib.Path, given: str | None) -> str:
  beside = path.with_suffix(".txt")
  if given is None and beside.is_file():
    given = beside.read_text("utf-8").strip()
  if not given:
    raise errors.DataError(
      f"it is not said what {path} shows; write it into {beside}, or give one "
      "caption for all (--config.style.caption)."
    )
  return given
