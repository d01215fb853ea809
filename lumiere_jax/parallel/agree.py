"""Decisions that all processes of a job take alike.

Each is a collective: every process must call it, at the same place of its
program.  Alone, a process agrees with itself at no cost.
"""

import jax
from jax.experimental import multihost_utils
import numpy as np


def largest(value: int) -> int:
  """The largest of what the processes say."""
  if jax.process_count() == 1:
    return value
  return int(multihost_utils.process_allgather(np.int32(value)).max())


def first(value: int) -> int:
  """What process 0 says; what the others give is not looked at."""
  if jax.process_count() == 1:
    return value
  return int(multihost_utils.broadcast_one_to_all(np.int32(value)))
