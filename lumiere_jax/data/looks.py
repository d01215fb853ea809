"""What a file may look like in a dataset that was prepared from it.

`lumiere prepare` cuts files at their shots and crops black bars, or does
neither, as it was told; so a file has several fingerprints.
"""

from collections.abc import Iterator
import os
import pathlib

import numpy as np

from lumiere_jax import errors
from lumiere_jax.video import fingerprint
from lumiere_jax.video import letterbox
from lumiere_jax.video import shots
from lumiere_jax.video import transcode


def of(path: os.PathLike | str) -> tuple[str, ...]:
  """Fingerprints of a file and of each of its shots, without repeats.

  Returns:
    64 hex digits each; none if the file cannot be decoded.
  """
  path = pathlib.Path(path)
  try:
    found = list(_of(transcode.survey(path).thumbs))
    box = letterbox.survey(path)
    if not box.is_empty:
      found += _of(transcode.survey(path, box=box).thumbs)
  except errors.VideoError:
    return ()
  return tuple(dict.fromkeys(found))


def _of(thumbs: np.ndarray) -> Iterator[str]:
  yield fingerprint.fingerprint(thumbs)
  for shot in np.split(thumbs, shots.find(thumbs)):
    yield fingerprint.fingerprint(shot)
