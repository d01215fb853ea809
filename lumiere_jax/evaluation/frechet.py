"""Frechet distance between two sets of clips, on the features of a network.

Each set is taken for a Gaussian:

  d^2 = |m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2)).

The estimate grows as sets shrink, so that distances compare at the same number
of clips alone; the distance of two sets of real clips says what 0 looks like.
"""

import numpy as np

from lumiere_jax import errors


def distance(one: np.ndarray, other: np.ndarray) -> float:
  """Squared Frechet distance of two sets of features.

  Args:
    one: [N, F], a row a clip.
    other: [M, F].

  Raises:
    ShapeError: a set has fewer than 2 rows, or the widths differ.
  """
  if min(len(one), len(other)) < 2 or one.shape[1:] != other.shape[1:]:
    raise errors.ShapeError(
      f"features of shapes {one.shape} and {other.shape}: give two rows or "
      "more a set, of one width."
    )
  one, other = one.astype(np.float64), other.astype(np.float64)
  apart = np.sum(np.square(one.mean(0) - other.mean(0)))
  spread, others = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
  # tr (C_1 C_2)^(1/2) by the symmetric root C_1^(1/2) C_2 C_1^(1/2).
  values, vectors = np.linalg.eigh(np.atleast_2d(spread))
  root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
  inner = np.linalg.eigvalsh(root @ np.atleast_2d(others) @ root)
  shared = np.sum(np.sqrt(np.maximum(inner, 0)))
  total = apart + np.trace(np.atleast_2d(spread)) - 2 * shared
  return float(max(total + np.trace(np.atleast_2d(others)), 0.0))
