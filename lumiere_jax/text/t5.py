"""The encoder of T5 v1.1, UMT5 and ByT5.

Imagen, and so very probably Lumiere's frozen text-to-image network, reads its
prompt through a frozen T5-XXL encoder (Imagen, section 2.1); our small recipes
train a byte-level one of the same family.  Pre-norm blocks without biases,
root-mean-square norm, unscaled attention with bucketed relative positions,
gated GELU (Raffel et al. 2020; Shazeer 2020).  The first T5's perceptron, which
is not gated, can be asked for.

Three departures, off unless asked for.  Convolutions before the first block
make words of bytes, as CANINE's first layers do (Clark et al. 2022).  Heads may
prefer what is near from the start (ALiBi, Press et al. 2022): an attention that
has to find out what is next to what learns that very slowly from little text.
And what is handed on may be the answers of a reader instead of the tokens.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax.nn import activations
from lumiere_jax.nn import axes
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.nn import relative_bias
from lumiere_jax.text import reader
from lumiere_jax.types import Array

UP = ("embed", "mlp")
DOWN = ("mlp", "embed")
_TAPS = 7


class RootMeanSquareNorm(nn.Module):
  """Divides by the root mean square, without centring: [..., E] -> the same.

  Attributes:
    dtype: dtype of the result; statistics are float32.
    epsilon: added to the mean square.
  """

  dtype: jnp.dtype = jnp.float32
  epsilon: float = 1e-6

  @nn.compact
  def __call__(self, x: Array) -> Array:
    scale = initial.param(
      self, "scale", initial.named(initial.ONES, (None,)), (x.shape[-1],)
    )
    x = x.astype(jnp.float32)
    square = jnp.mean(x * x, axis=-1, keepdims=True)
    x = x * jax.lax.rsqrt(square + self.epsilon)
    return (x * scale).astype(self.dtype)


class SelfAttention(nn.Module):
  """Unscaled attention among tokens: [B, L, E] -> [B, L, E].

  Attributes:
    num_heads: number of heads.
    head_dim: channels a head; heads x head_dim need not be E.
    dtype: compute dtype; logits and softmax are float32.
  """

  num_heads: int
  head_dim: int
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array, mask: Array, bias: Array) -> Array:
    """Attends; `mask` is [B, L] bool, `bias` [1, heads, L, L] float32."""
    width = self.num_heads * self.head_dim
    heads = lambda name, init=initial.FAN_IN: embed.dense(
      width, self.dtype, name, init, names=axes.TO_HEADS, use_bias=False
    )(x).reshape(*x.shape[:2], self.num_heads, self.head_dim)
    attended = jax.nn.dot_product_attention(
      # Logits are not divided by sqrt(head_dim): the queries start that much
      # smaller instead, as T5's do.
      heads("q", initial.Initial("fan_in", 1 / self.head_dim)),
      heads("k"),
      heads("v"),
      bias=bias,
      mask=mask[:, None, None, :],
      scale=1.0,
    )
    return embed.dense(
      x.shape[-1], self.dtype, "o", names=axes.FROM_HEADS, use_bias=False
    )(attended.reshape(*x.shape[:2], width))


class Perceptron(nn.Module):
  """act(x W_gate) * (x W_up), then W_down: [B, L, E] -> [B, L, E].

  Attributes:
    width: hidden width.
    dtype: compute dtype.
    activation: act; see `nn.activations`.
    gated: whether there is a gate; without, act(x W_up).
  """

  width: int
  dtype: jnp.dtype = jnp.float32
  activation: str = "gelu"
  gated: bool = True

  @nn.compact
  def __call__(self, x: Array) -> Array:
    project = lambda name: embed.dense(
      self.width, self.dtype, name, names=UP, use_bias=False
    )(x)
    act = activations.get(self.activation)
    if self.gated:
      hidden = act(project("gate")) * project("up")
    else:
      hidden = act(project("up"))
    return embed.dense(
      x.shape[-1], self.dtype, "down", names=DOWN, use_bias=False
    )(hidden)


class Neighbours(nn.Module):
  """A residual convolution of 7 taps along the text: [B, L, E] -> the same.

  Attributes:
    dilation: tokens from one tap to the next.
    dtype: compute dtype.
  """

  dilation: int
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, x: Array, mask: Array) -> Array:
    """Tokens beyond the text, where `mask` [B, L] is False, count as zeros."""
    length, width = x.shape[1:]
    hidden = RootMeanSquareNorm(self.dtype, name="norm")(x)
    hidden = jnp.where(mask[..., None], hidden, 0)
    reach = _TAPS // 2 * self.dilation
    padded = jnp.pad(hidden, ((0, 0), (reach, reach), (0, 0)))
    # Shifted copies and one product: dilated convolutions are slow on CPUs.
    taps = [
      padded[:, k * self.dilation : k * self.dilation + length]
      for k in range(_TAPS)
    ]
    kernel = initial.param(
      self,
      "kernel",
      initial.named(initial.FAN_IN, axes.CONV_1D),
      (_TAPS, width, width),
    ).astype(self.dtype)
    mixed = jnp.concatenate(taps, axis=-1) @ kernel.reshape(-1, width)
    return x + nn.gelu(mixed, approximate=True)


class Layer(nn.Module):
  """Attention, then a perceptron, each behind a norm and a residual.

  Attributes:
    num_heads: see `SelfAttention`.
    head_dim: see `SelfAttention`.
    mlp_width: see `Perceptron`.
    dtype: compute dtype.
    activation: see `Perceptron`.
    gated: likewise.
    epsilon: see `RootMeanSquareNorm`.
  """

  num_heads: int
  head_dim: int
  mlp_width: int
  dtype: jnp.dtype = jnp.float32
  activation: str = "gelu"
  gated: bool = True
  epsilon: float = 1e-6

  @nn.compact
  def __call__(self, x: Array, mask: Array, bias: Array) -> Array:
    """As `SelfAttention`."""
    norm = lambda name: RootMeanSquareNorm(self.dtype, self.epsilon, name=name)
    x += SelfAttention(
      self.num_heads, self.head_dim, self.dtype, name="attention"
    )(norm("attention_norm")(x), mask, bias)
    perceptron = Perceptron(
      self.mlp_width, self.dtype, self.activation, self.gated, name="mlp"
    )
    return x + perceptron(norm("mlp_norm")(x))


class T5Encoder(nn.Module):
  """Token ids to text features: [B, L] int32 -> [B, L', E] float32.

  L' is L, or the groups of questions of a reader.

  Attributes:
    vocab_size: rows of the embedding table.
    width: E.
    num_layers: number of layers.
    num_heads: attention heads.
    head_dim: channels a head.
    mlp_width: hidden width of the perceptron.
    relative_buckets: see `nn.relative_bias`.
    relative_max_distance: see `nn.relative_bias`.
    per_layer_bias: a position table in each layer (UMT5), not the first alone.
    activation: see `Perceptron`.
    gated: likewise.
    epsilon: see `RootMeanSquareNorm`.
    neighbours: convolutions before the first layer, each by its dilation; see
      `Neighbours`.
    slopes: of each head, what a token's logit loses a token of distance; empty
      for nothing.
    questions: what a reader asks, whose answers are then handed on; empty for
      the tokens. See `text.reader`.
    shared: as the reader's.
    dtype: compute dtype.
  """

  vocab_size: int
  width: int
  num_layers: int
  num_heads: int
  head_dim: int
  mlp_width: int
  relative_buckets: int = 32
  relative_max_distance: int = 128
  per_layer_bias: bool = False
  activation: str = "gelu"
  gated: bool = True
  epsilon: float = 1e-6
  neighbours: Sequence[int] = ()
  slopes: Sequence[float] = ()
  questions: Sequence[Sequence[int]] = ()
  shared: bool = False
  dtype: str = "float32"

  @nn.compact
  def __call__(
    self, tokens: Array, mask: Array, *, answers: bool = False
  ) -> Array:
    """Encodes; `mask` is [B, L] bool, True on real tokens.

    With `answers` the logits of what the reader answers, [B, K, V].
    """
    dtype = jnp.dtype(self.dtype)
    x = nn.Embed(
      self.vocab_size,
      self.width,
      embedding_init=initial.named(
        initial.Initial("normal"), ("vocab", "embed")
      ),
      dtype=dtype,
      name="embed",
    )(tokens)
    # What layers add up to is float32: in bfloat16 two dozen of them lose what
    # the last ones say.
    x = x.astype(jnp.float32)
    for index, dilation in enumerate(self.neighbours):
      x = Neighbours(dilation, dtype, name=f"neighbours_{index}")(x, mask)
    bias = None
    for index in range(self.num_layers):
      if bias is None or self.per_layer_bias:
        bias = relative_bias.RelativeBias(
          self.num_heads,
          self.relative_buckets,
          self.relative_max_distance,
          init=initial.Initial("normal", self.width**-0.5),
          name=f"relative_bias_{index}",
        )(tokens.shape[1])
        if self.slopes:
          bias = bias - self.distances(tokens.shape[1])
      x = Layer(
        self.num_heads,
        self.head_dim,
        self.mlp_width,
        dtype,
        self.activation,
        self.gated,
        self.epsilon,
        name=f"layer_{index}",
      )(x, mask, bias)
    x = RootMeanSquareNorm(epsilon=self.epsilon, name="final_norm")(x)
    if not self.questions:
      return x
    logits = reader.Reader(self.questions, self.shared, dtype, name="reader")(
      x, mask
    )
    told = reader.Answers(self.questions, self.width, name="told")(logits)
    return logits if answers else told

  def seen(self, mask: Array) -> Array:
    """What may be attended to of what is handed on: [B, L] -> [B, L']."""
    if not self.questions:
      return mask
    return jnp.ones((len(mask), len(self.questions)), bool)

  def distances(self, length: int) -> Array:
    """[1, heads, L, L] float32: how far apart tokens are, times the slopes."""
    place = jnp.arange(length, dtype=jnp.float32)
    apart = jnp.abs(place[:, None] - place)
    return jnp.array(self.slopes)[None, :, None, None] * apart
