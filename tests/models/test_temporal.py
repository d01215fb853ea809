"""Temporal blocks that are told the diffusion time and the text."""

import dataclasses

import chex
import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.models import inflate
from lumiere_jax.models import levels
from lumiere_jax.models import stunet
from lumiere_jax.models import t2i
from lumiere_jax.models import temporal
from lumiere_jax.nn import embed
from lumiere_jax.nn import initial
from lumiere_jax.nn import timeline as timelines
from lumiere_jax.types import Condition

SIZES = dict(
  widths=(8, 8, 16),
  blocks=(1, 1, 1),
  attention=(2,),
  head_dim=8,
  groups=4,
  embedding_width=16,
  text_width=8,
)
# One level, which is the coarsest, has attention along time alone.
COARSEST = dict(widths=(16,), blocks=(1,), attention=(0,))
TWO_LEVELS = dict(widths=(8, 16), blocks=(1, 1), attention=(1,))
EFFICIENT = dict(
  resize="strided", resize_first=True, skips="level", attention_kind="cross"
)
CASES = [
  pytest.param({}, id="imagen"),
  pytest.param(EFFICIENT, id="efficient"),
]


def _moved(params, seed=3):
  """Moves every weight, so that no zero hides anything."""
  leaves, tree = jax.tree.flatten(params)
  rng = np.random.default_rng(seed)
  draw = lambda x: x + 0.1 * rng.standard_normal(x.shape).astype(np.float32)
  return jax.tree.unflatten(tree, [draw(x) for x in leaves])


PLACED = dict(temporal=dict(placed=True))


def _network(told=True, temporal=None, **changes):
  temporal = dict(attention_blocks=2, told=told) | (temporal or {})
  return stunet.build(**(SIZES | changes), temporal=temporal)


def _inputs(seed=1, frames=8):
  noisy, text = jax.random.split(jax.random.key(seed))
  return (
    jax.random.normal(noisy, (2, frames, 8, 8, 3)),
    jnp.array([0.3, 0.8]),
    Condition(
      text=jax.random.normal(text, (2, 5, 8)),
      text_mask=jnp.arange(5)[None] < jnp.array([[3], [5]]),
    ),
  )


def _fresh(network):
  shapes = jax.eval_shape(network.init, jax.random.key(0), *_inputs())
  return initial.materialize(shapes, seed=0)["params"]


def _apply(network, params, inputs):
  return jax.jit(network.apply)({"params": params}, *inputs)


def _paths(params):
  return set(flax.traverse_util.flatten_dict(params))


@pytest.mark.parametrize("changes", CASES)
def test_told_blocks_begin_as_the_image_network(changes):
  image, video = t2i.build(**(SIZES | changes)), _network(**changes)
  temporal, fresh = inflate.split(_fresh(video))
  image_params, inputs = _moved(fresh), _inputs()
  factor = 2**video.spec.num_resizes
  got = _apply(video, inflate.merge(temporal, image_params), inputs)
  want = _apply(image, image_params, inputs)[:, ::factor]
  scale = float(jnp.abs(want).max())
  assert scale > 0.1, "the perturbed image network must not be silent"
  chex.assert_trees_all_close(
    got[:, ::factor] / scale, want / scale, rtol=1e-5, atol=1e-5
  )


def test_untold_blocks_are_as_they_were():
  assert not stunet.build(**SIZES).temporal.told
  params = _fresh(_network(told=False))
  assert not any(name.startswith("temporal_") for name in params)
  parts = {"spatial_conv", "norm_0", "conv", "norm_1", "project"}
  assert set(params["down_0"]["temporal_0"]) == parts
  assert set(params["middle"]["temporal_0"]) == {"attention"}
  parts = {"norm", "query", "key", "value", "relative", "project"}
  assert set(params["middle"]["temporal_0"]["attention"]) == parts


def test_all_that_telling_adds_is_trained():
  more = _paths(_fresh(_network()))
  without = _paths(_fresh(_network(told=False)))
  assert without < more
  assert all(inflate.is_temporal(path) for path in more - without)
  assert {path[0] for path in more - without} == {
    "temporal_time",
    "temporal_text_pool",
    "temporal_pooled_text",
    "temporal_pooled_norm",
    *("down_0", "down_1", "middle", "up_0", "up_1"),
  }


REACHED = [
  pytest.param(dict(temporal=dict(attention_blocks=0)), id="convolution"),
  pytest.param(COARSEST, id="attention"),
]


def _silenced(params):
  """The image network's own way from the text, cut."""
  flat = flax.traverse_util.flatten_dict(params)
  for name in ("text_project", "pooled_text"):
    flat[name, "kernel"] = np.zeros_like(flat[name, "kernel"])
  return flax.traverse_util.unflatten_dict(flat)


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
@pytest.mark.parametrize("changes", REACHED)
def test_text_reaches_what_is_trained_where_it_is_told(changes, told):
  network = _network(told, **changes)
  params = _silenced(_moved(_fresh(network)))
  noisy, t, condition = _inputs()
  other = dataclasses.replace(condition, text=_inputs(seed=2)[2].text)
  one = _apply(network, params, (noisy, t, condition))
  two = _apply(network, params, (noisy, t, other))
  difference = float(jnp.abs(one - two).max() / jnp.abs(one).max())
  assert difference > 1e-3 if told else difference == 0.0


def _gradient(network, params, inputs):
  loss = lambda params: jnp.mean(
    network.apply({"params": params}, *inputs) ** 2
  )
  return jax.jit(jax.grad(loss))(params)


def test_every_layer_that_tells_is_taught():
  network, inputs = _network(**TWO_LEVELS), _inputs()
  gradient = _gradient(network, _moved(_fresh(network)), inputs)
  flat = flax.traverse_util.flatten_dict(gradient)
  tells = {
    path: float(jnp.abs(x).max())
    for path, x in flat.items()
    # A key's bias moves all of a softmax alike.
    if path[0].startswith("temporal_") and path[-2:] != ("key", "bias")
  }
  tells |= {
    path: float(jnp.abs(x).max())
    for path, x in flat.items()
    if inflate.is_temporal(path) and {"modulation", "perceptron"} & {*path}
  }
  assert len(tells) > 20
  assert not [path for path, largest in tells.items() if largest == 0.0]


def test_a_loop_of_told_blocks_is_those_blocks():
  # The first level's last two blocks are alike, and end with a convolution.
  changes = EFFICIENT | TWO_LEVELS | dict(blocks=(3, 1))
  network, inputs = _network(**changes), _inputs()
  params = _moved(_fresh(network))
  looped = _network(**changes, scan=True, remat="blocks")
  chex.assert_trees_all_close(
    _gradient(looped, params, inputs),
    _gradient(network, params, inputs),
    rtol=1e-4,
    atol=1e-6,
  )


PLACES = {
  ("temporal_moment", "kernel"),
  *(
    ("middle", f"temporal_{k}", "perceptron", "place", "kernel") for k in (0, 1)
  ),
}


def test_places_that_are_told_begin_without_a_say():
  network, inputs = _network(**PLACED), _inputs()
  fresh = flax.traverse_util.flatten_dict(_fresh(network))
  moved = flax.traverse_util.flatten_dict(_moved(_fresh(network)))
  assert fresh.keys() - _paths(_fresh(_network())) == PLACES
  assert all(inflate.is_temporal(path) for path in PLACES)
  without = {path: x for path, x in moved.items() if path not in PLACES}
  silent = without | {path: fresh[path] for path in PLACES}
  unflat = flax.traverse_util.unflatten_dict
  got = _apply(network, unflat(silent), inputs)
  chex.assert_trees_all_close(
    got, _apply(_network(), unflat(without), inputs), rtol=1e-5, atol=1e-5
  )


def _same_everywhere(seed=1):
  """A clip whose frames are alike, told the same in all of them."""
  noisy, t, condition = _inputs(seed)
  return jnp.broadcast_to(noisy[:, :1], noisy.shape), t, condition


@pytest.mark.parametrize("placed", [True, False], ids=["placed", "unplaced"])
def test_frames_that_are_alike_are_told_apart_where_placed(placed):
  network = _network(**(COARSEST | dict(temporal=dict(placed=placed))))
  out = _apply(network, _moved(_fresh(network)), _same_everywhere())
  apart = float(jnp.abs(out - out[:, :1]).max() / jnp.abs(out).max())
  assert apart > 1e-3 if placed else apart < 1e-5


def test_every_place_is_taught():
  network = _network(**(TWO_LEVELS | PLACED))
  gradient = _gradient(network, _moved(_fresh(network)), _inputs())
  flat = flax.traverse_util.flatten_dict(gradient)
  assert min(float(jnp.abs(flat[path]).max(1).min()) for path in PLACES) > 0


def test_a_coarse_frame_is_told_the_moment_of_its_first():
  moments = jnp.arange(8.0)[None, :, None]
  told = levels.Told(None, None, None, temporal=moments)
  along = told.along(timelines.Whole(8).divided(4))
  np.testing.assert_array_equal(along[0, :, 0], [0, 4])


def test_places_are_told_with_the_text_or_refused():
  with pytest.raises(errors.ConfigError, match="placed is True and temporal"):
    _network(told=False, **PLACED)


HEAD = EFFICIENT | TWO_LEVELS | dict(temporal=dict(head=True))


def test_a_head_along_time_begins_without_a_say():
  network, inputs = _network(**HEAD), _inputs()
  params = _fresh(network)
  assert inflate.is_temporal(("temporal_head", "conv", "kernel"))
  without = _network(**(EFFICIENT | TWO_LEVELS))
  moved, fresh = _moved(params), params["temporal_head"]
  want = _apply(
    without, {k: x for k, x in moved.items() if k != "temporal_head"}, inputs
  )
  got = _apply(network, moved | {"temporal_head": fresh}, inputs)
  np.testing.assert_array_equal(got, want)
  spoken = _apply(network, moved, inputs)
  assert float(jnp.abs(spoken - want).max()) > 1e-3


def test_patches_hold_neighbours_and_go_back():
  video = jnp.arange(2 * 4 * 6 * 3).reshape(1, 2, 4, 6, 3)
  cut = temporal.patches(video)
  assert cut.shape == (1, 2, 2, 3, 12)
  np.testing.assert_array_equal(
    cut[0, 0, 1, 2], video[0, 0, 2:4, 4:6].reshape(-1)
  )
  np.testing.assert_array_equal(temporal.pixels(cut), video)


def test_a_head_refuses_sides_that_no_patch_divides():
  network = _network(**(COARSEST | dict(temporal=dict(head=True))))
  noisy, t, condition = _inputs()
  with pytest.raises(errors.ShapeError, match="sees patches of 2x2"):
    network.init(jax.random.key(0), noisy[:, :, :, :5], t, condition)


@pytest.mark.parametrize("count", [4, 10, 80])
def test_waves_say_different_things_of_rows_of_any_length(count):
  waves = embed.waves(count, 3)
  assert waves.shape == (count, 3)
  # Orthogonal to one another and to a constant, and seen from the other end
  # those that are odd change their sign.
  np.testing.assert_allclose(waves.T @ waves, np.eye(3) * count / 2, atol=1e-9)
  np.testing.assert_allclose(waves.sum(0), 0, atol=1e-9)
  np.testing.assert_allclose(waves[::-1], waves * [-1, 1, -1], atol=1e-9)
