"""What a pixel-space U-Net of the Imagen family is made of.

One description expresses the three networks whose weights or papers we
follow (spec of each in `models.t2i`):

  Imagen base             skips="block", resize="pooled", resize_first=False
  Imagen's Efficient      skips="level", resize="strided", resize_first=True,
    U-Net (both SRs)        skip_scale=2 ** -0.5, low_res=True
  DeepFloyd IF I and II   skips="block", resize="pooled", resize_first=False;
                            stage II with low_res=True
"""

from collections.abc import Mapping
import dataclasses

from lumiere_jax import errors
from lumiere_jax.models import variant as variants
from lumiere_jax.nn import activations
from lumiere_jax.nn import attention
from lumiere_jax.nn import conv


@dataclasses.dataclass(frozen=True, kw_only=True)
class UNetSpec:
  """Sizes and choices of the image network.

  Attributes:
    widths: channels of each level, finest first.
    stem_width: channels at full resolution where no block runs there
      (`resize_first`); None for the finest level's.
    blocks: residual blocks of each level (one more on the way up where
      `skips` is "block").
    attention: levels (0 is the finest) with attention after each block.
    middle_attention: whether the middle has attention.
    attention_kind: "joint", "cross" or "self"; see `nn.attention`.
    head_dim: channels of an attention head.
    groups: groups of every group norm.
    embedding_width: width of the time embedding.
    text_width: width text is projected to for attention; None for the widest
      level's.
    pooled_text: whether attention-pooled text joins the time embedding.
    resize: "pooled" puts average pooling / pixel repetition inside a residual
      block (BigGAN); "strided" is a strided convolution / repetition then
      convolution.
    resize_first: each level, the finest too, starts by halving (Efficient
      U-Net) instead of each but the coarsest ending with it.  The first
      convolution is then handed to the last one, or nothing at full resolution
      would carry the noise across.
    skips: "block" hands every block's output across, "level" one a level.
    skip_scale: factor on what is handed across.
    activation: see `nn.activations`.
    out_channels: 3, or 6 with learned variance.
    low_res: whether a low-resolution clip is concatenated on channels, with
      its noise level embedded.
    low_res_skip: whether the enlarged low-resolution clip is then added to
      what comes out, so that only what it lacks is painted; by how much is
      learned from time and noise level, from all of it on. For networks that
      predict the clean clip.
    given: whether pixels that are given, and where, are concatenated on
      channels too (Lumiere's conditional model: 3 + 3 + 1 channels in).
    dropout: rate before each block's second convolution.
    variant: what imported weights want otherwise; see `variant.Variant`.
  """

  widths: tuple[int, ...]
  blocks: tuple[int, ...]
  attention: tuple[int, ...] = ()
  middle_attention: bool = True
  attention_kind: str = "joint"
  head_dim: int = 64
  groups: int = 32
  embedding_width: int = 512
  text_width: int | None = None
  pooled_text: bool = True
  resize: str = "pooled"
  resize_first: bool = False
  stem_width: int | None = None
  skips: str = "block"
  skip_scale: float = 1.0
  activation: str = "silu"
  out_channels: int = 3
  low_res: bool = False
  low_res_skip: bool = False
  given: bool = False
  dropout: float = 0.0
  variant: variants.Variant = variants.OURS

  def __post_init__(self):
    if isinstance(self.variant, Mapping):
      object.__setattr__(self, "variant", variants.Variant(**self.variant))
    activations.get(self.activation)
    for name in ("widths", "blocks", "attention"):
      object.__setattr__(self, name, tuple(getattr(self, name)))
    if len(self.widths) != len(self.blocks):
      raise errors.ConfigError(
        f"widths has {len(self.widths)} levels and blocks {len(self.blocks)}; "
        "they must name the same levels."
      )
    if any(not 0 <= level < self.num_levels for level in self.attention):
      raise errors.ConfigError(
        f"attention is at levels {list(self.attention)}; the network has "
        f"levels 0 to {self.num_levels - 1}."
      )
    errors.require_one_of("resize", self.resize, ("pooled", "strided"))
    errors.require_one_of("skips", self.skips, ("block", "level"))
    errors.require_one_of(
      "attention kind", self.attention_kind, attention.KINDS
    )
    if self.resize_first and self.skips == "block":
      raise errors.ConfigError(
        "resize_first goes with skips='level': with skips='block' the finest "
        "level has nothing at full resolution to hand across."
      )
    if self.stem_width and not self.resize_first:
      raise errors.ConfigError(
        f"stem_width is {self.stem_width}; it goes with resize_first=True, "
        "where no block runs at full resolution."
      )
    if self.low_res_skip and not (self.low_res and self.out_channels == 3):
      raise errors.ConfigError(
        f"low_res_skip is set where low_res is {self.low_res} and "
        f"out_channels {self.out_channels}; it goes with low_res=True and 3."
      )
    if self.out_channels not in (3, 6):
      raise errors.ConfigError(
        f"out_channels is {self.out_channels}; it must be 3, or 6 for learned "
        "variance."
      )

  @property
  def num_levels(self) -> int:
    """Number of resolutions at which blocks run."""
    return len(self.widths)

  @property
  def num_resizes(self) -> int:
    """How often height and width are halved."""
    return self.num_levels - (0 if self.resize_first else 1)

  @property
  def spatial_factor(self) -> int:
    """Height and width must be multiples of this."""
    return 2**self.num_resizes

  def attends(self, level: int, way: str) -> bool:
    """Whether blocks of a level are followed by attention, "down" or "up"."""
    own = self.variant.up_attention
    return level in (self.attention if own is None or way == "down" else own)

  def attention_kind_at(self, level: int, way: str) -> str:
    """Kind of a level's attention; the way is "down", "up" or "middle"."""
    only = self.variant.text_only
    if way == "up" and self.variant.up_text_only is not None:
      only = self.variant.up_text_only
    told = self.variant.middle_text_only if way == "middle" else level in only
    return "cross" if told else self.attention_kind

  def head_dim_at(self, level: int, way: str) -> int:
    """Channels of an attention head; the way is "down", "up" or "middle"."""
    dims = self.variant.head_dims
    if way == "up" and self.variant.up_head_dims is not None:
      dims = self.variant.up_head_dims
    return self.head_dim if dims is None else dims[level]

  def resize_at(self, level: int, way: str) -> str:
    """How a level ends, on the way "down" or "up"."""
    if way == "down":
      strided = self.variant.down_strided
    else:
      strided = self.variant.up_strided
    return "strided" if level in strided else self.resize

  @property
  def told_noise_level(self) -> bool:
    """Whether the network is told how noisy the low resolution is."""
    told = self.variant.noise_level
    return self.low_res if told is None else told

  @property
  def learned_variance(self) -> bool:
    """Whether the network also predicts where the variance lies."""
    return self.out_channels == 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class TemporalSpec:
  """What inflation adds to an image network.

  Attributes:
    conv_levels: "all", "fine" for all but the coarsest (Lumiere's base), or
      "none".
    attention_blocks: temporal attention blocks stacked at the coarsest level.
    head_dim: channels of a temporal attention head; None for the image
      network's.
    factors: frames merged at each spatial resize, finest first; empty for
      none.
    layout: see `nn.conv.convolve_frames`.
    told: whether temporal blocks are told the diffusion time and the text
      (pooled by an attention of their own).
    placed: whether they are also told where in the clip a frame is and, at the
      coarsest level, where in the frame a place is. Of "rolls to the left" what
      can be painted before anything shows is at the right early, at the left
      late. Places are parts of the clip, so that one with more frames than were
      trained is taken as a slower one.
    head: whether what the last convolution says is then corrected along time.
      Where no block runs at full resolution (`resize_first`), nothing else
      lets frames agree on what only full resolution shows, and it flickers.
  """

  conv_levels: str = "fine"
  attention_blocks: int = 4
  head_dim: int | None = None
  factors: tuple[int, ...] = ()
  layout: str = "rows"
  told: bool = False
  placed: bool = False
  head: bool = False

  def __post_init__(self):
    object.__setattr__(self, "factors", tuple(self.factors))
    if self.placed and not self.told:
      raise errors.ConfigError(
        "temporal.placed is True and temporal.told False; where things are is "
        "told with the text, so that told=True goes with it."
      )
    kinds = ("all", "fine", "none")
    errors.require_one_of("conv_levels", self.conv_levels, kinds)
    errors.require_one_of(
      "temporal convolution layout", self.layout, conv.LAYOUTS
    )

  def has_conv(self, level: int, num_levels: int) -> bool:
    """Whether blocks of `level` are followed by a temporal convolution."""
    is_fine = self.conv_levels == "fine" and level < num_levels - 1
    return self.conv_levels == "all" or is_fine
