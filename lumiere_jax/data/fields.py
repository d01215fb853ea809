"""Which fields of a dataset's records hold the picture and the caption.

Other people's datasets call them what they like.  A field is a path such as
"video/frames"; the first known one that is there is taken, unless the user
names another.
"""

from collections.abc import Iterator, Mapping, Sequence
import re
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from lumiere_jax import errors

PICTURES = (
  *("video/frames", "video", "image_sequence", "frames", "images"),
  *("image_main", "image_aux1", "image"),
)
TEXTS = (
  *("caption", "captions", "captions/text", "text", "prompt", "label"),
  *("metadata/video_name", "video_name", "title", "class"),
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def choose(
  features: Any, asked: str | None, known: Sequence[str], what: str, where: str
) -> str | None:
  """The path of a field, or None if no known one is there.

  Args:
    features: of the records.
    asked: the path the user gave, or None.
    known: paths to try.
    what: "video" or "text", for the message.
    where: the dataset, for the message.

  Raises:
    DataError: the path asked for is not there.
  """
  there = list(paths(features))
  if asked is None:
    return next((path for path in known if path in there), None)
  if asked not in there:
    raise errors.DataError(
      f"{where} has no field {asked!r} to read as {what}; its fields are "
      f"{', '.join(there)}."
    )
  return asked


def paths(features: Any, prefix: str = "") -> Iterator[str]:
  """All paths into a record that end at something other than a dict."""
  if isinstance(features, tfds.features.Sequence):
    features = features.feature
  if not isinstance(features, Mapping | tfds.features.FeaturesDict):
    yield prefix
    return
  for key, feature in features.items():
    yield from paths(feature, f"{prefix}/{key}" if prefix else key)


def get(tree: Any, path: str) -> Any:
  """What stands at a path of a record, or of its features."""
  for key in path.split("/"):
    if isinstance(tree, tfds.features.Sequence):
      tree = tree.feature
    tree = tree[key]
  return tree


def picture(value: Any, name: str) -> bytes | tuple[bytes, ...] | np.ndarray:
  """The bytes of one file, or of a file a frame, or [T, H, W, 3] uint8.

  Raises:
    DataError: none of these.
  """
  if isinstance(value, bytes):
    return value
  if len(value) and all(isinstance(one, bytes) for one in value):
    return tuple(value)  # numpy would strip zeros from the ends
  values = np.asarray(value)
  if values.ndim == 3 and values.shape[-1] in (1, 3):
    values = values[None]  # one still
  if values.ndim == 4 and values.dtype == np.uint8 and len(values):
    if values.shape[-1] == 1:
      return np.repeat(values, 3, axis=-1)
    if values.shape[-1] == 3:
      return values
  raise errors.DataError(
    f"{name} holds {values.dtype} video of shape {values.shape}; frames are "
    "uint8 [T, H, W, 3] or [T, H, W, 1], or the bytes of a video file."
  )


def captions(value: Any, classes: Sequence[str] | None) -> tuple[str, ...]:
  """One or more captions: texts, or the name of a class in words."""
  values = np.asarray(value).ravel().tolist()
  if classes:
    return tuple(in_words(classes[int(one)]) for one in values)
  return tuple(
    one.decode(errors="replace") if isinstance(one, bytes) else str(one)
    for one in values
  )


def in_words(name: str) -> str:
  """ "ApplyEyeMakeup", "apply_eye_makeup" -> "apply eye makeup"."""
  words = _HUMP.sub(" ", name).replace("_", " ").replace("-", " ")
  return words.lower()
