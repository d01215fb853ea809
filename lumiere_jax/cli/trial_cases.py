"""Real clips on which applications are tried, and what is asked of each."""

import dataclasses
import pathlib

import numpy as np

from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import told
from lumiere_jax.evaluation import toybox_suite
from lumiere_jax.evaluation import trials
from lumiere_jax.toybox import caption as captions
from lumiere_jax.toybox import render

FPS = toybox_suite.FPS
WIDE = 16 / 9  # what a square is made
CONTEXT = 24  # frames that a stretch is given of what was before
_SIZE = 128
_MARGIN = 8  # pixels around what moves
# Clips looked through for one that will do, and for one to edit.
_CANDIDATES, _TO_EDIT = 4, 40


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
  """A real clip, what it shows, and what is asked for.

  Attributes:
    index: of the clip in the split "test".
    frames: [T, S, S, 3] uint8.
    things: [T, S, S] uint8; see `render.Footage`.
    wanted: what the result is to show.
    text: the prompt.
    source: what the real clip shows.
  """

  index: int
  frames: np.ndarray
  things: np.ndarray
  wanted: toybox_suite.Prompt
  text: str
  source: toybox_suite.Prompt

  @property
  def box(self) -> np.ndarray:
    """[T, S, S] bool around what acts."""
    return trials.around(self.things, _MARGIN)

  @property
  def region(self) -> np.ndarray:
    """[S, S] bool: wherever what acts comes."""
    return self.box.any(0)

  @property
  def footage(self) -> footages.Footage:
    """The clip as an application takes it."""
    count = len(self.frames)
    return footages.Footage(
      path=pathlib.Path(f"test {self.index}"),
      frames=self.frames,
      fps=FPS,
      shown=np.arange(count),
      rate=FPS,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made:
  """What was painted of a case.

  Attributes:
    told: what the networks were told.
    base: [T, s, s, 3] uint8 of the first stage.
    last: [T, S, S, 3] uint8 of the last.
    placed: what the person gets.
    style: in which style; None for none.
    plain: the clip without it.
    drawn: the real clip, rendered in it.
  """

  told: told.Told
  base: np.ndarray
  last: np.ndarray
  placed: np.ndarray
  style: str | None = None
  plain: np.ndarray | None = None
  drawn: np.ndarray | None = None


def columns(case: Case) -> slice:
  """The middle of a clip, of which outpainting is to make the whole."""
  side = case.frames.shape[2]
  return slice(side * 7 // 32, side - side * 7 // 32)


def cases(app: str, count: int, folder: pathlib.Path) -> list[Case]:
  """The first clips of the split "test" that will do for an application.

  What acts must be in sight at the start and at the end, and, for what is to
  move, must do more than stand.  Of clips to edit, whose way is to stay, the
  way must be one that can be told: the camera is still and something moves.
  """
  found = []
  candidates = count * (_TO_EDIT if app == "edit" else _CANDIDATES)
  for prompt in toybox_suite.prompts("test", candidates):
    if len(found) == count:
      break
    wanted = _wanted(app, prompt)
    if wanted is None or not _may_do(app, prompt):
      continue
    frames, things = _rendered(prompt, folder)
    if not trials.visible(things):
      continue
    if app == "edit" and trials.follows(frames, frames) is None:
      continue
    found.append(
      Case(
        index=prompt.index,
        frames=frames,
        things=things,
        wanted=wanted,
        text=wanted.text,
        source=prompt,
      )
    )
  return found


def _may_do(app: str, prompt: toybox_suite.Prompt) -> bool:
  """Whether a scene is worth rendering for an application."""
  stands = prompt.scene.action == "still"
  if app == "edit":
    return not stands and prompt.scene.camera == "still"
  return not (stands and app == "cinemagraph")


def drawn(case: Case, style: str, folder: pathlib.Path) -> np.ndarray:
  """[T, S, S, 3] uint8: the real clip of a case, rendered in a style."""
  scene = dataclasses.replace(case.source.scene, style=style)
  prompt = dataclasses.replace(case.source, scene=scene)
  return _rendered(prompt, folder)[0]


def _rendered(
  prompt: toybox_suite.Prompt, folder: pathlib.Path
) -> tuple[np.ndarray, np.ndarray]:
  """Frames and things of a real clip; rendered if it is not there yet."""
  style = f"_{prompt.scene.style}" if prompt.scene.style else ""
  path = folder / f"{prompt.index:06d}{style}.npz"
  if not path.exists():
    real = render.footage(
      prompt.scene, _SIZE, num_frames=toybox_suite.NUM_FRAMES, fps=FPS
    )
    toybox_suite.save(path, {"frames": real.frames, "things": real.things})
  with np.load(path) as kept:
    return kept["frames"], kept["things"]


def _wanted(app: str, prompt: toybox_suite.Prompt):
  """What the result is to show: all of the clip, or another colour."""
  scene = prompt.scene
  if app == "edit":
    scene = trials.recolored(scene, np.random.default_rng([prompt.index]))
    if scene is None:
      return None
  caption = captions.plain(scene)
  return dataclasses.replace(
    prompt, scene=scene, text=caption.text, said=caption.labels
  )
