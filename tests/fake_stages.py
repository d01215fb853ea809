"""Stages with closed-form answers in the place of networks."""

from collections.abc import Mapping
import dataclasses
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax.diffusion import schedules
from lumiere_jax.generation import generator as generators
from lumiere_jax.generation import painter
from lumiere_jax.types import Estimate

NUM_FRAMES, SIDE = 8, 8
_COSINE = schedules.Cosine()


def _tokenize(texts):
  """The length of the text, as the only token."""
  tokens = np.array([[len(text)] for text in texts], np.int32)
  return tokens, np.ones(tokens.shape, bool)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeStage:
  """What `generation` uses of `stages.stage.Stage`.

  The first stage paints a spot that wanders, as bright as the text is long,
  on a ground whose level is that of the clip's own noise. The second repeats
  the pixels of the small clip, tinted by the mean of the noise it sees, so
  that windows disagree.
  """

  name: str
  recipe: Mapping[str, Any]
  frame_shape: tuple[int, ...]
  schedule: schedules.Schedule = _COSINE
  is_told: bool = True
  hears_silence: bool = False

  @property
  def network(self):
    """What says whether the stage may be given pixels."""
    return types.SimpleNamespace(spec=types.SimpleNamespace(given=self.is_told))

  @property
  def tokenizer(self):
    return _tokenize

  def abstract_params(self):
    return {"gain": jax.ShapeDtypeStruct((), jnp.float32)}

  def encode(self, params, tokens, mask):
    return params["gain"] * tokens[..., None].astype(jnp.float32), mask

  def denoise(self, params, noisy, t, condition):
    del params
    if condition.low_res is None:
      return Estimate(self._spot(noisy, condition.text[:, 0, 0]))
    factor = noisy.shape[2] // condition.low_res.shape[2]
    up = condition.low_res.repeat(factor, 2).repeat(factor, 3)
    level = (noisy - up).mean((1, 2, 3, 4), keepdims=True)
    strength = t[:, None, None, None, None]
    return Estimate(up + 0.3 * jnp.tanh(20 * level * strength))

  def _spot(self, noisy, brightness):
    place = jnp.meshgrid(*map(jnp.arange, noisy.shape[1:4]), indexing="ij")
    frame, row, column = (x[None, ..., None] for x in place)
    spot = jnp.exp(-((column - frame) ** 2 + (row - 4) ** 2) / 8)
    ground = jnp.tanh(noisy.mean((1, 2, 3, 4), keepdims=True))
    bright = 0.02 * brightness[:, None, None, None, None]
    return (ground + bright * spot) * jnp.array([1.0, 0.7, 0.5])


def make(name="base", *, is_told=True, **sampling):
  """A fake stage that samples in two steps unless told otherwise."""
  side = 2 * SIDE if name == "ssr" else SIDE
  # Thresholding sorts, and sorting takes long to compile.
  defaults = dict(
    num_steps=2, guidance_scale=1.0, solver="ddim", threshold=None
  )
  if name == "ssr":
    defaults |= dict(window=4, overlap=1, noise_level=0.1)
  return FakeStage(
    name=name,
    recipe=dict(stage=name, data=dict(fps=16), sampling=defaults | sampling),
    frame_shape=(NUM_FRAMES, side, side, 3),
    is_told=is_told,
  )


def load(*stages, gain=1.0):
  """A generator over fake stages whose only weight is `gain`."""
  params = {"gain": jnp.float32(gain)}
  loaded = [
    painter.Loaded(stage, params, f"{stage.name}{gain}") for stage in stages
  ]
  return generators.Generator(loaded, "runs/fake")
