"""The Frechet distance of Gaussians whose distance is known."""

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.evaluation import frechet


def test_of_a_set_and_itself_it_is_none():
  rows = np.random.default_rng(0).normal(size=(50, 4))
  assert frechet.distance(rows, rows) == pytest.approx(0, abs=1e-9)


def test_of_a_set_and_itself_moved_it_is_how_far():
  rows = np.random.default_rng(0).normal(size=(50, 3))
  moved = rows + np.array([3.0, 0.0, 4.0])
  assert frechet.distance(rows, moved) == pytest.approx(25)


def test_on_a_line_it_is_of_means_and_deviations():
  one = np.array([[-1.0], [1.0], [0.0]])
  # (m - n)^2 + (s - t)^2, with deviations 1 and 3.
  assert frechet.distance(one, 3 * one + 2) == pytest.approx(4 + 4)


def test_it_does_not_depend_on_the_order_of_sets():
  rng = np.random.default_rng(0)
  one, other = rng.normal(size=(9, 12)), rng.normal(size=(20, 12)) ** 2
  assert frechet.distance(one, other) == pytest.approx(
    frechet.distance(other, one)
  )


@pytest.mark.parametrize("other", [np.zeros((1, 3)), np.zeros((4, 2))])
def test_sets_that_do_not_compare_are_refused(other):
  with pytest.raises(errors.ShapeError, match="two rows or more"):
    frechet.distance(np.zeros((4, 3)), other)
