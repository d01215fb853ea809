"""Styles change the image network alone, as much of it as is asked for."""

import chex
import flax
import jax
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.models import inflate
from lumiere_jax.models import style
from lumiere_jax.nn import initial

_RNG = np.random.default_rng(0)


def _draw(*shape):
  return _RNG.standard_normal(shape).astype(np.float32)


@pytest.fixture
def network():
  """A convolution and a product of an image network, and what is added."""
  return {
    "conv_in": {"conv": {"kernel": _draw(3, 3, 3, 4), "bias": _draw(4)}},
    "query": {"kernel": _draw(4, 6)},
    "temporal_0": {"kernel": _draw(3, 4, 4), "bias": _draw(4)},
  }


def _paths(change):
  return {"/".join(path) for path in change}


IMAGE = {"conv_in/conv/kernel", "conv_in/conv/bias", "query/kernel"}


def test_a_thin_change_starts_as_none_and_is_thin(network):
  abstract = style.thin(network, rank=2)
  thin = initial.materialize({"style": abstract}, 0)["style"]
  sizes = {
    "/".join(path): x.shape
    for path, x in flax.traverse_util.flatten_dict(thin).items()
  }
  assert sizes == {
    "conv_in/conv/kernel/down": (27, 2),
    "conv_in/conv/kernel/up": (2, 4),
    "conv_in/conv/bias/shift": (4,),
    "query/kernel/down": (4, 2),
    "query/kernel/up": (2, 6),
  }
  change = style.change(thin, network)
  assert _paths(change) == IMAGE
  assert all(not np.any(x) for x in change.values())
  chex.assert_trees_all_equal(style.blend(network, change, 1.0), network)


def test_a_thin_change_is_the_product_of_its_parts(network):
  thin = initial.materialize({"s": style.thin(network, rank=1)}, 0)["s"]
  down, up = _draw(4, 1), _draw(1, 6)
  thin["query"]["kernel"] = {"down": down, "up": up}
  found = style.blend(network, style.change(thin, network), 0.5)
  np.testing.assert_allclose(
    found["query"]["kernel"],
    network["query"]["kernel"] + 0.5 * down * up,
    rtol=1e-5,
  )


def test_alpha_goes_from_the_network_to_the_style(network):
  styled = jax.tree.map(lambda x: x + _draw(*x.shape), network)
  change = style.difference(styled, network)
  assert _paths(change) == IMAGE
  chex.assert_trees_all_close(style.blend(network, change, 0.0), network)
  found = style.blend(network, change, 1.0)
  image, added = (
    inflate.split(tree, lambda p: not inflate.is_temporal(p))
    for tree in (styled, network)
  )
  chex.assert_trees_all_close(
    found, inflate.merge(image[0], added[1]), rtol=1e-5
  )


def test_inputs_that_the_style_never_saw_stay_as_they_are(network):
  told = jax.tree.map(np.copy, network)
  kernel = told["conv_in"]["conv"]["kernel"]
  told["conv_in"]["conv"]["kernel"] = np.concatenate(
    [kernel, _draw(3, 3, 4, 4)], axis=2
  )
  styled = jax.tree.map(lambda x: x + 1, network)
  for change in (
    style.difference(styled, network),
    style.change(
      initial.materialize({"s": style.thin(network, 1)}, 0)["s"], told
    ),
  ):
    found = style.blend(told, change, 1.0)["conv_in"]["conv"]["kernel"]
    np.testing.assert_array_equal(
      found[:, :, 3:], told["conv_in"]["conv"]["kernel"][:, :, 3:]
    )


@pytest.mark.parametrize(
  ("path", "shape"),
  [
    (("query", "kernel"), (4, 5)),
    (("other", "kernel"), (4, 6)),
    (("temporal_0", "kernel"), (3, 4, 4)),
  ],
)
def test_a_style_of_another_network_is_refused(network, path, shape):
  with pytest.raises(errors.WeightsError, match=f"do not fit at {path[0]}/"):
    style.blend(network, {path: np.zeros(shape)}, 1.0)
  del network["query"]
  thin = {"query": {"kernel": {"down": _draw(4, 1), "up": _draw(1, 6)}}}
  with pytest.raises(errors.WeightsError, match="do not fit at query/kernel"):
    style.change(thin, network)


def test_a_rank_below_one_is_refused(network):
  with pytest.raises(errors.ConfigError, match=r"style\.rank is 0"):
    style.thin(network, 0)
