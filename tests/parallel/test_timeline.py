"""A clip cut over devices is the whole clip, whether or not it divides."""

import functools

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.nn import timeline as timelines
from lumiere_jax.parallel import mesh as meshes
from lumiere_jax.parallel import timeline

PARTS = 4


def _mesh():
  return meshes.make({"frames": PARTS}, jax.devices()[:PARTS])


def _clip(num_frames):
  rng = np.random.default_rng(num_frames)
  return rng.standard_normal((2, num_frames, 3)).astype(np.float32)


def _on_parts(function, clip):
  """Runs a function of (this device's frames, their timeline) on each part.

  Padding holds what must never be seen.
  """
  where = timeline.Split(clip.shape[1], PARTS)
  missing = where.per_part * PARTS - clip.shape[1]
  clip = np.pad(clip, [(0, 0), (0, missing), (0, 0)], constant_values=1e6)
  run = jax.shard_map(
    functools.partial(function, where=where),
    mesh=_mesh(),
    in_specs=P(None, "frames"),
    out_specs=P(None, "frames"),
    check_vma=False,
  )
  return np.asarray(run(jnp.asarray(clip)))


@pytest.mark.parametrize("num_frames", [4, 5, 8, 10, 13, 20])
def test_margins_are_the_neighbours_frames(num_frames):
  clip = _clip(num_frames)
  mean = lambda x: (x[:, :-2] + x[:, 1:-1] + x[:, 2:]) / 3

  def local(x, where):
    x, padding = where.margins(x, 1)
    assert padding == 0
    return mean(x)

  got = _on_parts(local, clip)[:, :num_frames]
  whole = mean(np.pad(clip, [(0, 0), (1, 1), (0, 0)]))
  np.testing.assert_allclose(got, whole, rtol=1e-6)


@pytest.mark.parametrize("num_frames", [4, 8, 10, 12, 20])
@pytest.mark.parametrize("factor", [2, 4])
def test_thinning_and_repeating_are_those_of_the_whole_clip(num_frames, factor):
  clip = _clip(num_frames)
  whole = timelines.Whole(num_frames)
  if num_frames % factor == 0:
    thin = _on_parts(lambda x, where: where.thin(x, factor), clip)
    fewer = num_frames // factor
    np.testing.assert_array_equal(thin[:, :fewer], whole.thin(clip, factor))
  more = _on_parts(lambda x, where: where.repeat(x, factor), clip)
  np.testing.assert_array_equal(
    more[:, : num_frames * factor], whole.repeat(clip, factor)
  )


@pytest.mark.parametrize("num_frames", [8, 10])
def test_rows_and_gathered_frames_make_attention(num_frames):
  clip = _clip(num_frames)
  table = np.random.default_rng(0).standard_normal((num_frames, num_frames))

  def local(x, where):
    rows, exists = where.rows(jnp.asarray(table, jnp.float32))
    if exists is not None:
      rows = jnp.where(exists, rows, 0)
    return jnp.einsum("tk,bkc->btc", rows, where.gather(x, 1))

  got = _on_parts(local, clip)[:, :num_frames]
  np.testing.assert_allclose(
    got, np.einsum("tk,bkc->btc", table, clip), rtol=1e-4, atol=1e-5
  )


@pytest.mark.parametrize("num_frames", [8, 10])
def test_own_frames_of_all_are_those_that_live_here(num_frames):
  clip = _clip(num_frames)
  got = _on_parts(lambda x, where: where.own(jnp.asarray(clip)), clip)
  np.testing.assert_array_equal(got[:, :num_frames], clip)
  np.testing.assert_array_equal(timelines.Whole(num_frames).own(clip), clip)


def test_lengths_follow_the_resizes():
  where = timeline.over(_mesh())(20)
  assert (where.num_frames, where.per_part) == (80, 20)
  coarse = where.divided(2).divided(2).divided(2)
  assert (coarse.num_frames, coarse.per_part, coarse.is_even) == (10, 3, False)
  assert coarse.multiplied(2) == timeline.Split(20, PARTS)
  assert timelines.Whole(80).divided(8).multiplied(2).num_frames == 20


def test_a_margin_wider_than_a_part_is_refused():
  with pytest.raises(
    errors.ConfigError, match="2 frames to each side but each"
  ):
    timeline.Split(4, PARTS).margins(jnp.zeros((1, 1, 3)), 2)
