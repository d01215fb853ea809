"""Batches are filled up with their last clip."""

import jax
import jax.numpy as jnp
import numpy as np

from lumiere_jax.sampling import padding


def test_the_last_clip_is_repeated_up_to_the_multiple():
  tree = {"a": jnp.arange(3), "b": None, "c": jnp.arange(6).reshape(3, 2)}
  padded = padding.repeat_last(tree, 4)
  np.testing.assert_array_equal(padded["a"], [0, 1, 2, 2])
  np.testing.assert_array_equal(padded["c"], [[0, 1], [2, 3], [4, 5], [4, 5]])
  assert padded["b"] is None


def test_a_full_batch_is_left_alone_and_keys_stay_keys():
  keys = jax.random.split(jax.random.key(0), 4)
  assert padding.repeat_last(keys, 2) is keys
  padded = padding.repeat_last(keys, 8)
  assert padded.shape == (8,)
  assert padded.dtype == keys.dtype
