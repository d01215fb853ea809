"""What each application gives, and what becomes of what is painted."""

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.apps import cinemagraph
from lumiere_jax.apps import edit
from lumiere_jax.apps import footage
from lumiere_jax.apps import inpaint
from lumiere_jax.apps import keyframes

SHAPE = (5, 8, 8)


def _noise(*shape, seed=0):
  return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


PAINTED = _noise(*SHAPE, seed=9)


def _footage(frames, fps=16.0):
  """At the network's rate, or twice that."""
  shown = np.arange(5) * int(fps / 16)
  return footage.Footage(
    path="clip.mp4", frames=frames, fps=fps, shown=shown, rate=16.0
  )


def test_keyframes_are_known_and_nothing_else():
  first, last = _noise(8, 8), _noise(8, 8, seed=1)
  found = keyframes.tell({0: first, -1: last}, SHAPE)
  assert found.given.known.all((1, 2)).tolist() == [True, *[False] * 3, True]
  assert found.given.known.any((1, 2)).sum() == 2
  np.testing.assert_array_equal(found.given.video[0], first)
  np.testing.assert_array_equal(found.given.video[4], last)
  assert found.notes == ()
  np.testing.assert_array_equal(found.place(PAINTED), PAINTED)


def test_a_picture_of_another_shape_is_cut_and_that_is_said():
  found = keyframes.tell({2: _noise(16, 30)}, SHAPE)
  (note,) = found.notes
  assert note.startswith("frame 2 is 30x16, of which the square of 16 pixels")


@pytest.mark.parametrize(
  ("frames", "match"),
  [
    ((), "no frame is given"),
    ((5,), "frame 5 is given, and the clip has frames 0 to 4"),
    ((-6,), "frame -6 is given"),
    ((4, -1), "frame 4 is given twice"),
  ],
)
def test_keyframes_that_make_no_sense_are_refused(frames, match):
  with pytest.raises(errors.ConfigError, match=match):
    keyframes.tell({k: _noise(8, 8) for k in frames}, SHAPE)


def test_a_cinemagraph_moves_in_its_region_alone():
  picture, region = _noise(16, 24), np.zeros((16, 24), bool)
  region[3:9, 14:20] = True
  found = cinemagraph.tell(picture, region, SHAPE)
  assert found.given.known[0].all()
  assert not found.given.known[1:].all()
  assert (found.given.known[1:] == found.given.known[1]).all()
  frames = found.place(PAINTED)
  assert frames.shape == (5, 16, 24, 3)
  np.testing.assert_array_equal(frames[0], picture)
  for frame in frames[1:]:
    np.testing.assert_array_equal(frame[~region], picture[~region])
    assert (frame[region] != picture[region]).mean() > 0.9


def test_inpainting_keeps_all_but_the_mask():
  frames, mask = _noise(5, 16, 24), np.zeros((5, 16, 24), bool)
  mask[1:4, 2:6, 18:22] = True
  found = inpaint.tell(_footage(frames), mask, mask, SHAPE)
  # Every painted pixel that shows a part of the mask is free, no other.
  assert found.given.known[[0, 4]].all()
  assert (~found.given.known[1:4]).sum() == 3 * 2 * 2
  result = found.place(PAINTED)
  np.testing.assert_array_equal(result[~mask], frames[~mask])
  assert (result[mask] != frames[mask]).mean() > 0.9
  assert "from column 8" in found.notes[0]


def test_the_result_has_the_sources_own_frames():
  frames, mask = _noise(10, 8, 8), np.zeros((10, 8, 8), bool)
  mask[:, 2:6, 2:6] = True
  found = inpaint.tell(_footage(frames, fps=32.0), mask, mask[::2], SHAPE)
  assert found.fps == 32.0
  np.testing.assert_array_equal(
    found.given.video[found.given.known], frames[::2][found.given.known]
  )
  result = found.place(PAINTED)
  np.testing.assert_array_equal(result[~mask], frames[~mask])
  np.testing.assert_array_equal(result[mask], PAINTED[np.arange(10) // 2][mask])


def test_what_the_square_cannot_show_is_said():
  frames, mask = _noise(5, 8, 24), np.zeros((5, 8, 24), bool)
  mask[:, 2:4] = True
  found = inpaint.tell(_footage(frames), mask, mask, SHAPE)
  assert "67% of the mask lies outside" in found.notes[1]
  result = found.place(PAINTED)
  np.testing.assert_array_equal(result[:, :, :8], frames[:, :, :8])


def test_an_edit_starts_from_the_source_and_goes_back_into_it():
  frames = _noise(5, 8, 12)
  found = edit.tell(_footage(frames), 0.7, SHAPE)
  assert found.given is None
  assert found.source.strength == 0.7
  np.testing.assert_array_equal(found.source.video, frames[:, :, 2:10])
  result = found.place(PAINTED)
  np.testing.assert_array_equal(result[:, :, 2:10], PAINTED)
  np.testing.assert_array_equal(result[:, :, :2], frames[:, :, :2])


def test_an_edit_with_a_mask_keeps_the_rest():
  frames, mask = _noise(5, 8, 8), np.zeros((5, 8, 8), bool)
  mask[:, 2:6, 2:6] = True
  found = edit.tell(_footage(frames), 0.7, SHAPE, mask)
  np.testing.assert_array_equal(found.given.known, ~mask)
  np.testing.assert_array_equal(found.source.video, frames)
