"""What a clip shows, as numbers: what a judge of clips learns to say.

No two things of a scene share both shape and colour, so a thing is found by
its kind, shape x colour.  A clip's truth is which kinds are there, of what
material and size each of them is, which of them acts, and what scene it is;
in which order a caption names them does not matter.  Where its things are is
told too, cell by cell, so that a judge learns shape and colour of what is at a
place, and so knows kinds that no training clip shows.
"""

import numpy as np

from lumiere_jax.toybox import camera as cameras
from lumiere_jax.toybox import motion
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import words

KINDS = tuple(
  (shape, color) for shape in words.SHAPES for color in words.COLORS
)
# Of a thing, beside its kind; 0 stands where the thing is not there.
OF_KINDS = {"material": words.MATERIALS, "size": words.SIZES}
# Offsets of the parts in the array of labels.
_COUNT = len(KINDS)
SIZE = 3 * _COUNT + 1 + len(words.OF_SCENES)
# Cells of a frame's side, and what is said of one: `NOTHING`, `UNSURE` where a
# thing may begin or end, or 1 + the number of the kind of the nearest thing.
CELLS, NOTHING, UNSURE = 8, 0, -1
# Of a thing's radius: within which a cell is its own, and beyond which it is
# surely not.
_INSIDE, _OUTSIDE = 0.6, 1.4

# Number of a value -> that of the value that a mirrored clip shows.
_SIDES = {"left": "right", "right": "left"}
MIRRORED = {
  name: np.array(
    [
      tuple(known).index(" ".join(_SIDES.get(w, w) for w in value.split()))
      for value in known
    ]
  )
  for name, known in words.OF_SCENES.items()
}


def to_array(scene: scenes.Scene) -> np.ndarray:
  """[SIZE] int32: materials, sizes, whether each kind is there; the rest.

  The rest is the number of the kind that acts, and of action, camera, ground
  and sky.
  """
  parts = {name: np.zeros(_COUNT, np.int32) for name in OF_KINDS}
  present = np.zeros(_COUNT, np.int32)
  for thing in scene.things:
    kind = KINDS.index((thing.shape, thing.color))
    present[kind] = 1
    for name, known in OF_KINDS.items():
      parts[name][kind] = 1 + tuple(known).index(getattr(thing, name))
  rest = [KINDS.index((scene.actor.shape, scene.actor.color))]
  rest += [
    tuple(known).index(getattr(scene, name))
    for name, known in words.OF_SCENES.items()
  ]
  return np.concatenate([*parts.values(), present, np.array(rest, np.int32)])


def to_places(scene: scenes.Scene, time: np.ndarray) -> np.ndarray:
  """Which kind is where: [T, CELLS, CELLS] int32.

  Args:
    scene: whose.
    time: [T] seconds.
  """
  tracks, views = motion.tracks(scene, time), cameras.views(scene, time)
  line = (np.arange(CELLS) + 0.5) / CELLS
  grid = np.stack(np.meshgrid(line, line), -1)
  found = np.full((len(time), CELLS, CELLS), NOTHING, np.int32)
  seen = views.project(tracks.position)
  in_frame = tracks.radius * 0.5 / (cameras.HALF_VIEW * seen[..., 2])
  # From the furthest to the nearest, which hides the others.
  for t, k in np.ndindex(*seen.shape[:2]):
    k = np.argsort(-seen[t, :, 2])[k]
    apart = np.linalg.norm(grid - seen[t, k, :2], axis=-1)
    thing, radius = scene.things[k], in_frame[t, k]
    found[t][apart < _OUTSIDE * radius + 0.5 / CELLS] = UNSURE
    is_own = apart < np.maximum(_INSIDE * radius, 0.5 / CELLS)
    found[t][is_own] = 1 + KINDS.index((thing.shape, thing.color))
  return found


def split(labels):
  """[..., SIZE] to a dict of its parts, numpy or jax."""
  found = {
    name: labels[..., k * _COUNT : (k + 1) * _COUNT]
    for k, name in enumerate((*OF_KINDS, "present"))
  }
  rest = labels[..., 3 * _COUNT :]
  names = ("actor", *words.OF_SCENES)
  return found | {name: rest[..., k] for k, name in enumerate(names)}


def from_logits(logits: dict[str, np.ndarray]) -> scenes.Scene:
  """The scene that a judge's answers for one clip describe.

  Args:
    logits: see `models.judge.Judge`, without the axis of clips.

  Returns:
    A scene of the kinds that are more likely there than not, at least one and
    at most three, the actor first; its seed is of no meaning.
  """
  likely = np.argsort(-logits["present"])[:3]
  kinds = [k for k in likely if logits["present"][k] > 0] or [likely[0]]
  actor = max(kinds, key=lambda k: logits["actor"][k])
  kinds.sort(key=lambda k: k != actor)
  best = lambda known, values: tuple(known)[int(np.argmax(values))]
  things = tuple(
    scenes.Thing(
      shape=KINDS[k][0],
      color=KINDS[k][1],
      **{
        name: best(known, logits[name][k]) for name, known in OF_KINDS.items()
      },
    )
    for k in kinds
  )
  scene = {
    name: best(known, logits[name]) for name, known in words.OF_SCENES.items()
  }
  if len(things) < 2 and scene["action"] in words.PAIRED:
    alone = [a for a in words.ACTIONS if a not in words.PAIRED]
    at = [tuple(words.ACTIONS).index(a) for a in alone]
    scene["action"] = best(alone, logits["action"][at])
  return scenes.Scene(things=things, **scene)
