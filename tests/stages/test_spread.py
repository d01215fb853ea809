"""A network on many devices is the network on one: values and gradients."""

import importlib
import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import rules
from lumiere_jax.stages import spread
from lumiere_jax.stages import stage as stages
from lumiere_jax.types import Condition, FrameCondition

# Every weight that can be cut is, however small.
TABLE = rules.AxisRules(dict(rules.DEFAULT.table), smallest=1)


def _recipe(variant, **changes):
  config = importlib.import_module("configs.tiny").get_config(variant)
  with config.unlocked():
    config.model.update(widths=(16, 16, 32), groups=4, head_dim=16)
    config.model.update(changes)
    config.text.max_length = 6
    config.text.encoder.update(width=16, num_layers=1, mlp_width=16)
  return json.loads(config.to_json_best_effort())


def _inputs(stage, clips, frames, side=16):
  rng = np.random.default_rng(0)
  draw = lambda *shape: jnp.asarray(rng.standard_normal(shape), jnp.float32)
  params = jax.tree.map(
    # Away from zero, or most blocks would add nothing.
    lambda x: jnp.asarray(x + 0.05 * rng.standard_normal(x.shape), jnp.float32),
    stage.init(0),
  )
  is_ssr = stage.name == stages.SUPER_RESOLUTION
  condition = Condition(
    text=draw(clips, 6, 16),
    text_mask=jnp.asarray(rng.random((clips, 6)) < 0.7).at[:, 0].set(True),
    low_res=draw(clips, frames, side // 2, side // 2, 3) if is_ssr else None,
    noise_level=jnp.linspace(0.1, 0.9, clips) if is_ssr else None,
    given=_given(draw, clips, frames, side) if _is_told(stage) else None,
  )
  return params, draw(clips, frames, side, side, 3), condition


def _is_told(stage):
  return stage.network.spec.given


def _given(draw, clips, frames, side):
  known = (draw(clips, frames, side, side, 1) > 0).astype(jnp.float32)
  video = draw(clips, frames, side, side, 3) * known
  return FrameCondition(video=video, known=known)


def _gradient(stage, params, noisy, condition):
  t = jnp.linspace(0.2, 0.8, noisy.shape[0])

  def loss(params):
    out = stage.predict(params, noisy, t, condition)
    return jnp.mean(out**2), out

  (_, out), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
  return out, gradient["network"]


# What changes the network, not only how it is run.
PLAIN = {
  *("widths", "blocks", "attention", "temporal", "given", "low_res_skip"),
}
TWO = dict(widths=(16, 32), blocks=(1, 2), attention=(1,))  # levels
CASES = {
  # 16 frames are 8, 4 and 2 further down: some devices then hold padding.
  "base, frames over 4": ("base", 16, dict(frames=4, fsdp=2)),
  "base, told": (
    *("base", 8, dict(frames=2, fsdp=2, data=2)),
    dict(
      temporal=dict(attention_blocks=2, told=True, placed=True, head=True),
      remat="blocks",
      given=True,
    ),
  ),
  "ssr": ("ssr", 4, dict(frames=2, fsdp=4), TWO | dict(low_res_skip=True)),
  "ssr, scanned": (
    *("ssr", 4, dict(frames=2, fsdp=4)),
    TWO | dict(blocks=(1, 3), scan=True, remat="blocks"),
  ),
  "t2i, frames are clips": ("t2i", 1, dict(frames=2, fsdp=4)),
}
# The same at three levels, and what "base, told" includes: with --bars.
LONGER = {
  "base, remat": (
    *("base", 8, dict(frames=2, fsdp=2, data=2)),
    dict(remat="blocks"),
  ),
  "ssr, three levels": ("ssr", 4, dict(frames=2, fsdp=4)),
  "ssr, three levels, scanned": (
    *("ssr", 4, dict(frames=2, fsdp=4)),
    dict(blocks=(1, 2, 3), scan=True, remat="blocks"),
  ),
}


@pytest.mark.parametrize(
  "case",
  [*CASES, *(pytest.param(name, marks=pytest.mark.bar) for name in LONGER)],
)
def test_many_devices_are_one(case):
  variant, frames, shape, *changes = (CASES | LONGER)[case]
  clips = 8 if variant == "t2i" else shape.get("data", 1) * shape["fsdp"]
  changes = changes[0] if changes else {}
  plain = {key: changes[key] for key in changes.keys() & PLAIN}
  stage = stages.build(_recipe(variant, **plain))
  params, noisy, condition = _inputs(stage, clips, frames)
  want, want_gradient = _gradient(stage, params, noisy, condition)
  stage = stages.build(_recipe(variant, **changes))
  mesh = meshes.make(shape)
  placed = jax.device_put(
    params, TABLE.shardings(stage.abstract_params(), mesh)
  )
  got, gradient = _gradient(
    spread.over(stage, mesh, TABLE), placed, noisy, condition
  )
  np.testing.assert_allclose(got, want, atol=1e-5 * np.abs(want).max())
  largest = max(float(jnp.abs(x).max()) for x in jax.tree.leaves(want_gradient))
  for (path, one), other in zip(
    jax.tree_util.tree_leaves_with_path(gradient),
    jax.tree.leaves(want_gradient),
    strict=True,
  ):
    np.testing.assert_allclose(
      *(one, other),
      rtol=1e-5,
      # That of a key's bias is zero but for rounding.
      atol=1e-5 * max(float(jnp.abs(other).max()), 1e-2 * largest),
      err_msg=jax.tree_util.keystr(path),
    )


def test_one_device_needs_nothing():
  stage = stages.build(_recipe("base"))
  assert spread.over(stage, meshes.make({}, jax.devices()[:1])) is stage


@pytest.mark.parametrize("frames", [1, 2])
def test_frames_on_one_device_are_fetched_from_no_other(frames):
  small = dict(blocks=(1, 1, 1), attention=())
  stage = stages.build(_recipe("base", **small))
  shape = dict(data=2, frames=frames)
  mesh = meshes.make(shape, jax.devices()[: 2 * frames])
  params, noisy, condition = _inputs(stage, 2, 8)
  program = str(
    jax.make_jaxpr(
      lambda *inputs: _gradient(spread.over(stage, mesh, TABLE), *inputs)
    )(params, noisy, condition)
  )
  for fetches in ("ppermute", "all_gather", "reduce_scatter"):
    assert (fetches in program) == (frames > 1), fetches


def test_weights_are_cut_and_frozen_ones_take_half_the_room():
  stage = stages.build(_recipe("base", dtype="bfloat16"))
  params = stage.init(0)
  cast = stages.in_compute_dtype(stage, params)
  network, text = cast["network"], cast["text"]
  block = network["down_0"]["block_0"]
  assert block["conv_0"]["conv"]["kernel"].dtype == jnp.bfloat16
  assert block["norm_0"]["norm"]["scale"].dtype == jnp.float32
  assert network["conv_out"]["conv"]["kernel"].dtype == jnp.float32
  assert jax.tree.leaves(text)[0].dtype == jnp.float32
  stage = stages.build(_recipe("base"))
  chex.assert_trees_all_equal_dtypes(
    stages.in_compute_dtype(stage, params), params
  )
