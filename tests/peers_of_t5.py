"""transformers' encoders with the weights of `foreign_t5`; needs PyTorch."""

import foreign_t5
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

_MODELS = {"t5": "T5", "mt5": "MT5", "umt5": "UMT5"}


def empty(config):
  """Their encoder, with whatever weights it starts with."""
  name = _MODELS[config["model_type"]]
  said = {k: v for k, v in config.items() if k != "model_type"}
  made = getattr(transformers, f"{name}Config")(**said)
  return getattr(transformers, f"{name}EncoderModel")(made)


def shapes(model):
  """Name -> shape of its tensors, each once."""
  return {k: tuple(p.shape) for k, p in model.named_parameters()}


def build(config):
  """Their encoder."""
  torch.set_num_threads(1)
  model = empty(config).eval()
  drawn = foreign_t5.weights(shapes(model))
  with torch.no_grad():
    for name, one in model.named_parameters():
      one.copy_(torch.from_numpy(drawn[name]))
  return model


def call(model, given):
  """Their output, as torch has it."""
  tokens, mask = (torch.from_numpy(given[k]) for k in ("tokens", "mask"))
  return model(input_ids=tokens, attention_mask=mask.long()).last_hidden_state


def run(model, given):
  """Their output, [B, L, E] float32."""
  with torch.no_grad():
    return call(model, given).numpy()
