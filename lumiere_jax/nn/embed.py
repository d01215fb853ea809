"""Embeddings of scalars: diffusion time and noise-augmentation level."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from lumiere_jax.nn import activations
from lumiere_jax.nn import axes
from lumiere_jax.nn import bias
from lumiere_jax.nn import initial
from lumiere_jax.types import Array

# Networks of this family were trained on 1000 discrete steps; feeding 1000 t
# keeps their weights usable (DDPM, section B of its appendix).
STEPS = 1000.0


def sinusoid(
  t: Array,
  width: int,
  max_period: float = 10_000.0,
  sines_first: bool = False,
  shift: float = 0.0,
) -> Array:
  """Cosines and sines of 1000 t: [B] in [0, 1] -> [B, width] float32.

  Args:
    t: [B].
    width: even.
    max_period: of the slowest, about.
    sines_first: whether sines stand before cosines.
    shift: by how much fewer than half of `width` the frequencies span.
  """
  half = width // 2
  frequency = jnp.exp(-jnp.log(max_period) * jnp.arange(half) / (half - shift))
  angle = STEPS * t.astype(jnp.float32)[:, None] * frequency
  waves = [jnp.cos(angle), jnp.sin(angle)]
  return jnp.concatenate(waves[::-1] if sines_first else waves, axis=-1)


class ScalarEmbedding(nn.Module):
  """Sinusoid, then a two-layer perceptron: [B] in [0, 1] -> [B, width].

  Attributes:
    frequencies: width of the sinusoidal features.
    width: width of the embedding.
    activation: between the two layers.
    dtype: compute dtype.
    sines_first: see `sinusoid`.
    shift: likewise.
    post_activation: after both layers; None for none.
  """

  frequencies: int
  width: int
  activation: str = "silu"
  dtype: jnp.dtype = jnp.float32
  sines_first: bool = False
  shift: float = 0.0
  post_activation: str | None = None

  @nn.compact
  def __call__(self, t: Array) -> Array:
    waves = sinusoid(
      t, self.frequencies, sines_first=self.sines_first, shift=self.shift
    )
    hidden = dense(self.width, self.dtype, "in")(waves)
    out = dense(self.width, self.dtype, "out")(
      activations.get(self.activation)(hidden)
    )
    if self.post_activation is None:
      return out
    return activations.get(self.post_activation)(out)


def waves(count: int, num_waves: int) -> np.ndarray:
  """Half periods of cosines over places in a row: -> [count, num_waves].

  As smooth a description of where each is as is asked for, the same for rows
  of any length: 1, 2... half periods from the first place to the last.
  """
  place = (np.arange(count) + 0.5) / count
  return np.cos(np.pi * place[:, None] * np.arange(1, num_waves + 1))


def dense(
  features: int,
  dtype: jnp.dtype,
  name: str,
  kernel_init: initial.Initial = initial.FAN_IN,
  names: tuple[str, str] = axes.DENSE,
  use_bias: bool = True,
) -> bias.Dense:
  """A dense layer whose kernel names its axes."""
  return bias.Dense(
    features,
    use_bias=use_bias,
    kernel_init=initial.named(kernel_init, names),
    bias_init=initial.named(initial.ZEROS, (names[1],)),
    dtype=dtype,
    name=name,
  )


def scale_shift(
  x: Array,
  embedding: Array | None,
  dtype: jnp.dtype,
  name: str = "modulation",
  kernel_init: initial.Initial = initial.FAN_IN,
) -> Array:
  """Scales and shifts channels as an embedding says, the same in all places.

  Args:
    x: [B, T, H, W, C] normalised features.
    embedding: [B, E], or [B, T, E] of each frame, already activated; None to
      leave `x` as it is.
    dtype: compute dtype.
    name: of the dense layer between the two.
    kernel_init: that layer's.

  Returns:
    [B, T, H, W, C].
  """
  if embedding is None:
    return x
  modulation = dense(2 * x.shape[-1], dtype, name, kernel_init)(embedding)
  if embedding.ndim == 2:
    modulation = modulation[:, None]
  scale, shift = jnp.split(modulation[:, :, None, None], 2, axis=-1)
  return x * (1 + scale) + shift


def shift(
  x: Array, embedding: Array, dtype: jnp.dtype, name: str = "modulation"
) -> Array:
  """Adds what an embedding says, the same in all places; see `scale_shift`."""
  return x + dense(x.shape[-1], dtype, name)(embedding)[:, None, None, None]
