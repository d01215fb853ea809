"""Both fronts give on eight devices what one device gives.

One file for `pmapped` and `sharded`, since what is tested is that they agree.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.diffusion import schedules
from lumiere_jax.sampling import base
from lumiere_jax.sampling import loop
from lumiere_jax.sampling import noise
from lumiere_jax.sampling import pmapped
from lumiere_jax.sampling import settings
from lumiere_jax.sampling import sharded
from lumiere_jax.sampling import ssr

COSINE = schedules.Cosine()
SHAPE, SMALL = (11, 4, 4, 3), (11, 2, 2, 3)
BASE = settings.SamplerSettings(
  num_steps=3, guidance_scale=3.0, solver="ddpm", threshold=0.95
)
SSR = dataclasses.replace(BASE, window=4, overlap=1)  # 4 windows, one clamped
ONE_BY_ONE = dataclasses.replace(SSR, overlap=3, windows_per_call=1)
WHOLE = dataclasses.replace(SSR, window=None)
SHARED = dataclasses.replace(SSR, shared_noise=0.8)
BROAD = dataclasses.replace(SHARED, shared_patch=2)
KEPT = dataclasses.replace(SHARED, keep_low_res=True)
MAKERS = {
  "base": (base.make, pmapped.make_base, sharded.make_base),
  "ssr": (ssr.make, pmapped.make_ssr, sharded.make_ssr),
}
SAME = dict(rtol=1e-5, atol=1e-5)


def _mesh(*shape):
  names = ("data", "fsdp", "frames")[: len(shape)]
  auto = (jax.sharding.AxisType.Auto,) * len(shape)
  devices = jax.devices()[: np.prod(shape)]
  return jax.make_mesh(shape, names, axis_types=auto, devices=devices)


def _keys(num_clips):
  return noise.clip_keys(0, jnp.arange(num_clips))


def _condition(toy, stage, num_clips, **more):
  low_res_shape = SMALL if stage == "ssr" else None
  return toy.condition(num_clips, low_res_shape=low_res_shape, **more)


def _fronts(toy, stage, config, **options):
  """Single device, eight devices by pmap, eight devices by mesh."""
  make, make_pmapped, make_sharded = MAKERS[stage]
  what = toy.denoise, COSINE, config, SHAPE
  return {
    "single": jax.jit(make(*what, **options)),
    "pmapped": make_pmapped(*what, jax.devices(), **options),
    "sharded": make_sharded(*what, _mesh(4, 2), **options),
  }


@pytest.mark.parametrize(
  ("stage", "config", "num_clips", "has_start"),
  [
    pytest.param("base", BASE, 11, True, id="base-11_clips-start"),
    pytest.param("base", BROAD, 3, False, id="base-shared_patch"),
    pytest.param("ssr", KEPT, 3, False, id="ssr-shared_noise-keep_low_res"),
    pytest.param("ssr", SSR, 1, False, id="ssr-4_windows"),
    pytest.param("ssr", ONE_BY_ONE, 3, True, id="ssr-24_one_by_one-start"),
    pytest.param("ssr", WHOLE, 3, False, id="ssr-3_whole_clips"),
  ],
)
def test_fronts_agree_with_a_single_device(
  toy, stage, config, num_clips, has_start
):
  start = None
  if has_start:
    clip = jnp.full((num_clips, *SHAPE), 0.5)
    start = loop.start_from(clip, _keys(num_clips), COSINE, 0.7)
  condition = _condition(toy, stage, num_clips)
  clips = {
    name: sample(toy.params, _keys(num_clips), condition, start)
    for name, sample in _fronts(toy, stage, config).items()
  }
  assert clips["single"].shape == (num_clips, *SHAPE)
  assert jnp.std(clips["single"]) > 0.1
  for name in ("pmapped", "sharded"):
    np.testing.assert_allclose(clips[name], clips["single"], **SAME)
    assert len(clips[name].sharding.device_set) == 8
    assert clips[name].is_fully_replicated


@pytest.mark.parametrize("stage", ["base", "ssr"])
@pytest.mark.parametrize("stiffness", [None, 400.0])
def test_what_is_given_comes_out_exactly_of_both_fronts(toy, stage, stiffness):
  condition = _condition(toy, stage, 3, given_shape=SHAPE[:3])
  given = condition.positive.given
  is_known = np.broadcast_to(given.known > 0, given.video.shape)
  config = SSR if stage == "ssr" else BASE
  config = dataclasses.replace(config, meet_given=stiffness)
  clips = {
    name: np.asarray(sample(toy.params, _keys(3), condition))
    for name, sample in _fronts(toy, stage, config).items()
  }
  for name, clip in clips.items():
    np.testing.assert_array_equal(clip[is_known], given.video[is_known], name)
    np.testing.assert_allclose(clip, clips["single"], **SAME)


@pytest.mark.parametrize("stage", ["base", "ssr"])
def test_same_seed_same_pixels_alone_on_one_and_in_four_on_eight(toy, stage):
  _, make_pmapped, make_sharded = MAKERS[stage]
  config = SSR if stage == "ssr" else BASE
  what = toy.denoise, COSINE, config, SHAPE
  condition = _condition(toy, stage, 4)
  third = jax.tree.map(lambda x: x[2:3], condition)
  on_one = make_pmapped(*what, jax.devices()[3:4])
  on_eight = make_sharded(*what, _mesh(2, 2, 2), batch_axes=("data", "fsdp"))
  alone = np.asarray(on_one(toy.params, _keys(4)[2:3], third))
  in_four = np.asarray(on_eight(toy.params, _keys(4), condition))
  np.testing.assert_allclose(in_four[2:3], alone, **SAME)


@pytest.mark.parametrize("front", ["pmapped", "sharded"])
@pytest.mark.parametrize("stage", ["base", "ssr"])
def test_callback_is_made_once_a_step_with_all_clips(toy, stage, front):
  config = SSR if stage == "ssr" else BASE
  seen = []
  on_step = lambda *arguments: seen.append(arguments)
  sample = _fronts(toy, stage, config, on_step=on_step)[front]
  clips = sample(toy.params, _keys(3), _condition(toy, stage, 3))
  jax.effects_barrier()
  assert sorted((i, n) for i, n, _ in seen) == [(0, 3), (1, 3), (2, 3)]
  last = next(clean for i, _, clean in seen if i == 2)
  np.testing.assert_array_equal(last, clips)


def test_parameters_cut_over_the_mesh_stay_there(toy):
  mesh = _mesh(4, 2)
  by_fsdp = jax.sharding.PartitionSpec(None, "fsdp")
  spec = {"text": by_fsdp}
  params = {
    name: jax.device_put(
      x,
      jax.sharding.NamedSharding(
        mesh, spec.get(name, jax.sharding.PartitionSpec())
      ),
    )
    for name, x in toy.params.items()
  }
  sample = sharded.make_base(toy.denoise, COSINE, BASE, SHAPE, mesh)
  condition = _condition(toy, "base", 2)
  np.testing.assert_allclose(
    sample(params, _keys(2), condition),
    sample(toy.params, _keys(2), condition),
    **SAME,
  )


def test_windows_meet_in_one_collective_a_step(toy):
  """Of the sums, in float32; no parameter and no window travels."""
  config = dataclasses.replace(SSR, solver="ddim", guidance_scale=1.0)
  denoise = lambda *a: toy.denoise(*a)._replace(variance_mix=None)
  sample = pmapped.make_ssr(denoise, COSINE, config, SHAPE, jax.devices())
  condition = _condition(toy, "ssr", 1)
  jaxpr = str(jax.make_jaxpr(sample)(toy.params, _keys(1), condition))
  assert jaxpr.count("psum") == 1
  assert "all_gather" not in jaxpr


def test_a_guided_pair_keeps_two_devices_busy(toy):
  """One clip on two devices is not filled up to two."""
  devices = jax.devices()[:2]
  mesh = jax.sharding.Mesh(np.array(devices), ("data",))
  guided = dataclasses.replace(BASE, guidance_scale=3.0)
  alone = dataclasses.replace(BASE, guidance_scale=1.0)
  make = lambda settings: sharded.make_base(
    toy.denoise, COSINE, settings, SHAPE, mesh
  )
  assert (make(guided).multiple, make(alone).multiple) == (1, 2)


@pytest.mark.parametrize("stage", ["base", "ssr"])
def test_fronts_can_be_compiled_before_there_are_arrays(toy, stage):
  settings = BASE if stage == "base" else SSR
  condition, keys = _condition(toy, stage, 2), _keys(2)
  on_mesh = jax.sharding.NamedSharding(
    _mesh(4, 2), jax.sharding.PartitionSpec()
  )
  shapes = lambda tree, **place: jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, **place), tree
  )
  for front, where, place in (
    (pmapped, jax.devices(), {}),
    (sharded, on_mesh.mesh, {"sharding": on_mesh}),
  ):
    make = front.make_base if stage == "base" else front.make_ssr
    sampler = make(toy.denoise, COSINE, settings, SHAPE, where)
    lowered = sampler.lower(
      shapes(toy.params, **place), shapes(keys), shapes(condition)
    )
    assert f"{SHAPE[1]}x{SHAPE[2]}x3" in lowered.as_text()


def test_unknown_batch_axis_is_refused(toy):
  with pytest.raises(errors.ConfigError, match="it has data, fsdp"):
    sharded.make_base(
      toy.denoise, COSINE, BASE, SHAPE, _mesh(4, 2), batch_axes=("batch",)
    )


@pytest.mark.parametrize("stage", ["base", "ssr"])
def test_raw_keys_are_refused_before_they_are_dealt_out(toy, stage):
  keys = jnp.zeros((2, 2), jnp.uint32)
  fronts = _fronts(toy, stage, SSR if stage == "ssr" else BASE)
  for sample in fronts.values():
    with pytest.raises(errors.ShapeError, match="one typed key"):
      sample(toy.params, keys, _condition(toy, stage, 2))
