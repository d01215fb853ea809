"""The motion score is a mean difference, in levels."""

import numpy as np

from lumiere_jax.generation import motion


def test_frames_that_darken_by_three_levels_score_three():
  frames = np.array([9, 6, 3], np.uint8)[:, None, None, None]
  frames = np.broadcast_to(frames, (3, 4, 4, 3))
  assert motion.score(frames) == 3.0
  np.testing.assert_array_equal(motion.differences(frames), [3.0, 3.0])


def test_a_still_or_single_frame_scores_zero():
  frames = np.full((5, 2, 2, 3), 200, np.uint8)
  assert motion.score(frames) == motion.score(frames[:1]) == 0.0
