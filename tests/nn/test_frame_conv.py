"""A gradient that is summed of parts is the whole one."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lumiere_jax.nn import frame_conv

PADS = ((1, 1), (1, 1))


def _plain(x, kernel, strides, padding):
  return jax.lax.conv_general_dilated(
    x, kernel, strides, padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
  )


def _told(convolve, x, kernel, strides, padding):
  loss = lambda x, kernel: jnp.sum(
    jnp.sin(convolve(x, kernel, strides, padding)).astype(jnp.float32)
  )
  return jax.jit(jax.value_and_grad(loss, (0, 1)))(x, kernel)


def _draw(*shape, dtype=jnp.float32):
  return jax.random.normal(jax.random.key(sum(shape)), shape, dtype)


@pytest.mark.parametrize(
  ("side", "kernel", "strides", "padding"),
  [
    (64, (3, 3), (1, 1), PADS),
    (64, (3, 3), (2, 2), PADS),
    (64, (1, 1), (1, 1), ((0, 0), (0, 0))),
    (63, (3, 5), (1, 2), ((0, 2), (3, 1))),
  ],
)
def test_gradients_are_those_of_the_plain_convolution(
  side, kernel, strides, padding
):
  x, kernel = _draw(12, side, side, 3), _draw(*kernel, 3, 5)
  assert frame_conv.parts(*x.shape[:1], side * side) == 6
  chex.assert_trees_all_close(
    _told(frame_conv.convolve, x, kernel, strides, padding),
    _told(_plain, x, kernel, strides, padding),
    rtol=1e-4,
    atol=1e-3,
  )


def test_each_part_has_frames_from_all_over():
  # As many processes as hold the frames of one clip each share every part out.
  x, kernel = _draw(12, 64, 64, 3), _draw(3, 3, 3, 5)
  gradient = jax.grad(
    lambda kernel: jnp.sum(frame_conv.convolve(x, kernel, (1, 1), PADS))
  )
  text = str(jax.make_jaxpr(gradient)(kernel))
  assert "f32[2,6,64,64,3] = reshape" in text


def test_parts_are_added_up_in_float32():
  x = jnp.ones((600, 64, 64, 1), jnp.bfloat16)
  _, found = _told(
    frame_conv.convolve,
    x,
    jnp.zeros((1, 1, 1, 1), jnp.bfloat16),
    (1, 1),
    ((0, 0), (0, 0)),
  )
  # Each of the 60 parts is exact; of a sum in bfloat16 the last would be lost.
  assert found[1].dtype == jnp.bfloat16
  assert found[1].item() == 600 * 64 * 64


@pytest.mark.parametrize(
  ("frames", "pixels", "parts"),
  [
    (8, 32 * 32, 1),
    (80, 32 * 32, 10),
    (80, 16 * 16, 4),  # 2.5 do not divide it
    (7, 64 * 64, 7),
    (1, 1024 * 1024, 1),
    (640, 1024 * 1024, 64),
    (127, 1024, 1),  # a prime number of them, too many to spell out
  ],
)
def test_parts(frames, pixels, parts):
  assert frame_conv.parts(frames, pixels) == parts


def test_what_is_not_trained_is_not_reckoned():
  x, kernel = _draw(12, 64, 64, 3), _draw(3, 3, 3, 5)
  loss = lambda x, kernel: jnp.sum(
    jnp.sin(frame_conv.convolve(x, kernel, (1, 1), PADS))
  )
  count = lambda which: str(
    jax.make_jaxpr(jax.grad(loss, which))(x, kernel)
  ).count("conv_general_dilated[")
  # Forward, and of the frames; of the kernel: in six parts or whole.
  assert (count(0), count(1), count((0, 1))) == (2, 8, 9)


def test_clips_that_are_mapped_over():
  x, kernel = _draw(3, 12, 64, 64, 2), _draw(3, 3, 2, 4)
  pull = lambda convolve: jax.vmap(
    jax.grad(lambda x, k: jnp.sum(jnp.sin(convolve(x, k, (1, 1), PADS))), 1),
    (0, None),
  )(x, kernel)
  np.testing.assert_allclose(
    pull(frame_conv.convolve), pull(_plain), rtol=1e-4, atol=1e-3
  )
