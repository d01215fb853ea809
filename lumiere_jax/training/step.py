"""One optimisation step, as a pure function.

Nothing here knows about meshes, hosts, files or the clock: `training.loop`
has every side effect.  Frozen parameters are an argument apart: they are
never differentiated, the optimizer holds no state for them and the average
does not repeat them.
"""

from collections.abc import Callable

from flax import struct
import jax
import jax.numpy as jnp
import optax

from lumiere_jax import errors
from lumiere_jax.types import Array, Metrics, Params, VideoBatch

# (params, batch, key) -> (scalar loss, scalars to log)
LossFn = Callable[[Params, VideoBatch, Array], tuple[Array, Metrics]]
# (trained, frozen) -> params
Join = Callable[[Params, Params], Params]


@struct.dataclass
class TrainState:
  """All that must survive a preemption, besides the data iterator.

  Attributes:
    step: int32 scalar, number of updates already applied.
    params: float32 master weights that are trained.
    ema_params: moving average of `params`; what sampling uses.
    opt_state: state of the optax chain.
    key: base PRNG key; never advanced, only folded with `step`.
  """

  step: Array
  params: Params
  ema_params: Params
  opt_state: optax.OptState
  key: Array


def init_state(
  params: Params, optimizer: optax.GradientTransformation, key: Array
) -> TrainState:
  """State before the first step."""
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    ema_params=jax.tree.map(jnp.copy, params),
    opt_state=optimizer.init(params),
    key=key,
  )


def ema_weight(step: Array, decay: float) -> Array:
  """Weight of the newest parameters: 1 - decay, larger in a run's youth.

  (1 + step) / (10 + step) as the decay lets short runs average too.
  """
  return 1.0 - jnp.minimum(decay, (1.0 + step) / (10.0 + step))


def microbatches(batch: VideoBatch, count: int) -> VideoBatch:
  """[B, ...] -> [count, B / count, ...], each spread over all devices."""
  cut = lambda x: jnp.swapaxes(
    x.reshape(x.shape[0] // count, count, *x.shape[1:]), 0, 1
  )
  return jax.tree.map(cut, batch)


def make_gradient(
  loss_fn: LossFn, join: Join, accumulate: int = 1
) -> Callable[..., tuple[tuple[Array, Metrics], Params]]:
  """Returns (params, frozen, batch, key) -> ((loss, metrics), gradient).

  With `accumulate` above 1 the batch is cut into that many parts whose
  gradients are averaged in float32, one part in memory at a time.
  """
  if accumulate < 1:
    raise errors.ConfigError(
      f"optimizer.accumulate is {accumulate}; it is a number of parts, 1 or "
      "more."
    )

  def loss(params, frozen, batch, key):
    return loss_fn(join(params, frozen), batch, key)

  differentiate = jax.value_and_grad(loss, has_aux=True)
  if accumulate == 1:
    return differentiate

  def gradient(params, frozen, batch, key):
    def add(total, part):
      index, piece = part
      out = differentiate(params, frozen, piece, jax.random.fold_in(key, index))
      return jax.tree.map(jnp.add, total, out), None

    parts = (jnp.arange(accumulate), microbatches(batch, accumulate))
    first = jax.tree.map(lambda x: x[0], parts)
    shapes = jax.eval_shape(differentiate, params, frozen, first[1], key)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    total, _ = jax.lax.scan(add, zeros, parts)
    return jax.tree.map(lambda x: x / accumulate, total)

  return gradient


def make_train_step(
  loss_fn: LossFn,
  optimizer: optax.GradientTransformation,
  *,
  join: Join,
  ema_decay: float,
  accumulate: int = 1,
) -> Callable[[TrainState, Params, VideoBatch], tuple[TrainState, Metrics]]:
  """Returns `(state, frozen, batch) -> (state, metrics)`, ready to jit.

  A step whose loss or gradient is not finite changes nothing but the count of
  steps; its metric "skipped" is 1.
  """
  gradient = make_gradient(loss_fn, join, accumulate)

  def train_step(state, frozen, batch):
    # Folding the step in, rather than carrying a split key, makes step k draw
    # the same noise whether or not the run was interrupted before it.
    key = jax.random.fold_in(state.key, state.step)
    (loss, logged), grads = gradient(state.params, frozen, batch, key)
    norm = optax.tree.norm(grads)
    is_finite = jnp.isfinite(loss) & jnp.isfinite(norm)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    ema_params = optax.incremental_update(
      params, state.ema_params, ema_weight(state.step, ema_decay)
    )
    metrics = logged | {
      "loss": loss,
      "norm/gradient": norm,
      "norm/update": optax.tree.norm(updates),
      "norm/parameters": optax.tree.norm(params),
      "skipped": jnp.where(is_finite, 0.0, 1.0),
    }
    keep = lambda new, old: jax.tree.map(
      lambda a, b: jnp.where(is_finite, a, b), new, old
    )
    state = TrainState(
      step=state.step + 1,
      params=keep(params, state.params),
      ema_params=keep(ema_params, state.ema_params),
      opt_state=keep(opt_state, state.opt_state),
      key=state.key,
    )
    return state, metrics

  return train_step
