r"""The U-Net that is an image network, or its space-time inflation.

Each frame runs through the same image layers; `TemporalSpec` puts temporal
modules between them, and without one there are none.  Every module that
inflation adds is named `temporal_...`, every other one belongs to the image
network, so the weights of a trained image network fit at the same paths.

            down_0 ------------------------------ up_0
    resize, temporal  \                        /  resize, temporal
                     down_1 -------------- up_1
               resize, temporal  \      /  resize, temporal
                           down_2  middle  up_2       temporal attention
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax.models import execution as executions
from lumiere_jax.models import levels
from lumiere_jax.models import spec as specs
from lumiere_jax.models import temporal as temporal_blocks
from lumiere_jax.nn import activations
from lumiere_jax.nn import attention
from lumiere_jax.nn import conv
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.nn import norm
from lumiere_jax.types import Array, Condition, Timeline


class UNet(nn.Module):
  """Noisy frames in, prediction out: [B, T, H, W, 3] -> [B, T, H, W, 3 or 6].

  Attributes:
    spec: sizes and choices of the image network.
    temporal: what inflation adds; None for the image network itself.
    execution: how it is run: recomputation, frames over devices.
    dtype: compute dtype; parameters, input and output are float32.
  """

  spec: specs.UNetSpec
  temporal: specs.TemporalSpec | None = None
  execution: executions.Execution = executions.Execution()
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(
    self, noisy: Array, t: Array, condition: Condition, *, deterministic=True
  ) -> Array:
    """Predicts what the diffusion was parameterized to predict.

    Args:
      noisy: [B, T, H, W, 3] float32; images [B, H, W, 3] are clips of one
        frame.
      t: [B] float32 in [0, 1], diffusion time.
      condition: text [B, L, E] and its mask; low_res [B, T, h, w, 3] and
        noise_level [B] where the spec has `low_res`.
      deterministic: whether dropout is off.

    Returns:
      Shape of `noisy` with `spec.out_channels` channels, float32.

    Raises:
      ShapeError: T, H or W that the resizes cannot divide.
      ConfigError: low_res given or missing against the spec.
    """
    is_image = noisy.ndim == 4
    if is_image:
      noisy = noisy[:, None]
      condition = condition.map(lambda x: x, lambda x: x[:, None])
    timeline = self.execution.timeline(noisy.shape[1])
    self.check(noisy, condition, timeline)
    told = self.told(t, condition, timeline.num_frames, deterministic)
    stem = self.stem(noisy, condition)
    x, across, timeline = self.descend(stem, told, timeline)
    x = levels.Middle(**self.level(self.spec.num_levels - 1), name="middle")(
      x, told, timeline
    )
    for index in reversed(range(self.spec.num_levels)):
      level = levels.UpLevel(**self.level(index), name=f"up_{index}")
      count = self.spec.blocks[index] + 1 if self.spec.skips == "block" else 1
      handed = [across.pop() for _ in range(count)][::-1]
      x, timeline = level(x, handed, told, timeline)
    if self.spec.resize_first:
      x = jnp.concatenate([x, stem * self.spec.skip_scale], axis=-1)
    out = self.head(x, told)
    if self.spec.low_res_skip:
      out += self.kept(told) * enlarged(condition.low_res, noisy)
    if self.temporal and self.temporal.head:
      out = temporal_blocks.TemporalHead(
        *(self.spec, self.temporal.layout, timeline, self.dtype),
        name="temporal_head",
      )(out, noisy, told.along(timeline))
    return out[:, 0] if is_image else out

  def level(self, index: int) -> dict:
    """Arguments of level `index`."""
    return dict(
      level=index,
      spec=self.spec,
      temporal=self.temporal,
      execution=self.execution,
      dtype=self.dtype,
    )

  def check(self, noisy: Array, condition: Condition, timeline) -> None:
    """Refuses shapes that the resizes cannot divide."""
    self.execution.check(self.spec.num_levels)
    height, width = noisy.shape[2:4]
    factor = self.spec.spatial_factor
    because = f"the U-Net halves it {self.spec.num_resizes} times"
    errors.require_divisible("frame height", height, factor, because=because)
    errors.require_divisible("frame width", width, factor, because=because)
    if self.temporal and self.temporal.factors:
      errors.require_divisible(
        "number of frames",
        timeline.num_frames,
        temporal_factor(self.temporal),
        because="the U-Net divides the frame rate by it",
      )
    if self.temporal and self.temporal.head:
      because = "the temporal head sees patches of 2x2 pixels"
      errors.require_divisible("frame height", height, 2, because=because)
      errors.require_divisible("frame width", width, 2, because=because)
    if (condition.low_res is not None) != self.spec.low_res:
      has = "has" if self.spec.low_res else "has no"
      was = "none was" if condition.low_res is None else "one was"
      raise errors.ConfigError(
        f"the network {has} low-resolution input, but {was} given."
      )
    if condition.given is not None and not self.spec.given:
      raise errors.ConfigError(
        "pixels are given, but the network was not trained to be told of any; "
        "use weights of a conditional recipe (model.given=true)."
      )

  def told(
    self, t: Array, condition: Condition, num_frames: int, deterministic: bool
  ) -> levels.Told:
    """Embeds time, noise level and text; in float32, since it costs nothing.

    Everything listens to these few rows: rounded, they alone were a fifth of
    what bfloat16 loses.
    """
    spec, mask = self.spec, condition.text_mask
    embedding = self.scalar("time", t, spec.variant.time_post_activation)
    if spec.told_noise_level:
      embedding += self.scalar("noise_level", condition.noise_level)
    text = self.normalised(condition.text)
    if spec.pooled_text:
      embedding += self.pooled("", text, mask)
    if spec.variant.embedding_activation:
      embedding = activations.get(spec.variant.embedding_activation)(embedding)
    temporal = None
    if self.temporal and self.temporal.told:
      # The image network's own embedding is frozen, and was learned from
      # single frames: it need not keep the words that matter along time.
      temporal = self.scalar("temporal_time", t)
      temporal += self.pooled("temporal_", text, mask)
      if self.temporal.placed:
        temporal = temporal[:, None] + self.moments(num_frames)
      temporal = activations.get(spec.activation)(temporal)
    if spec.variant.text_norm == "pooled":
      text = condition.text
    if spec.variant.text_project:
      text = embed.dense(
        spec.text_width or max(spec.widths), jnp.float32, "text_project"
      )(text)
    text = text.astype(self.dtype)
    return levels.Told(embedding, text, mask, temporal, deterministic)

  def normalised(self, text: Array) -> Array:
    """[B, L, E] text as it is pooled, and unless told otherwise attended to."""
    spec = self.spec
    if spec.variant.text_norm == "pooled" and not spec.pooled_text:
      if not (self.temporal and self.temporal.told):
        return text
      name = "temporal_text_norm"  # the image network has none
    else:
      name = "text_norm"
    return self.layer_norm(name)(text)

  def layer_norm(self, name: str) -> nn.LayerNorm:
    """A norm of text."""
    return nn.LayerNorm(epsilon=self.spec.variant.layer_epsilon, name=name)

  def scalar(self, name: str, value: Array, post: str | None = None) -> Array:
    """Embeds a number a clip: [B] in [0, 1] -> [B, E]."""
    return embed.ScalarEmbedding(
      self.spec.widths[0],
      self.spec.embedding_width,
      self.spec.activation,
      sines_first=self.spec.variant.sines_first,
      shift=self.spec.variant.frequency_shift,
      post_activation=post,
      name=name,
    )(value)

  def moments(self, num_frames: int) -> Array:
    """Embeds where in the clip each frame is: -> [N, E], zeros at first."""
    return embed.dense(
      self.spec.embedding_width,
      jnp.float32,
      "temporal_moment",
      kernel_init=initial.ZEROS,
      use_bias=False,
    )(embed.waves(num_frames, temporal_blocks.MOMENT_WAVES))

  def pooled(self, prefix: str, text: Array, mask: Array) -> Array:
    """Embeds all of a clip's text: [B, L, D] and its mask -> [B, E]."""
    pooled = attention.AttentionPool(
      self.spec.variant.pool_head_dim
      or min(self.spec.head_dim, text.shape[-1]),
      name=f"{prefix}text_pool",
    )(text, mask)
    pooled = embed.dense(
      self.spec.embedding_width, jnp.float32, f"{prefix}pooled_text"
    )(pooled)
    return self.layer_norm(f"{prefix}pooled_norm")(pooled)

  def stem(self, noisy: Array, condition: Condition) -> Array:
    """First convolution, on the noisy clip and all that is as large as it.

    What an image network, or a base, is told in addition comes last, so that
    its kernel can be widened by zeros; see `models.inflate`.
    """
    x = noisy.astype(self.dtype)
    if self.spec.low_res:
      low_res = enlarged(condition.low_res, noisy).astype(self.dtype)
      x = jnp.concatenate([x, low_res], axis=-1)
    if self.spec.given:
      given = condition.given
      if given is None:  # nothing is
        more = jnp.zeros((*noisy.shape[:-1], 4), self.dtype)
      else:
        more = jnp.concatenate([given.video, given.known], axis=-1)
      x = jnp.concatenate([x, more.astype(self.dtype)], axis=-1)
    if self.spec.variant.centre_input:
      x = 2 * x - 1
    return conv.SpatialConv(
      self.spec.stem_width or self.spec.widths[0],
      self.spec.variant.conv_in_kernel,
      dtype=self.dtype,
      name="conv_in",
    )(x)

  def descend(
    self, x: Array, told: levels.Told, timeline: Timeline
  ) -> tuple[Array, list[Array], Timeline]:
    """All levels down; returns features and all that is handed across."""
    per_block = self.spec.skips == "block"
    across = [x] if per_block else []
    for index in range(self.spec.num_levels):
      level = levels.DownLevel(**self.level(index), name=f"down_{index}")
      x, handed, timeline = level(x, told, timeline)
      across += handed if per_block else handed[-1:]
    return x, across, timeline

  def kept(self, told: levels.Told) -> Array:
    """How much of the low-resolution clip is: -> [B, 1, 1, 1, 1], 1 at first.

    It may be noisier than what can be made of it.
    """
    change = embed.dense(
      1, jnp.float32, "low_res_out", kernel_init=initial.ZEROS, use_bias=False
    )(told.embedding)
    return 1 + change[:, :, None, None, None]

  def head(self, x: Array, told: levels.Told) -> Array:
    """Last norm, activation and convolution, in float32."""
    act, variant = activations.get(self.spec.activation), self.spec.variant
    x = norm.FrameGroupNorm(
      self.spec.groups, epsilon=variant.group_epsilon, name="norm_out"
    )(x)
    if self.spec.resize_first:
      # What the first convolution handed over is wanted at some times and
      # noise at others, and no block after it knows the time.
      x = embed.scale_shift(
        *(x, act(told.embedding), jnp.float32, "modulation_out"),
        kernel_init=initial.ZEROS,
      )
    return conv.SpatialConv(
      self.spec.out_channels,
      variant.conv_out_kernel,
      kernel_init=initial.ZEROS,
      name="conv_out",
    )(act(x))


def enlarged(low_res: Array, like: Array) -> Array:
  """Low-resolution frames as large as others: [B, T, h, w, C] -> H and W."""
  shape = (*like.shape[:-1], low_res.shape[-1])
  return jax.image.resize(low_res, shape, "bilinear")


def temporal_factor(temporal: specs.TemporalSpec | None) -> int:
  """Total factor by which frames are merged, N in the paper's notation."""
  factor = 1
  for step in temporal.factors if temporal else ():
    factor *= step
  return factor
