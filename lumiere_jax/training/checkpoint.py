"""What a checkpoint of a run consists of.

Items of one checkpoint, committed together (`checkpoints.store`):

  state   step, trained parameters, optimizer state, key
  ema     the trained parameters' average; all that sampling needs beside
  frozen  parameters that never change
  data    the iterator's place
  run     the run record: recipe, versions, mesh, roots of the datasets
  loss    mean loss since the checkpoint before it
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from lumiere_jax.checkpoints import folder
from lumiere_jax.checkpoints import store
from lumiere_jax.training import step as steps
from lumiere_jax.types import Params


def snapshot(
  state: steps.TrainState,
  frozen: Params,
  data: Any,
  record: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
  """Trees of arrays and notes of JSON values that make a checkpoint."""
  trees = {
    "state": _saved(state),
    "ema": state.ema_params,
    "frozen": _filled(frozen),
  }
  return trees, {"data": data, "run": dict(record)}


def restore(
  workdir: str, step: int, state: steps.TrainState, frozen: Params
) -> tuple[steps.TrainState, Params, Any]:
  """Reads a checkpoint into the shapes and places of a state.

  Returns:
    The state, frozen parameters and the iterator's place.

  Raises:
    WeightsError: the checkpoint has other parameters than the state; names
      the first.
  """
  trees, _ = snapshot(state, frozen, None, {})
  path = folder.of(workdir, step)
  store.check_fits(path, trees)
  got = store.read(path, trees, ("data",))
  saved = got["state"]
  state = state.replace(
    step=saved["step"],
    params=saved["params"],
    ema_params=got["ema"],
    opt_state=saved["opt_state"],
    key=jax.random.wrap_key_data(saved["key"]),
  )
  return state, got["frozen"] if frozen else frozen, got["data"]


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
