"""A worker of `lumiere compare peers` that has diffusers and transformers.

Runs in the peers' interpreter, never in ours.
"""

import diffusers
import torch
import transformers

from lumiere_jax.comparison import peer_cases
from lumiere_jax.comparison import peer_protocol
from lumiere_jax.comparison import peer_torch


def main() -> None:
  """Serves."""
  peer_torch.serve(make, None, ("torch", "diffusers", "transformers"))


def make(case, mode) -> peer_protocol.Work:
  """Builds the work of a case."""
  torch.manual_seed(0)
  model, given = {"image": image, "text": text}[case["task"]](case)
  model = model.eval()
  called = torch.compile(model) if mode == "compile" else model
  return peer_torch.work(
    case,
    torch.no_grad()(lambda: called(**given)),
    sum(p.numel() for p in model.parameters()),
    peer_torch.flops(torch.no_grad()(lambda: model(**given))),
  )


def image(case):
  """A U-Net of DeepFloyd IF's block types, and a batch of images."""
  count, side = case["frames"], case["size"]
  model = diffusers.UNet2DConditionModel(sample_size=side, **peer_cases.IF)
  text = torch.randn(count, peer_cases.TOKENS, peer_cases.TEXT)
  return model, dict(
    sample=torch.randn(count, 3, side, side),
    timestep=torch.full((count,), 500),
    encoder_hidden_states=text,
  )


def text(case):
  """T5 v1.1 small, and a batch of prompts."""
  config = transformers.T5Config(
    feed_forward_proj="gated-gelu", **peer_cases.T5
  )
  shape = case["frames"], case["size"]
  return transformers.T5EncoderModel(config), dict(
    input_ids=torch.ones(shape, dtype=torch.long),
    attention_mask=torch.ones(shape, dtype=torch.long),
  )


if __name__ == "__main__":
  main()
