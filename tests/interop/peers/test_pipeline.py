"""A whole pipeline folder: what its parts make of a caption in both worlds."""

import foreign_pipelines
import jax
import jax.numpy as jnp
import numpy as np
import peers_of_unets as peers
import pytest

from lumiere_jax.generation import conditions
from lumiere_jax.interop import importing
from lumiere_jax.stages import weights

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PROMPTS = ["a red ball rolls over green grass", ""]
STEP = 420


def _theirs(folder, noisy):
  """Noise that the U-Net predicts for each prompt, as their pipeline asks."""
  tokenizer = transformers.T5Tokenizer.from_pretrained(folder / "tokenizer")
  encoder = transformers.T5EncoderModel.from_pretrained(folder / "text_encoder")
  unet = peers.diffusers.UNet2DConditionModel.from_pretrained(folder / "unet")
  read = tokenizer(
    PROMPTS,
    padding="max_length",
    max_length=77,
    truncation=True,
    return_tensors="pt",
  )
  with torch.no_grad():
    told = encoder.eval()(read.input_ids, attention_mask=read.attention_mask)[0]
    pixels = torch.from_numpy(np.moveaxis(noisy, -1, 1))
    out = unet.eval()(pixels, STEP, encoder_hidden_states=told).sample
  return told.numpy(), np.moveaxis(out.numpy(), 1, -1)


def _ours(folder, noisy):
  stage, params, _ = weights.load(folder)
  t = jnp.full(1, (STEP + 1) / 1000)
  told = conditions.build(
    stage.tokenizer,
    lambda tokens, mask: stage.encode(params, tokens, mask),
    prompt=PROMPTS[0],
    negative_prompt="",
    num_clips=1,
    is_guided=True,
    hears_silence=stage.hears_silence,
  )
  predict = jax.jit(
    lambda noisy, condition: stage.network.apply(
      {"params": params["network"]}, noisy, stage.schedule.told(t), condition
    )
  )
  sides = told.positive, told.negative
  pairs = zip(noisy, sides, strict=True)
  out = [predict(one[None, None], side)[0, 0] for one, side in pairs]
  return np.stack([side.text[0] for side in sides]), np.stack(out)


def test_both_sides_of_guidance_are_theirs(tmp_path):
  config = foreign_pipelines.TINY_CONFIG
  source = foreign_pipelines.write(tmp_path / "if", config, (None,))
  options = importing.Options(compute_dtype="float32")
  importing.write(importing.plan(source, None, options), tmp_path / "w")
  rng = np.random.default_rng(3)
  noisy = rng.standard_normal((2, 16, 16, 3)).astype(np.float32)
  for got, want in zip(
    _ours(tmp_path / "w", noisy), _theirs(source, noisy), strict=True
  ):
    largest = np.abs(want).max()
    np.testing.assert_allclose(got, want, atol=1e-4 * largest, rtol=0)
