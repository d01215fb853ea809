"""What is read of places, and what kinds follow from it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.models import judge as judges
from lumiere_jax.toybox import truth

SIZES = dict(
  shapes=7,
  colors=10,
  of_kinds=dict(material=2, size=3),
  of_scenes=dict(action=11),
  frames=4,
  widths=(4, 4, 8),
  groups=2,
  layers=1,
  head_dim=4,
)


def _answers(**changed):
  network = judges.Judge(**SIZES | changed)
  side = 16 * network.stem
  video = jax.random.normal(jax.random.key(0), (2, 4, side, side, 3))
  params = network.init(jax.random.key(1), video)
  return network.apply(params, video)


@pytest.mark.parametrize("stem", [1, 2, 4])
def test_shapes_of_answers(stem):
  found = {name: x.shape for name, x in _answers(stem=stem).items()}
  assert found == {
    "present": (2, 70),
    "actor": (2, 70),
    "material": (2, 70, 2),
    "size": (2, 70, 3),
    "action": (2, 11),
    "shape at": (2, 2, 8, 8, 8),
    "color at": (2, 2, 8, 8, 10),
    "material at": (2, 2, 8, 8, 2),
    "size at": (2, 2, 8, 8, 3),
    "actor at": (2, 2, 8, 8),
    "features": (2, 8),
  }


def test_all_is_float32_whatever_it_computes_in():
  assert {x.dtype.name for x in _answers(dtype=jnp.bfloat16).values()} == {
    "float32"
  }


def test_kinds_are_in_the_order_of_the_truth():
  shape, color = np.full(8, -9.0), np.full(10, -9.0)
  ring, green = 4, 3
  shape[1 + ring] = color[green] = 9.0
  sure = judges._of_both(jnp.asarray(shape), jnp.asarray(color))
  assert truth.KINDS[int(jnp.argmax(sure))] == ("ring", "green")
  assert float(sure.max()) > -1e-3


def test_a_kind_that_was_never_there_is_found_like_any_other():
  sure = jnp.full((1, 4, 8, 8, 70), -9.0).at[0, :, 2, 3, 5].set(-0.01)
  presence = judges.Presence()
  params = presence.init(jax.random.key(0), sure)
  found = presence.apply(params, sure)
  np.testing.assert_array_equal(jnp.argmax(found), 5)
  swapped = presence.apply(params, sure[..., ::-1])
  np.testing.assert_allclose(found, swapped[:, ::-1], rtol=1e-6)
