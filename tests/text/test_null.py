"""The null prompt hides the text and leaves attention something to see."""

import jax.numpy as jnp
import numpy as np

from lumiere_jax.text import null


def test_dropped_text_is_zero_with_one_token_visible():
  embedding = jnp.arange(12.0).reshape(2, 3, 2) + 1
  mask = jnp.array([[True, True, False], [True, True, True]])
  found, visible = null.drop(embedding, mask, jnp.array([True, False]))
  np.testing.assert_array_equal(found[0], np.zeros((3, 2)))
  np.testing.assert_array_equal(visible[0], [True, False, False])
  np.testing.assert_array_equal(found[1], embedding[1])
  np.testing.assert_array_equal(visible[1], mask[1])


def test_all_prompts_become_one_null_prompt():
  rng = np.random.default_rng(0)
  embedding = jnp.asarray(rng.normal(size=(4, 5, 3)), jnp.float32)
  mask = jnp.arange(5) < jnp.array([1, 2, 3, 5])[:, None]
  found, visible = null.drop(embedding, mask, jnp.full(4, True))
  for x in (found, visible):
    np.testing.assert_array_equal(x, np.broadcast_to(x[:1], x.shape))


def test_the_empty_caption_may_stand_for_nothing():
  embedding, mask = jnp.ones((2, 3, 2)), jnp.ones((2, 3), bool)
  unsaid = jnp.full((1, 3, 2), 7.0), jnp.array([[True, False, False]])
  dropped = jnp.array([True, False])
  found, visible = null.drop(embedding, mask, dropped, unsaid)
  np.testing.assert_array_equal(found[0], unsaid[0][0])
  np.testing.assert_array_equal(visible[0], unsaid[1][0])
  np.testing.assert_array_equal(found[1], embedding[1])
  np.testing.assert_array_equal(visible[1], mask[1])
