"""What relatives of Imagen's U-Net do otherwise than ours.

Nothing in here is a matter of taste for a network that is trained anew: each
field is there because public weights (DeepFloyd IF, and whatever is kept in
diffusers' pixel-space formats) were trained that way.  The defaults are ours.
"""

import dataclasses

from lumiere_jax import errors
from lumiere_jax.nn import activations


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
  """Choices of the image network that imported weights may need.

  Attributes:
    group_epsilon: of the group norms of residual blocks and of the last one.
    layer_epsilon: of the layer norms of text.
    time_activated: whether each residual block activates the embedding.
    time_shift: "scale" scales and shifts what is normalised, "add" adds to
      what is about to be.
    residual_scale: what the sum that a residual block returns is divided by.
    middle_scale: likewise in the middle.
    embedding_activation: of the whole embedding, once; None for none.
    time_post_activation: of the embedding of time alone; None for none.
    sines_first: whether sines stand before cosines in a scalar's features.
    frequency_shift: by how much fewer than half the features the frequencies
      are spread over.
    noise_level: whether a network of low resolution is told how noisy that is;
      None for yes.
    centre_input: whether pixels from 0 to 1 are brought to -1 to 1.
    conv_in_kernel: side of the first convolution's kernel.
    conv_out_kernel: side of the last one's.
    text_norm: "shared" normalises text for all, "pooled" for pooling alone.
    text_project: whether text is projected before attention.
    key_norm: norm of text before keys and values are made of it in each
      attention: None, "layer" or "group".
    key_groups: groups of that norm.
    pool_head_dim: channels a head of the pooling; None for those of attention.
    head_dims: channels of an attention head, a level each; None for
      `UNetSpec.head_dim` everywhere.
    up_head_dims: likewise on the way up; None for the same.
    text_only: levels whose pixels attend to text alone.
    middle_text_only: likewise in the middle.
    up_attention: levels with attention on the way up; None for the same.
    up_text_only: levels of `text_only` on the way up; None for the same.
    down_strided: levels that end with a strided convolution, among pooled.
    up_strided: levels that end with repetition and a convolution, likewise.
    middle_blocks: residual blocks of the middle: 2, 1 or 0; fewer than two
      leave no attention there.
  """

  group_epsilon: float = 1e-5
  layer_epsilon: float = 1e-6
  time_activated: bool = True
  time_shift: str = "scale"
  residual_scale: float = 1.0
  middle_scale: float | None = None
  embedding_activation: str | None = None
  time_post_activation: str | None = None
  sines_first: bool = False
  frequency_shift: float = 0.0
  noise_level: bool | None = None
  centre_input: bool = False
  conv_in_kernel: int = 3
  conv_out_kernel: int = 3
  text_norm: str = "shared"
  text_project: bool = True
  key_norm: str | None = None
  key_groups: int = 32
  pool_head_dim: int | None = None
  head_dims: tuple[int, ...] | None = None
  up_head_dims: tuple[int, ...] | None = None
  text_only: tuple[int, ...] = ()
  middle_text_only: bool = False
  up_attention: tuple[int, ...] | None = None
  up_text_only: tuple[int, ...] | None = None
  down_strided: tuple[int, ...] = ()
  up_strided: tuple[int, ...] = ()
  middle_blocks: int = 2

  def __post_init__(self):
    for field in dataclasses.fields(self):
      if isinstance(value := getattr(self, field.name), list):
        object.__setattr__(self, field.name, tuple(value))
    errors.require_one_of("time_shift", self.time_shift, ("scale", "add"))
    errors.require_one_of("text_norm", self.text_norm, ("shared", "pooled"))
    if self.key_norm is not None:
      errors.require_one_of("key_norm", self.key_norm, ("layer", "group"))
    for name in (self.embedding_activation, self.time_post_activation):
      if name is not None:
        activations.get(name)
    if self.middle_blocks not in (0, 1, 2):
      raise errors.ConfigError(
        f"middle_blocks is {self.middle_blocks}; the middle has 2, 1 or 0."
      )
    for side in (self.conv_in_kernel, self.conv_out_kernel):
      if side < 1 or side % 2 == 0:
        raise errors.ConfigError(
          f"a first or last convolution has a kernel of {side}; it must be odd."
        )


OURS = Variant()
