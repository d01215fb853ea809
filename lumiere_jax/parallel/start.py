"""Multi-host start-up: one call that does nothing on a single machine."""

import os

import jax

from lumiere_jax.parallel import machine


def initialize() -> None:
  """Joins the other processes of the job, if there are any.

  On a TPU pod everything is read from the machine.  Elsewhere set
  JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID.
  """
  if jax.distributed.is_initialized():
    return
  if "JAX_NUM_PROCESSES" in os.environ:
    jax.distributed.initialize(
      num_processes=int(os.environ["JAX_NUM_PROCESSES"]),
      process_id=int(os.environ["JAX_PROCESS_ID"]),
    )
  elif machine.is_one_of_many():
    jax.distributed.initialize()
