"""Optimizers and learning-rate schedules, by name.

Lumiere is reported to have used Adafactor at 1e-5, a follow-up 1e-4; Imagen
Adafactor at 1e-4 after 10 k steps of warm-up.  Muon (Jordan 2024; scaled to
Adam's size of step as in Liu et al. 2025) is not of the paper's time.
"""

import jax
import optax

from lumiere_jax import errors

NAMES = ("adamw", "adafactor", "muon")
_RMS = 0.2  # of a step of Adam, per learning rate
DECAYS = ("constant", "cosine")


def build(
  *,
  name: str = "adamw",
  learning_rate: float = 1e-4,
  warmup_steps: int = 0,
  decay: str = "constant",
  num_steps: int | None = None,
  clip_norm: float | None = 1.0,
  weight_decay: float = 0.0,
  b1: float = 0.9,
  b2: float = 0.99,
) -> optax.GradientTransformation:
  """Builds the optimizer.

  Args:
    name: "adamw", "adafactor" or "muon" (of kernels; Adam of the rest).
    learning_rate: peak, per step.
    warmup_steps: steps of linear warm-up from 0.
    decay: "constant", or "cosine" to 0 at `num_steps`.
    num_steps: length of the run; needed by "cosine".
    clip_norm: global gradient norm above which gradients are scaled down;
      None for no clipping.
    weight_decay: decoupled, per step and learning rate.
    b1: decay of Adam's first moment.
    b2: decay of Adam's second moment.

  Raises:
    ConfigError: an unknown name, or cosine decay without `num_steps`.
  """
  errors.require_one_of("optimizer", name, NAMES)
  rate = schedule(learning_rate, warmup_steps, decay, num_steps)
  if name == "adamw":
    core = optax.adamw(rate, b1=b1, b2=b2, weight_decay=weight_decay)
  elif name == "muon":
    core = optax.contrib.muon(
      rate,
      weight_decay=weight_decay,
      adam_b1=b1,
      adam_b2=b2,
      adam_weight_decay=weight_decay,
      muon_weight_dimension_numbers=_as_matrices,
      consistent_rms=_RMS,
    )
  else:
    core = optax.adafactor(
      rate,
      multiply_by_parameter_scale=False,
      # optax adds this without multiplying by the learning rate.
      weight_decay_rate=weight_decay * learning_rate or None,
    )
  if clip_norm is None:
    return core
  return optax.chain(optax.clip_by_global_norm(clip_norm), core)


def _as_matrices(params):
  """How each kernel is a matrix: all axes but the last in, the last out."""

  def matrix(leaf):
    if leaf.ndim < 2:
      return None
    return optax.contrib.MuonDimensionNumbers(
      reduction_axis=tuple(range(leaf.ndim - 1)), output_axis=leaf.ndim - 1
    )

  return jax.tree.map(matrix, params)


def schedule(
  learning_rate: float, warmup_steps: int, decay: str, num_steps: int | None
) -> optax.Schedule:
  """Learning rate against step; see `build`."""
  errors.require_one_of("learning-rate decay", decay, DECAYS)
  if decay == "constant":
    after = optax.constant_schedule(learning_rate)
  elif num_steps is None or num_steps <= warmup_steps:
    raise errors.ConfigError(
      f"cosine decay needs num_steps above the {warmup_steps} warm-up steps, "
      f"got {num_steps}; give optimizer.num_steps or use decay='constant'."
    )
  else:
    after = optax.cosine_decay_schedule(learning_rate, num_steps - warmup_steps)
  if not warmup_steps:
    return after
  # From 1 / (n + 1), not 0: the first step of a resumed or tiny run counts.
  warm = optax.linear_schedule(
    learning_rate / (warmup_steps + 1), learning_rate, warmup_steps
  )
  return optax.join_schedules([warm, after], [warmup_steps])
