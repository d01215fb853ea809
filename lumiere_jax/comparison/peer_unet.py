"""Our image network again, in PyTorch, for peers that wrap one.

Runs in the peers' interpreter. Layer for layer what `models.unet` does with
skips by block and pooled resizes, written as PyTorch is usually written:
channels first, its own group norm and its own attention.
"""

from collections.abc import Sequence
import math

import torch
from torch import nn
from torch.nn import functional


class Residual(nn.Module):
  """Scale-shift residual block: [N, C, H, W] -> [N, width, H', W'].

  Attributes:
    way: None, "down" or "up": the resize inside.
  """

  def __init__(self, channels, width, embedding, groups, way=None):
    super().__init__()
    self.way = way
    self.norm_0 = nn.GroupNorm(groups, channels)
    self.conv_0 = nn.Conv2d(channels, width, 3, padding=1)
    self.norm_1 = nn.GroupNorm(groups, width)
    self.modulation = nn.Linear(embedding, 2 * width)
    self.conv_1 = nn.Conv2d(width, width, 3, padding=1)
    nn.init.zeros_(self.conv_1.weight)
    nn.init.zeros_(self.conv_1.bias)
    self.shortcut = nn.Identity()
    if channels != width:
      self.shortcut = nn.Conv2d(channels, width, 1)

  def resize(self, x):
    """Halves, doubles or leaves height and width."""
    if self.way == "down":
      return functional.avg_pool2d(x, 2)
    if self.way == "up":
      return functional.interpolate(x, scale_factor=2.0, mode="nearest")
    return x

  def forward(self, x, embedding, skip=None):
    """Applies the block; `embedding` [N, E], `skip` [N, C', H, W]."""
    if skip is not None:
      x = torch.cat([x, skip], dim=1)
    hidden = self.conv_0(self.resize(functional.silu(self.norm_0(x))))
    told = self.modulation(functional.silu(embedding))[..., None, None]
    scale, shift = told.chunk(2, dim=1)
    hidden = functional.silu(self.norm_1(hidden) * (1 + scale) + shift)
    return self.shortcut(self.resize(x)) + self.conv_1(hidden)


class Attention(nn.Module):
  """Pixels attend to pixels and text: [N, C, H, W] -> the same, residual."""

  def __init__(self, width, text_width, head_dim, groups):
    super().__init__()
    self.heads = width // head_dim
    self.norm = nn.GroupNorm(groups, width)
    self.query, self.key, self.value = (nn.Linear(width, width) for _ in "qkv")
    self.text_key = nn.Linear(text_width, width)
    self.text_value = nn.Linear(text_width, width)
    self.out = nn.Linear(width, width)
    nn.init.zeros_(self.out.weight)
    nn.init.zeros_(self.out.bias)

  def forward(self, x, text):
    """Attends; `text` is [N, L, D]."""
    rows = self.norm(x).flatten(2).transpose(1, 2)
    key = torch.cat([self.key(rows), self.text_key(text)], dim=1)
    value = torch.cat([self.value(rows), self.text_value(text)], dim=1)
    attended = attend(self.query(rows), key, value, self.heads)
    return x + self.out(attended).transpose(1, 2).reshape(x.shape)


class Block(nn.Module):
  """A residual block and, where told so, attention."""

  def __init__(self, channels, width, sizes, attends):
    super().__init__()
    self.residual = Residual(
      channels, width, sizes["embedding_width"], sizes["groups"]
    )
    self.attention = None
    if attends:
      self.attention = Attention(
        width, sizes["text_width"], sizes["head_dim"], sizes["groups"]
      )

  def forward(self, x, embedding, text, skip=None):
    """As `Residual` and `Attention`."""
    x = self.residual(x, embedding, skip)
    return x if self.attention is None else self.attention(x, text)


class Middle(nn.Module):
  """The coarsest level's middle: [N, C, H, W] -> the same."""

  def __init__(self, width, sizes):
    super().__init__()
    embedding, groups = sizes["embedding_width"], sizes["groups"]
    self.block_0 = Block(width, width, sizes, attends=True)
    self.block_1 = Residual(width, width, embedding, groups)

  def forward(self, x, embedding, text):
    """As `Block`."""
    return self.block_1(self.block_0(x, embedding, text), embedding)


class Pool(nn.Module):
  """Attention-pooled text: [N, L, E] -> [N, width]."""

  def __init__(self, text_in, head_dim, width):
    super().__init__()
    self.heads = text_in // min(head_dim, text_in)
    self.offset = nn.Parameter(torch.randn(text_in) * text_in**-0.5)
    self.query, self.key, self.value = (
      nn.Linear(text_in, text_in) for _ in "qkv"
    )
    self.project = nn.Linear(text_in, width)
    self.norm = nn.LayerNorm(width)

  def forward(self, text):
    """Pools."""
    query = text.mean(1, keepdim=True) + self.offset
    rows = torch.cat([query, text], dim=1)
    pooled = attend(
      self.query(query), self.key(rows), self.value(rows), self.heads
    )
    return self.norm(self.project(pooled[:, 0]))


def attend(query, key, value, heads):
  """Softmax attention of [N, L, heads x D] rows."""
  split = lambda x: x.unflatten(-1, (heads, -1)).transpose(1, 2)
  out = functional.scaled_dot_product_attention(
    split(query), split(key), split(value)
  )
  return out.transpose(1, 2).flatten(2)


class UNet(nn.Module):
  """Noisy images in, prediction out: [N, C, H, W] -> [N, 3, H, W].

  Attributes:
    tokens: of the text that a call without any is given.
  """

  def __init__(
    self,
    *,
    widths: Sequence[int],
    blocks: int,
    attention: Sequence[int],
    in_channels: int = 3,
    text_in: int,
    tokens: int,
    **sizes,
  ):
    """Builds; `sizes` are head_dim, groups, embedding_width, text_width."""
    super().__init__()
    groups, embedding = sizes["groups"], sizes["embedding_width"]
    self.text_shape, self.frequencies = (tokens, text_in), widths[0]
    self.levels, self.blocks = len(widths), blocks
    self.time = nn.Sequential(
      nn.Linear(widths[0], embedding),
      nn.SiLU(),
      nn.Linear(embedding, embedding),
    )
    self.noise_level = None
    if in_channels > 3:
      self.noise_level = nn.Sequential(
        nn.Linear(widths[0], embedding),
        nn.SiLU(),
        nn.Linear(embedding, embedding),
      )
    self.text_norm = nn.LayerNorm(text_in)
    self.pool = Pool(text_in, sizes["head_dim"], embedding)
    self.text_project = nn.Linear(text_in, sizes["text_width"])
    self.conv_in = nn.Conv2d(in_channels, widths[0], 3, padding=1)
    self.down, self.up = nn.ModuleDict(), nn.ModuleDict()
    self._descend(widths, attention, sizes)
    self.middle = Middle(widths[-1], sizes)
    self._ascend(widths, attention, sizes)
    self.norm_out = nn.GroupNorm(groups, widths[0])
    self.conv_out = nn.Conv2d(widths[0], 3, 3, padding=1)
    nn.init.zeros_(self.conv_out.weight)
    nn.init.zeros_(self.conv_out.bias)

  def _descend(self, widths, attention, sizes):
    channels, self.handed = widths[0], [widths[0]]
    for level, width in enumerate(widths):
      for index in range(self.blocks):
        self.down[f"{level}_{index}"] = Block(
          channels, width, sizes, level in attention
        )
        channels = width
        self.handed.append(width)
      if level < len(widths) - 1:
        self.down[f"{level}_resize"] = Residual(
          width, width, sizes["embedding_width"], sizes["groups"], "down"
        )
        self.handed.append(width)

  def _ascend(self, widths, attention, sizes):
    channels, handed = widths[-1], [*self.handed]
    for level in reversed(range(len(widths))):
      width = widths[level]
      for index in range(self.blocks + 1):
        self.up[f"{level}_{index}"] = Block(
          channels + handed.pop(), width, sizes, level in attention
        )
        channels = width
      if level > 0:
        self.up[f"{level}_resize"] = Residual(
          width, width, sizes["embedding_width"], sizes["groups"], "up"
        )

  def forward(self, x, t, text=None, noise_level=None):
    """Predicts.

    Args:
      x: [N, C, H, W].
      t: [N] in [0, 1].
      text: [N, L, E]; zeros if not given.
      noise_level: [N] in [0, 1], with 6 channels in.
    """
    if text is None:
      text = x.new_zeros(len(x), *self.text_shape)
    embedding = self.time(sinusoid(t, self.frequencies))
    if self.noise_level is not None:
      embedding = embedding + self.noise_level(
        sinusoid(noise_level, self.frequencies)
      )
    text = self.text_norm(text)
    embedding = embedding + self.pool(text)
    text = self.text_project(text)
    x = self.conv_in(x)
    handed = [x]
    for level in range(self.levels):
      for index in range(self.blocks):
        x = self.down[f"{level}_{index}"](x, embedding, text)
        handed.append(x)
      if level < self.levels - 1:
        x = self.down[f"{level}_resize"](x, embedding)
        handed.append(x)
    x = self.middle(x, embedding, text)
    for level in reversed(range(self.levels)):
      for index in range(self.blocks + 1):
        x = self.up[f"{level}_{index}"](x, embedding, text, handed.pop())
      if level > 0:
        x = self.up[f"{level}_resize"](x, embedding)
    return self.conv_out(functional.silu(self.norm_out(x)))


def sinusoid(t, width: int):
  """Cosines and sines of 1000 t: [N] -> [N, width]."""
  half = width // 2
  rate = torch.exp(torch.arange(half) * (-math.log(10_000.0) / half))
  angle = 1000 * t[:, None] * rate
  return torch.cat([angle.cos(), angle.sin()], dim=-1)
