r"""A clip painted over by another prompt (SDEdit; Lumiere, section 4).

  lumiere edit --video ball.mp4 --prompt "a blue ball rolls over the grass" \
    --strength 0.7 --out blue.mp4

The more strength, the more is changed; with --mask (as for `lumiere inpaint`)
only there.
"""

import dataclasses
import pathlib

import tyro

from lumiere_jax.apps import edit
from lumiere_jax.apps import footage as footages
from lumiere_jax.apps import mask_spec
from lumiere_jax.apps import told
from lumiere_jax.cli import application
from lumiere_jax.cli import exits


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flags(application.Flags):
  """Flags of `lumiere edit`.

  Attributes:
    video: the clip; its first seconds are used.
    strength: above 0, where nothing changes, to 1, where little is kept.
    mask: where it may change; everywhere if not given.
    start: seconds into the clip.
  """

  video: pathlib.Path
  strength: float = 0.7
  mask: str | None = None
  start: float = 0.0


def main(argv: list[str] | None = None) -> None:
  """Edits a clip; see the module for the command."""
  flags = tyro.cli(Flags, args=argv, prog="lumiere edit", description=__doc__)
  application.run(
    "edit",
    flags,
    lambda shape, fps: _tell(flags, shape, fps),
    # Without a mask no pixel is given, and the base itself will do.
    is_conditional=flags.mask is not None,
  )


def _tell(flags: Flags, shape: tuple[int, int, int], fps: float) -> told.Told:
  clip = footages.load(
    flags.video, num_frames=shape[0], rate=fps, start=flags.start
  )
  if flags.mask is None:
    return edit.tell(clip, flags.strength, shape)
  height, width = clip.frames.shape[1:3]
  mask, said = mask_spec.load(
    flags.mask, times=clip.times, height=height, width=width
  )
  found = edit.tell(clip, flags.strength, shape, mask)
  return dataclasses.replace(found, notes=told.notes(said, *found.notes))


if __name__ == "__main__":
  exits.run(main)
