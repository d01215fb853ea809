"""diffusers' U-Nets with the weights of `foreign_unets`; needs PyTorch."""

import foreign_unets
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")


def build(config):
  """Their network."""
  torch.set_num_threads(1)
  model = diffusers.UNet2DConditionModel(**config).eval()
  shapes = {k: tuple(p.shape) for k, p in model.state_dict().items()}
  drawn = foreign_unets.weights(shapes)
  model.load_state_dict({k: torch.from_numpy(p) for k, p in drawn.items()})
  return model


def call(model, given):
  """Their output, as torch has it."""
  say = lambda name: torch.from_numpy(given[name])
  labels = None
  if model.config.class_embed_type is not None:
    labels = say("noise_level")
  return model(
    say("noisy"), say("timestep"), say("text"), class_labels=labels
  ).sample


def run(model, given):
  """Their output, [B, C, H, W] float32."""
  with torch.no_grad():
    return call(model, given).numpy()
