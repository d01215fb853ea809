"""Lumiere's central promise: inflation changes nothing until it is trained."""

import dataclasses

import chex
import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.models import inflate
from lumiere_jax.models import ssr
from lumiere_jax.models import stunet
from lumiere_jax.models import t2i
from lumiere_jax.nn import initial
from lumiere_jax.types import Condition, FrameCondition

SIZES = {
  "three_levels": dict(
    widths=(8, 8, 16), blocks=(1, 2, 1), attention=(1, 2), head_dim=8
  ),
  "two_levels": dict(widths=(8, 8), blocks=(1, 1), attention=(1,), head_dim=8),
  "four_levels": dict(
    widths=(8, 8, 8, 16), blocks=(1, 1, 1, 1), attention=(3,), head_dim=8
  ),
  "five_levels": dict(
    widths=(8, 8, 8, 8, 8), blocks=(1, 1, 1, 1, 1), attention=(4,), head_dim=8
  ),
  "efficient": dict(
    widths=(8, 8, 16),
    blocks=(1, 1, 2),
    attention=(2,),
    head_dim=8,
    resize="strided",
    resize_first=True,
    skips="level",
    skip_scale=2**-0.5,
    attention_kind="cross",
  ),
  "deepfloyd": dict(
    widths=(8, 16, 16),
    blocks=(2, 2, 2),
    attention=(0, 1, 2),
    head_dim=8,
    activation="gelu",
    out_channels=6,
  ),
}
SIZES["narrow_stem"] = SIZES["efficient"] | dict(stem_width=4)
CASES = [pytest.param(sizes, id=name) for name, sizes in SIZES.items()]


def _sizes(sizes):
  return dict(groups=4, embedding_width=16, text_width=8) | sizes


def _condition(batch=2, key=9, low_res=None):
  keys = jax.random.split(jax.random.key(key), 2)
  return Condition(
    text=jax.random.normal(keys[0], (batch, 5, 8)),
    text_mask=jnp.arange(5)[None] < jnp.array([[3], [5]])[:batch],
    low_res=low_res,
    noise_level=None if low_res is None else jnp.full((batch,), 0.2),
  )


def perturb(params, key=3, scale=0.1):
  """Moves every weight, so that nothing hides behind a zero initialisation."""
  leaves, tree = jax.tree.flatten(params)
  move = lambda x, k: (
    np.asarray(x)
    + scale
    * np.random.default_rng(k).standard_normal(x.shape).astype(np.float32)
  )
  return jax.tree.unflatten(
    tree, [move(x, [key, i]) for i, x in enumerate(leaves)]
  )


def _pair(sizes, frames, size):
  """An image network with moved weights, and its inflation."""
  image, video = t2i.build(**sizes), stunet.build(**sizes)
  noisy = jax.random.normal(jax.random.key(1), (2, frames, size, size, 3))
  t, condition = jnp.array([0.3, 0.8]), _condition()
  shapes = jax.eval_shape(video.init, jax.random.key(0), noisy, t, condition)
  fresh = initial.materialize(shapes, seed=0)["params"]
  image_params = perturb(inflate.split(fresh)[1])
  video_params, report = inflate.inflate(image_params, fresh)
  assert not report.unused
  return image, image_params, video, video_params, (noisy, t, condition)


@pytest.mark.parametrize("sizes", CASES)
def test_every_nth_frame_is_the_image_networks(sizes):
  sizes = _sizes(sizes)
  factor = 2 ** stunet.build(**sizes).spec.num_resizes
  image, image_params, video, video_params, inputs = _pair(
    sizes, 2 * factor, 2 * factor
  )
  got = jax.jit(video.apply)({"params": video_params}, *inputs)
  # Frame by frame, so the kept frames of the whole clip are the kept frames.
  everything = jax.jit(image.apply)({"params": image_params}, *inputs)
  want = everything[:, ::factor]
  scale = float(jnp.abs(want).max())
  assert scale > 0.1, "the perturbed image network must not be silent"
  chex.assert_trees_all_close(
    got[:, ::factor] / scale, want / scale, rtol=1e-5, atol=1e-5
  )
  # The others mix in the coarse features of an earlier frame.
  assert float(jnp.abs(got - everything).max()) > 1e-3 * scale


def test_images_are_clips_of_one_frame():
  sizes = _sizes(SIZES["two_levels"])
  image, params, _, _, (noisy, t, condition) = _pair(sizes, 2, 4)
  apply = jax.jit(lambda p, x: image.apply({"params": p}, x, t, condition))
  as_image, as_clip = apply(params, noisy[:, 0]), apply(params, noisy[:, :1])
  chex.assert_trees_all_close(as_image, as_clip[:, 0])


def test_one_set_of_weights_serves_any_length_and_size():
  sizes = _sizes(SIZES["three_levels"])
  _, _, video, params, (_, t, condition) = _pair(sizes, 4, 8)
  for frames, height, width in ((4, 8, 8), (12, 16, 8), (8, 12, 20)):
    noisy = jnp.ones((2, frames, height, width, 3))
    out = jax.eval_shape(video.apply, {"params": params}, noisy, t, condition)
    assert out.shape == noisy.shape


@pytest.mark.parametrize(
  ("shape", "message"),
  [
    ((2, 6, 8, 8, 3), "number of frames is 6, .*Nearest sizes.*: 4 or 8"),
    ((2, 4, 10, 8, 3), "frame height is 10, .*Nearest sizes.*: 8 or 12"),
    ((2, 4, 8, 2, 3), "frame width is 2, .*Nearest sizes that work: 4"),
  ],
)
def test_sizes_that_cannot_be_divided_are_refused(shape, message):
  sizes = _sizes(SIZES["three_levels"])
  video = stunet.build(**sizes)
  with pytest.raises(errors.ShapeError, match=message):
    jax.eval_shape(
      video.init,
      jax.random.key(0),
      jnp.zeros(shape),
      jnp.zeros(2),
      _condition(),
    )


def test_low_res_must_match_the_network():
  sizes = _sizes(SIZES["three_levels"])
  args = (jax.random.key(0), jnp.zeros((2, 4, 8, 8, 3)), jnp.zeros(2))
  with pytest.raises(errors.ConfigError, match="has low-resolution input, but"):
    jax.eval_shape(ssr.build(**sizes).init, *args, _condition())
  low_res = jnp.zeros((2, 4, 4, 4, 3))
  with pytest.raises(errors.ConfigError, match="has no low-resolution input"):
    jax.eval_shape(
      stunet.build(**sizes).init, *args, _condition(low_res=low_res)
    )


def test_temporal_layers_reach_other_frames_once_trained():
  sizes = _sizes(SIZES["two_levels"])
  _, _, video, params, (noisy, t, condition) = _pair(sizes, 4, 4)
  params = perturb(params)
  out = video.apply({"params": params}, noisy, t, condition)
  moved = video.apply({"params": params}, noisy.at[:, 3].add(1.0), t, condition)
  assert float(jnp.abs(out - moved)[:, 0].max()) > 1e-6


def test_ssr_sees_neighbouring_frames_and_the_low_res_clip():
  network = ssr.build(**_sizes(SIZES["efficient"]))
  low_res = jax.random.normal(jax.random.key(4), (2, 5, 4, 4, 3))
  condition = _condition(low_res=low_res)
  noisy, t = jnp.ones((2, 5, 16, 16, 3)), jnp.array([0.1, 0.9])
  shapes = jax.eval_shape(network.init, jax.random.key(0), noisy, t, condition)
  params = perturb(initial.materialize(shapes, seed=0)["params"])
  program = jax.jit(lambda p, x, c: network.apply({"params": p}, x, t, c))
  apply = lambda x, c: program(params, x, c)
  out = apply(noisy, condition)
  assert out.shape == noisy.shape
  moved = apply(noisy.at[:, 4].add(1.0), condition)
  assert float(jnp.abs(out - moved)[:, 3].max()) > 1e-6
  told = apply(noisy, _condition(low_res=low_res + 1.0))
  assert float(jnp.abs(out - told).max()) > 1e-3


def test_what_is_kept_of_low_resolution_is_all_of_it_at_first():
  network = ssr.build(**_sizes(SIZES["efficient"]), low_res_skip=True)
  low_res = jax.random.normal(jax.random.key(4), (2, 4, 4, 4, 3))
  inputs = jnp.ones((2, 4, 16, 16, 3)), jnp.array([0.1, 0.9])
  inputs = (*inputs, _condition(low_res=low_res))
  shapes = jax.eval_shape(network.init, jax.random.key(0), *inputs)
  params = initial.materialize(shapes, seed=0)["params"]
  apply = jax.jit(lambda p: network.apply({"params": p}, *inputs))
  larger = jax.image.resize(low_res, inputs[0].shape, "bilinear")
  np.testing.assert_allclose(apply(params), larger, atol=1e-6)
  # Learned to keep less of it, it knows which clip is the noisier one.
  kernel = np.full_like(params["low_res_out"]["kernel"], 0.05)
  less = apply(params | {"low_res_out": {"kernel": kernel}}) / larger
  assert float(less.std((1, 2, 3, 4)).max()) < 1e-4
  assert abs(float(less[0].mean() - less[1].mean())) > 1e-4


def test_names_decide_what_is_trained():
  sizes = _sizes(SIZES["three_levels"])
  _, image_params, _, params, _ = _pair(sizes, 4, 8)
  temporal, spatial = inflate.split(params)
  chex.assert_trees_all_equal_shapes(spatial, image_params)
  names = {path[-3] for path in flax.traverse_util.flatten_dict(temporal)} | {
    path[1] for path in flax.traverse_util.flatten_dict(temporal)
  }
  assert any(name.startswith("temporal_") for name in names)
  restored = inflate.join(temporal, spatial)
  chex.assert_trees_all_equal(restored, params)


def test_gradient_of_frozen_weights_is_exactly_zero():
  sizes = _sizes(SIZES["two_levels"])
  _, _, video, params, inputs = _pair(sizes, 4, 4)
  params = perturb(params)

  def loss(params):
    params = inflate.join(*inflate.split(params))
    return jnp.mean(video.apply({"params": params}, *inputs) ** 2)

  temporal, spatial = inflate.split(jax.jit(jax.grad(loss))(params))
  for leaf in jax.tree.leaves(spatial):
    np.testing.assert_array_equal(leaf, 0.0)
  norms = [float(jnp.linalg.norm(x)) for x in jax.tree.leaves(temporal)]
  assert np.mean([norm > 0 for norm in norms]) > 0.95


def test_inflation_needs_the_same_image_network():
  sizes = _sizes(SIZES["three_levels"])
  _, image_params, _, params, _ = _pair(sizes, 4, 8)
  wrong = jax.tree.map(lambda x: x, image_params)
  wrong["conv_in"]["conv"]["kernel"] = jnp.zeros((3, 3, 3, 4))
  with pytest.raises(errors.WeightsError, match=r"conv_in/conv/kernel is \(3"):
    inflate.inflate(wrong, params)
  del wrong["conv_in"]
  with pytest.raises(errors.WeightsError, match="has no conv_in/conv"):
    inflate.inflate(wrong, params)


def test_a_network_that_is_told_more_begins_as_its_parent():
  tree = lambda kernel: {"conv_in": {"conv": {"kernel": kernel}}}
  old, new = np.ones((3, 3, 3, 4), np.float32), np.full((3, 3, 7, 4), 2.0)
  wider, report = inflate.inflate(tree(old), tree(new))
  kernel = wider["conv_in"]["conv"]["kernel"]
  np.testing.assert_array_equal(kernel[:, :, :3], 1.0)
  np.testing.assert_array_equal(kernel[:, :, 3:], 0.0)
  assert report.widened == ("conv_in/conv/kernel",)
  assert report.loaded == ()
  assert "widened 1" in str(report)
  with pytest.raises(errors.WeightsError, match="sections must agree"):
    inflate.inflate(tree(new), tree(old))


def test_a_network_that_is_told_pixels_starts_as_its_parent():
  sizes = _sizes(SIZES["two_levels"])
  _, _, parent, params, (noisy, t, condition) = _pair(sizes, 4, 4)
  child = stunet.build(**sizes, given=True)
  shapes = jax.eval_shape(child.init, jax.random.key(0), noisy, t, condition)
  fresh = initial.materialize(shapes, seed=1)["params"]
  assert fresh["conv_in"]["conv"]["kernel"].shape[2] == 7
  wider, report = inflate.inflate(params, fresh)
  assert report.widened == ("conv_in/conv/kernel",)
  run = lambda network, params, given=None: jax.jit(network.apply)(
    {"params": params}, noisy, t, dataclasses.replace(condition, given=given)
  )
  want = run(parent, params)
  known = jnp.ones((*noisy.shape[:-1], 1)).at[:, 1:].set(0.0)
  given = FrameCondition(video=known * 0.7, known=known)
  given = dataclasses.replace(given, video=given.video.repeat(3, -1))
  scale = float(jnp.abs(want).max())
  chex.assert_trees_all_close(
    run(child, wider, given) / scale, want / scale, atol=1e-5
  )
  # Once it has learned to look, it sees what is given, and that nothing is.
  learned = perturb(wider)
  apart = jnp.abs(run(child, learned, given) - run(child, learned))
  assert float(apart.max()) > 1e-3
  nothing = jax.tree.map(jnp.zeros_like, given)
  chex.assert_trees_all_close(
    run(child, learned, nothing), run(child, learned), atol=1e-6
  )
  with pytest.raises(errors.ConfigError, match="not trained to be told"):
    run(parent, params, given)


def test_recomputation_changes_no_gradient():
  sizes = _sizes(SIZES["two_levels"])
  _, _, _, params, inputs = _pair(sizes, 4, 4)
  params = perturb(params)

  def gradient(remat):
    network = stunet.build(**sizes, remat=remat)
    return jax.jit(
      jax.grad(lambda p: jnp.mean(network.apply({"params": p}, *inputs) ** 2))
    )(params)

  chex.assert_trees_all_close(
    gradient("blocks"), gradient("none"), rtol=1e-4, atol=1e-6
  )


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (dict(blocks=(1,)), "widths has 3 levels and blocks 1"),
    (dict(attention=(5,)), r"attention is at levels \[5\]"),
    (dict(out_channels=4), "out_channels is 4"),
    (dict(resize_first=True), "resize_first goes with skips='level'"),
    (dict(stem_width=4), "stem_width is 4; it goes with resize_first=True"),
    (dict(low_res_skip=True), "low_res_skip is set where low_res is False"),
    (dict(skips="blocks"), "Did you mean 'block'"),
    (dict(temporal=dict(factors=(2,))), "each needs one factor"),
    (dict(temporal=dict(layout="row")), "Did you mean 'rows'"),
  ],
)
def test_contradictory_specs_are_refused(change, message):
  with pytest.raises(errors.ConfigError, match=message):
    stunet.build(**(_sizes(SIZES["three_levels"]) | change))


def test_an_unknown_argument_is_a_type_error_that_names_it():
  with pytest.raises(TypeError, match="width"):
    stunet.build(**_sizes(SIZES["three_levels"]), width=3)
