"""A worker of `lumiere compare peers` that has lumiere-pytorch.

Runs in the peers' interpreter, never in ours.  Its `Lumiere` wraps `peer_unet`,
which is our image network layer for layer; all four lists of module names are
given, as it demands.  It has neither sampler nor loss nor super-resolution:
those few lines are ours, and super-resolution uses its blocks without the
wrapper, which refuses a network without temporal resizes.
"""

import lumiere_pytorch
from lumiere_pytorch import lumiere
import torch
from torch import nn

from lumiere_jax.comparison import peer_cases
from lumiere_jax.comparison import peer_protocol
from lumiere_jax.comparison import peer_torch
from lumiere_jax.comparison import peer_unet

ALPHA = SIGMA = 0.5**0.5
GUIDANCE = 7.0


def main() -> None:
  """Serves."""
  versions = ("torch", "lumiere-pytorch", "x-transformers")
  peer_torch.serve(make, numerics, versions)


def image_network(case, in_channels=3) -> peer_unet.UNet:
  """Our image network, with random weights where it would start at zero."""
  torch.manual_seed(0)
  network = peer_unet.UNet(
    blocks=1,
    in_channels=in_channels,
    text_in=peer_cases.TEXT,
    tokens=peer_cases.TOKENS,
    **peer_cases.sizes(case),
  )
  with torch.no_grad():
    for weight in network.parameters():
      if weight.ndim > 1 and not weight.any():
        weight.normal_(std=weight[0].numel() ** -0.5)
  return network


def inflated(case, network=None) -> lumiere_pytorch.Lumiere:
  """The wrapper around the image network."""
  last = peer_cases.LEVELS - 1
  width = peer_cases.sizes(case)["widths"][-1]
  return lumiere_pytorch.Lumiere(
    network or image_network(case),
    image_size=case["size"],
    unet_time_kwarg="t",
    conv_module_names=blocks(range(last)),
    attn_module_names=["middle"],
    downsample_module_names=[f"down.{k}_resize" for k in range(last)],
    upsample_module_names=[f"up.{k}_resize" for k in range(1, last + 1)],
    attn_inflation_kwargs=dict(
      depth=peer_cases.ATTENTION_BLOCKS,
      heads=width // peer_cases.HEAD,
      dim_head=peer_cases.HEAD,
    ),
  )


def blocks(levels) -> list[str]:
  """Names of the blocks of some levels."""
  down = [f"down.{level}_0" for level in levels]
  return down + [f"up.{level}_{index}" for level in levels for index in (0, 1)]


class Windows(nn.Module):
  """Super-resolution of a window: its convolution blocks, without wrapper."""

  def __init__(self, case):
    super().__init__()
    self.network = image_network(case, in_channels=6)
    modules = dict(self.network.named_modules())
    found = [modules[name] for name in blocks(range(peer_cases.LEVELS))]
    self.temporal = nn.ModuleList(
      lumiere_pytorch.ConvolutionInflationBlock(
        dim=one.residual.conv_1.out_channels, time_dim=case["frames"]
      )
      for one in found
    )
    lumiere.insert_temporal_modules_(found, self.temporal)

  def forward(self, noisy, low_res, t, text, noise_level):
    """Clips [B, C, T, H, W]; the rest one a clip."""
    count, frames = noisy.shape[0], noisy.shape[2]
    both = torch.cat([noisy, low_res], dim=1)
    images = both.transpose(1, 2).flatten(0, 1)
    each = lambda x: x.repeat_interleave(frames, dim=0)
    out = self.network(images, each(t), each(text), each(noise_level))
    return out.unflatten(0, (count, frames)).transpose(1, 2)


def make(case, mode) -> peer_protocol.Work:
  """Builds the work of a case."""
  model = Windows(case) if case["task"] == "ssr" else inflated(case)
  step = {
    "forward": forward,
    "train": train,
    "base": guided_step,
    "ssr": window_step,
  }[case["task"]]
  called = torch.compile(model) if mode == "compile" else model
  return peer_torch.work(
    case,
    step(called, model, given(case)),
    sum(p.numel() for p in nn.Module.parameters(model)),
    peer_torch.flops(step(model, model, given(case))),
  )


def given(case) -> dict[str, torch.Tensor]:
  """A noisy clip, its clean one, time and text."""
  torch.manual_seed(1)
  side = case["size"]
  clip = (1, 3, case["frames"], side, side)
  return dict(
    noisy=torch.randn(clip),
    other=torch.randn(clip),
    t=torch.tensor([0.5]),
    text=torch.randn(1, peer_cases.TOKENS, peer_cases.TEXT),
  )


def forward(called, model, told):
  """One forward pass."""
  del model

  @torch.no_grad()
  def run():
    return called(told["noisy"], t=told["t"], text=told["text"])

  return run


def train(called, model, told):
  """One step of AdamW on the temporal parameters, the rest being frozen."""
  optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
  clean, noise = told["noisy"], told["other"]
  noisy = ALPHA * clean + SIGMA * noise
  target = ALPHA * noise - SIGMA * clean

  def run():
    optimizer.zero_grad()
    out = called(noisy, t=told["t"], text=told["text"])
    loss = ((out - target) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss.item()

  return run


def guided_step(called, model, told):
  """One DDIM step, guided: two clips through the network."""
  del model
  twice = lambda x: x.repeat_interleave(2, dim=0)
  text = torch.cat([told["text"], torch.zeros_like(told["text"])])

  @torch.no_grad()
  def run():
    noisy = told["noisy"]
    out = called(twice(noisy), t=twice(told["t"]), text=text)
    positive, negative = (ALPHA * noisy - SIGMA * one for one in out)
    clean = negative + GUIDANCE * (positive - negative)
    return ddim(noisy, clean)

  return run


def window_step(called, model, told):
  """One DDIM step of a window of super-resolution."""
  del model
  level = torch.tensor([0.1])

  @torch.no_grad()
  def run():
    noisy = told["noisy"]
    out = called(noisy, told["other"], told["t"], told["text"], level)
    return ddim(noisy, ALPHA * noisy - SIGMA * out)

  return run


def ddim(noisy, clean):
  """From alpha = sigma to alpha = 0.8."""
  return 0.8 * clean + 0.6 * (noisy - ALPHA * clean) / SIGMA


@torch.no_grad()
def numerics() -> dict[str, float]:
  """Properties of the modules as they start; see `peer_numerics`."""
  torch.manual_seed(2)
  clip = torch.randn(1, 32, 16, 8, 8)
  still = clip[:, :, :1].expand_as(clip)
  down = lumiere_pytorch.TemporalDownsample(32)
  up = lumiere_pytorch.TemporalUpsample(32)
  block = lumiere_pytorch.ConvolutionInflationBlock(dim=32)
  attention = lumiere_pytorch.AttentionInflationBlock(dim=32)
  case = peer_cases.clips("forward", 16, 32)
  told, network = given(case), image_network(case)
  whole = inflated(case, network)(told["noisy"], t=told["t"], text=told["text"])
  images = told["noisy"][0].transpose(0, 1)[::8]
  each = lambda x: x.repeat_interleave(len(images), dim=0)
  alone = network(images, each(told["t"]), each(told["text"]))
  found = whole[0].transpose(0, 1)[::8]
  of = lambda x, like: float((x - like).abs().max() / like.abs().max())
  again = lambda x: up(down(x))
  normed = lumiere.ChanFirstRMSNorm(32)(clip[:, :, 0])
  return {
    "down_of_constant": float(down(still)[:, :, 2:-2].mean() / still.mean()),
    "down_error": of(down(clip), clip[:, :, ::2]),
    "up_of_constant": float(up(still)[:, :, 2:-2].mean() / still.mean()),
    "up_error": of(up(clip), clip.repeat_interleave(2, dim=2)),
    "constant_error": of(again(still), still),
    "block_error": of(block(clip), clip),
    "attention_error": of(attention(clip), clip),
    "every_nth_frame_error": of(found, alone),
    "norm_over_channels": float(normed.pow(2).mean(1).std()),
    "norm_over_last_axis": float(normed.pow(2).mean(-1).std()),
  }


if __name__ == "__main__":
  main()
