"""Telling the host how a sampling is getting on.

A user's `on_step(step, num_steps, clean)` is a plain Python function that gets
the current estimate of the clean clips: [B, T, H, W, 3] float32 numpy.  The
functions here put it into a program, and are not called unless there is one:
without `on_step` the program has no callback at all.

Calls are not waited for.  Whoever needs the last one to have been made calls
`jax.effects_barrier()` after the clips.

On simulated devices (several on one CPU) a call can lock up: every thread of
the pool waits in a collective for the device that calls, which waits for a
thread to copy its clips if they exceed 100 kB.  The environment variable NPROC,
the size of that pool, set to twice the devices before jax loads, prevents it
(jax 0.10.2: 8 devices on 2 cores stop for good without, run with NPROC=32).
So does one device where the process may use one core alone; `lumiere` then sets
NPROC=2 by itself.
"""

from collections.abc import Callable

import jax
import numpy as np

from lumiere_jax.types import Array

# (step from 0, number of steps, clean [B, T, H, W, 3] float32) -> None
OnStep = Callable[[int, int, np.ndarray], None]
# Puts one call of an OnStep into a program that is being traced.
Emit = Callable[[OnStep, Array, int, Array], None]


def emit(on_step: OnStep, step: Array, num_steps: int, clean: Array) -> None:
  """Calls `on_step` once; under jit on a mesh, with the whole array."""
  jax.debug.callback(
    lambda step, clean: on_step(int(step), num_steps, np.asarray(clean)),
    step,
    clean,
  )


def emit_on_first(axis_name: str) -> Emit:
  """An `Emit` for mapped programs, where each device would call for itself."""

  def emit_once(on_step, step, num_steps, clean):
    jax.lax.cond(
      jax.lax.axis_index(axis_name) == 0,
      lambda step, clean: emit(on_step, step, num_steps, clean),
      lambda step, clean: None,
      step,
      clean,
    )

  return emit_once
