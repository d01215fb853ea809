"""What a clip of the toybox shows, without a network: checks on the judge.

Each looks at little and says nothing where it cannot tell, so that what it
says can be believed.
"""

import numpy as np

from lumiere_jax.toybox import looks
from lumiere_jax.toybox import words

# Levels of 255 by which a pixel differs from the place's usual look.
_MOVED = 18.0
_LEAST_PIXELS = 0.004  # of a frame, for a region to be one
_LEAST_VOTES = 0.45
# Frame widths a clip, and growth a clip, from which a camera moves.
_PAN, _ZOOM = 0.12, 0.16


def moving(frames: np.ndarray) -> np.ndarray:
  """[T, H, W] bool: where something is that is elsewhere most of the time.

  Args:
    frames: [T, H, W, 3] uint8, of a camera that stays.
  """
  usual = np.median(frames, axis=0)
  return np.abs(frames - usual).mean(-1) > _MOVED


def color(frames: np.ndarray, sky: str) -> str | None:
  """Colour of what moves before a camera that stays.

  Args:
    frames: [T, H, W, 3] uint8.
    sky: whose light it is in.

  Returns:
    Key of `words.COLORS`; None where too little moves, or pixels disagree.
  """
  mask = moving(frames)
  if mask.mean() < _LEAST_PIXELS:
    return None
  pixels = frames[mask].astype(np.float32)
  # What moves casts a shadow that moves; that is darker than the ground there.
  usual = np.broadcast_to(np.median(frames, axis=0), frames.shape)[mask]
  ratio = (pixels + 1) / (usual + 1)
  shadow = (ratio.max(-1) < 1) & (np.ptp(ratio, axis=-1) < 0.12)
  pixels = pixels[~shadow]
  if len(pixels) < _LEAST_PIXELS * mask.size:
    return None
  names, references = _references(sky)
  apart = np.linalg.norm(pixels[:, None] - references, axis=-1)
  votes = np.bincount(
    names[apart.argmin(1)], minlength=len(words.COLORS)
  ) / len(pixels)
  best = int(votes.argmax())
  return tuple(words.COLORS)[best] if votes[best] > _LEAST_VOTES else None


def _references(sky: str) -> tuple[np.ndarray, np.ndarray]:
  """Number of a colour [N], and how it looks in light and shade [N, 3]."""
  light, ambient = looks.light(sky), looks.ambient(sky)
  names, found = [], []
  for number, name in enumerate(words.COLORS):
    for sun in (0.0, 0.35, 0.7, 1.1):
      for stripe in (1.0, float(looks.STRIPE)):
        linear = looks.color(name) * stripe * (ambient + sun * light.color)
        names.append(number)
        found.append(255 * np.sqrt(np.clip(linear, 0, 1)))
  return np.array(names), np.array(found, np.float32)


def track(frames: np.ndarray) -> np.ndarray | None:
  """[T, 3] middle x and y (0 to 1) and size (share) of what moves.

  Frames where nothing does are interpolated; None where most are such.
  """
  mask = moving(frames)
  share = mask.mean((1, 2))
  known = share > _LEAST_PIXELS
  if known.mean() < 0.5:
    return None
  height, width = mask.shape[1:]
  y, x = np.mgrid[:height, :width]
  count = np.maximum(mask.sum((1, 2)), 1)
  middle = lambda place, size: (mask * (place + 0.5)).sum((1, 2)) / count / size
  found = np.stack([middle(x, width), middle(y, height), share], -1)
  time = np.arange(len(frames))
  return np.stack(
    [np.interp(time, time[known], row[known]) for row in found.T], -1
  )


def direction(frames: np.ndarray) -> str | None:
  """The action, where the way of what moves alone tells it.

  Returns:
    "rolls left", "rolls right" or None.
  """
  path = track(frames)
  if path is None:
    return None
  ends = len(path) // 5
  x, y, _ = path[-ends:].mean(0) - path[:ends].mean(0)
  if abs(x) > 0.25 and abs(x) > 2 * abs(y):
    return "rolls left" if x < 0 else "rolls right"
  return None


def camera(frames: np.ndarray) -> str | None:
  """How the camera moves, from the flow of the whole picture.

  One shift and one growth for each pair of frames, by least squares on the
  gradients of the picture (Lucas and Kanade), added up over the clip.

  Returns:
    "still", "zooms in", "zooms out", "pans left", "pans right", or None.
  """
  x, y, growth = flow(frames)
  if abs(growth) > _ZOOM:
    return "zooms in" if growth > 0 else "zooms out"
  if abs(x) > _PAN and abs(x) > 2 * abs(y):
    return "pans left" if x > 0 else "pans right"
  return "still" if max(abs(x), abs(y)) < 0.02 and abs(growth) < 0.02 else None


def flow(frames: np.ndarray) -> np.ndarray:
  """[3] shift right and down in frame sides, and growth, over the clip."""
  grey = frames.astype(np.float32).mean(-1)
  size = grey.shape[-1]
  down, right = np.gradient(grey, axis=(1, 2))
  down, right = ((d[1:] + d[:-1]) / 2 for d in (down, right))
  change = np.diff(grey, axis=0)
  line = (np.arange(size) + 0.5) / size - 0.5
  radial = right * line + down * line[:, None]
  total = np.zeros(3)
  for k in range(len(change)):
    basis = np.stack([right[k], down[k], radial[k] * size], -1).reshape(-1, 3)
    aim = -change[k].ravel()
    weight = np.ones(len(aim))
    for _ in range(3):  # what moves by itself is left out, step by step
      scaled = basis * weight[:, None]
      gram = scaled.T @ basis + 1e-3 * len(aim) * np.eye(3)
      found = np.linalg.solve(gram, scaled.T @ aim)
      weight = 1 / (1 + np.square((aim - basis @ found) / 4.0))
    total += found * (1 / size, 1 / size, 1)
  return total
