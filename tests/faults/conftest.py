"""A dataset, and a run that nothing happened to."""

import clips
from e2e import commands
from faults import runs
import pytest

from lumiere_jax.video import write

STEPS = 16


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
  home = tmp_path_factory.mktemp("faults")
  (home / "source").mkdir()
  for index in range(4):
    # Mirrored and negative, or they would be copies of one clip.
    frames = clips.moving(130)[:, :: 1 - 2 * (index % 2)]
    frames = 255 - frames if index >= 2 else frames
    write.write_mp4(home / "source" / f"{index}.mp4", frames, 25)
    (home / "source" / f"{index}.txt").write_text(f"clip number {index}")
  done = commands.run(
    "prepare", "--source", home / "source", "--out", home / "data"
  )
  assert done.returncode == 0, done.stderr
  return runs.Lab(
    home=home,
    flags=("--config.every.checkpoint=2", "--config.data.global_batch=4"),
  )


@pytest.fixture(scope="session")
def undisturbed(lab):
  """Name of a run of `STEPS` steps."""
  assert lab.finish("undisturbed", STEPS) == 1
  return "undisturbed"
