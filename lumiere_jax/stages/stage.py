"""A stage: what is trained in one run and sampled in one pass.

text   a text encoder of our own, taught to read before it is frozen
t2i    text to image, on single frames
base   its space-time inflation: 80 frames at once (Lumiere, section 3.1)
ssr    spatial super-resolution of windows of frames (section 3.2)
judge  says what a clip of the toybox shows; paints nothing
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from lumiere_jax import errors
from lumiere_jax import models
from lumiere_jax.diffusion import parameterization
from lumiere_jax.diffusion import schedules
from lumiere_jax.models import judge
from lumiere_jax.models import style as styles
from lumiere_jax.nn import initial
from lumiere_jax.text import t5
from lumiere_jax.text import tokenizers
from lumiere_jax.types import Array, Condition, Estimate, Params

TEXT = "text"
JUDGE = "judge"
IMAGES = "t2i"
BASE = "base"
# The part of the parameters that is a thin change of the network's.
STYLE = "style"
SUPER_RESOLUTION = "ssr"
# What stands for "no text", and whether padding is attended to: of a recipe's
# text section, `null` and `padding`, the first of each unless it says so.
NULLS = ZEROS, EMPTY = "zeros", "empty"
PADDINGS = HIDDEN, SEEN = "hidden", "seen"
# These make no pictures: they have no noise schedule.
PAINTLESS = (TEXT, JUDGE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
  """The parts of one stage, and its recipe.

  Attributes:
    name: "text", "t2i", "base", "ssr" or "judge".
    recipe: the resolved recipe, plain dicts, lists and scalars.
    tokenizer: list of captions -> (tokens [B, L], mask [B, L]).
    text_encoder: (tokens, mask) -> [B, L, E].
    network: see `models.unet.UNet`.
    schedule: noise schedule; None in a stage without pictures, as is the
      prediction "".
    prediction: what the network predicts; see `diffusion.parameterization`.
    apply: (network parameters, noisy, t, condition) -> prediction, where the
      network is run by more than itself (`stages.spread`); None for itself.
  """

  name: str
  recipe: Mapping[str, Any]
  tokenizer: Any
  text_encoder: nn.Module
  network: nn.Module
  schedule: schedules.Schedule | None
  prediction: str
  apply: Callable[..., Array] | None = None

  @property
  def frame_shape(self) -> tuple[int, int, int, int]:
    """(T, H, W, 3) of the clips that the stage makes."""
    data = self.recipe["data"]
    size = data["resolution"]
    frames = 1 if self.name == IMAGES else data["num_frames"]
    return frames, size, size, 3

  def abstract_params(self) -> Params:
    """Shapes, axis names and initialisers of all parameters; no memory."""
    key = jax.random.key(0)
    params = {
      "text": jax.eval_shape(self.text_encoder.init, key, *self._tokens())[
        "params"
      ],
      "network": jax.eval_shape(
        self.network.init, key, *self._inputs(self._sizes())
      )["params"],
    }
    if self.recipe.get("trainable") == STYLE:
      rank = self.recipe["style"]["rank"]
      params[STYLE] = styles.thin(nn.unbox(params["network"]), rank)
    return params

  def init(self, seed: int, shardings: Params | None = None) -> Params:
    """Draws all parameters, where `shardings` says; see `nn.initial`."""
    return initial.materialize(self.abstract_params(), seed, shardings)

  @property
  def text_shape(self) -> tuple[int, int]:
    """(L', E) of a text's embedding; see `text.t5`."""
    text = self.recipe["text"]
    length = len(self.text_encoder.questions) or text["max_length"]
    return length, text["encoder"]["width"]

  def encode(
    self, params: Params, tokens: Array, mask: Array
  ) -> tuple[Array, Array]:
    """What the text encoder hands on, and what of it is to be attended to.

    Args:
      params: of the stage.
      tokens: [B, L] int32.
      mask: [B, L] bool, True on real tokens.

    Returns:
      Embedding [B, L', E] float32 and mask [B, L'] bool.
    """
    embedding = self.text_encoder.apply(
      {"params": params["text"]}, tokens, mask
    )
    seen = self.text_encoder.seen(mask)
    if self.recipe["text"].get("padding", HIDDEN) == SEEN:
      seen = jnp.ones_like(seen)
    return embedding.astype(jnp.float32), seen

  def unsaid(self, params: Params) -> tuple[Array, Array] | None:
    """What stands for "no text", as `encode` has it of one caption, B = 1.

    None where it is the embedding zeroed (`text.null.drop`); networks that were
    trained elsewhere may have been told the empty caption instead.
    """
    if not self.hears_silence:
      return None
    tokens, mask = tokenizers.pad([[]], self.recipe["text"]["max_length"])
    return self.encode(params, jnp.asarray(tokens), jnp.asarray(mask))

  @property
  def hears_silence(self) -> bool:
    """Whether "no text" is the embedding of the empty caption."""
    return self.recipe["text"].get("null", ZEROS) == EMPTY

  def predict(
    self, params: Params, noisy: Array, t: Array, condition: Condition
  ) -> Array:
    """The network's own output; see `models.unet.UNet`."""
    t = self.schedule.told(t)
    network = params["network"]
    if STYLE in params:
      network = styles.blend(network, styles.change(params[STYLE], network), 1)
    if self.apply is not None:
      return self.apply(network, noisy, t, condition)
    return self.network.apply({"params": network}, noisy, t, condition)

  def denoise(
    self, params: Params, noisy: Array, t: Array, condition: Condition
  ) -> Estimate:
    """What the network believes about the clean clip; a ParametricDenoiser."""
    raw = self.predict(params, noisy, t, condition)
    mean, variance = raw[..., :3], None
    if raw.shape[-1] == 6:
      variance = (raw[..., 3:] + 1) / 2
    clean = parameterization.to_clean(
      self.prediction,
      mean,
      noisy,
      self.schedule.alpha(t),
      self.schedule.sigma(t),
    )
    return Estimate(clean, variance)

  def _tokens(self):
    length = self.recipe["text"]["max_length"]
    return (
      jax.ShapeDtypeStruct((1, length), jnp.int32),
      jax.ShapeDtypeStruct((1, length), jnp.bool_),
    )

  def _sizes(self) -> tuple[int, int]:
    """Smallest (frames, side) the network takes: shapes of weights need it."""
    frames = models.unet.temporal_factor(self.network.temporal)
    return frames, self.network.spec.spatial_factor

  def _inputs(self, sizes: tuple[int, int]):
    frames, side = sizes
    video = jax.ShapeDtypeStruct((1, frames, side, side, 3), jnp.float32)
    scalar = jax.ShapeDtypeStruct((1,), jnp.float32)
    length, width = self.text_shape
    low_res = self.network.spec.low_res
    return (
      video,
      scalar,
      Condition(
        text=jax.ShapeDtypeStruct((1, length, width), jnp.float32),
        text_mask=jax.ShapeDtypeStruct((1, length), jnp.bool_),
        low_res=video if low_res else None,
        noise_level=scalar if low_res else None,
      ),
    )


class TextStage(Stage):
  """A stage without pictures: its text encoder answers questions."""

  def abstract_params(self) -> Params:
    """Shapes, axis names and initialisers of all parameters; no memory."""
    key = jax.random.key(0)
    shapes = jax.eval_shape(self.text_encoder.init, key, *self._tokens())
    return {"text": shapes["params"]}

  def read(self, params: Params, tokens: Array, mask: Array) -> Array:
    """What the captions say: logits [B, K, V]; see `text.reader`."""
    return self.text_encoder.apply(
      {"params": params["text"]}, tokens, mask, answers=True
    )


class JudgeStage(Stage):
  """A stage without text: its network says what a clip shows."""

  def abstract_params(self) -> Params:
    """Shapes, axis names and initialisers of all parameters; no memory."""
    data, key = self.recipe["data"], jax.random.key(0)
    size = data["resolution"]
    video = jax.ShapeDtypeStruct(
      (1, data["num_frames"], size, size, 3), jnp.float32
    )
    shapes = jax.eval_shape(self.network.init, key, video)
    return {"network": shapes["params"]}

  def judge(self, params: Params, video: Array) -> dict[str, Array]:
    """Logits of clips [B, T, H, W, 3] float32; see `models.judge`."""
    return self.network.apply({"params": params["network"]}, video)


def build(recipe: Mapping[str, Any]) -> Stage:
  """Builds a stage from its resolved recipe.

  Args:
    recipe: sections "stage", "text", "model", "diffusion" are read here; a
      wrong key in one of them is a TypeError that names it.
  """
  text, diffusion = dict(recipe["text"]), dict(recipe["diffusion"])
  tokenizer = tokenizers.build(
    text["tokenizer"],
    text["max_length"],
    text.get("spiece"),
    text.get("sentinels"),
    text.get("vocab_size"),
  )
  errors.require_one_of("text.null", text.get("null", ZEROS), NULLS)
  errors.require_one_of("text.padding", text.get("padding", HIDDEN), PADDINGS)
  parts = dict(
    name=recipe["stage"],
    recipe=recipe,
    tokenizer=tokenizer,
    text_encoder=t5.T5Encoder(
      # Imported ones may have more rows than their tokenizer needs.
      vocab_size=text.get("vocab_size") or tokenizer.vocab_size,
      **text["encoder"],
    ),
  )
  if recipe["stage"] == JUDGE:
    network = judge.Judge(**recipe["model"])
    return JudgeStage(**parts, network=network, schedule=None, prediction="")
  if recipe["stage"] == TEXT:
    return TextStage(**parts, network=None, schedule=None, prediction="")
  network = models.build(recipe["stage"], **recipe["model"])
  prediction = parameterization.canonical(diffusion["prediction"])
  if network.spec.low_res_skip and prediction != "clean":
    raise errors.ConfigError(
      f"model.low_res_skip is set and diffusion.prediction is {prediction!r}; "
      "it adds a clean clip to what comes out, which must be 'clean' too."
    )
  return Stage(
    **parts,
    network=network,
    schedule=schedules.build(**diffusion["schedule"]),
    prediction=prediction,
  )


def in_compute_dtype(stage: Stage, frozen: Params) -> Params:
  """Keeps frozen weights as they are computed with.

  A weight that never changes needs no more digits than its layer reads: what
  is multiplied is rounded to the compute dtype anyway.  Scales, offsets, biases
  of attention and the network's last layers, which compute in float32, stay
  float32.

  Args:
    stage: whose parameters they are.
    frozen: {"network": ..., "text": ...} or a part of it.
  """

  def cast(path, x):
    part, *names = (step.key for step in path)
    of = stage.network if part == "network" else stage.text_encoder
    reads_float32 = names[0].endswith("_out") or "relative" in names
    return x if x.ndim < 2 or reads_float32 else x.astype(jnp.dtype(of.dtype))

  return jax.tree.map_with_path(cast, frozen)
