"""Checkpoints: state, average, frozen weights and data iterator in one step.

Four items of one orbax step, committed together:

  state   step, trained parameters, optimizer state, key
  ema     the trained parameters' average; all that sampling needs beside
  frozen  parameters that never change
  data    the iterator's place

Orbax writes in the background and renames a step's folder when it is whole.
"""

import pathlib
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from lumiere_jax.training import step as steps
from lumiere_jax.types import Params

FOLDER = "checkpoints"


class Checkpoints:
  """The checkpoints of one run.

  Attributes:
    keep: how many of the newest to keep.
  """

  def __init__(self, workdir: str, *, keep: int = 2):
    self.keep = keep
    self._manager = ocp.CheckpointManager(
      pathlib.Path(workdir).absolute() / FOLDER,
      options=ocp.CheckpointManagerOptions(
        max_to_keep=keep, enable_async_checkpointing=True
      ),
      item_names=("state", "ema", "frozen", "data"),
    )

  def latest(self) -> int | None:
    """Newest complete step, or None."""
    return self._manager.latest_step()

  def save(
    self, state: steps.TrainState, frozen: Params, data: dict[str, Any]
  ) -> None:
    """Saves in the background; a second save of one step does nothing."""
    step = int(state.step)
    if step == self.latest():
      return
    self._manager.save(
      step,
      args=ocp.args.Composite(
        state=ocp.args.StandardSave(_saved(state)),
        ema=ocp.args.StandardSave(state.ema_params),
        frozen=ocp.args.StandardSave(_filled(frozen)),
        data=ocp.args.JsonSave(data),
      ),
    )

  def restore(
    self, state: steps.TrainState, frozen: Params
  ) -> tuple[steps.TrainState, Params, dict[str, Any]]:
    """Restores the newest step into the shapes and shardings given."""
    got = self._manager.restore(
      self.latest(),
      args=ocp.args.Composite(
        state=ocp.args.StandardRestore(_abstract(_saved(state))),
        ema=ocp.args.StandardRestore(_abstract(state.ema_params)),
        frozen=ocp.args.StandardRestore(_abstract(_filled(frozen))),
        data=ocp.args.JsonRestore(),
      ),
    )
    saved = got["state"]
    state = state.replace(
      step=saved["step"],
      params=saved["params"],
      ema_params=got["ema"],
      opt_state=saved["opt_state"],
      key=jax.random.wrap_key_data(saved["key"]),
    )
    return state, got["frozen"] if frozen else frozen, got["data"]

  def wait(self) -> None:
    """Waits for a save under way; raises if it failed."""
    self._manager.wait_until_finished()

  def close(self) -> None:
    """Waits, then releases the threads."""
    self._manager.close()


def _saved(state: steps.TrainState) -> dict[str, Any]:
  return {
    "step": state.step,
    "params": state.params,
    "opt_state": state.opt_state,
    "key": jax.random.key_data(state.key),
  }


def _filled(frozen: Params) -> Params:
  # Orbax refuses a tree without leaves, and where there are many processes an
  # array that lives on the devices of one.
  return frozen or {"none": np.zeros((), np.float32)}


def _abstract(tree):
  return jax.tree.map(ocp.utils.to_shape_dtype_struct, tree)
