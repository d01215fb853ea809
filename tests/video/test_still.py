import io

import numpy as np
from PIL import Image
import pytest

from lumiere_jax import errors
from lumiere_jax.video import still


def _png(image):
  buffer = io.BytesIO()
  image.save(buffer, "png")
  return buffer.getvalue()


def test_colours_come_back_as_they_were():
  pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
  np.testing.assert_array_equal(
    still.decode(_png(Image.fromarray(pixels))), pixels
  )


@pytest.mark.parametrize(
  ("mode", "colour", "shown"),
  [
    ("L", 7, (7, 7, 7)),
    ("RGBA", (9, 9, 9, 0), (255, 255, 255)),
    ("RGBA", (9, 8, 7, 255), (9, 8, 7)),
    ("I;16", 257 * 40, (40, 40, 40)),
    ("1", 1, (255, 255, 255)),
  ],
)
def test_other_kinds_become_rgb(mode, colour, shown):
  pixels = still.decode(_png(Image.new(mode, (3, 2), colour)))
  assert pixels.shape == (2, 3, 3)
  assert tuple(pixels[0, 0]) == shown


def test_a_palette_with_transparency_becomes_white():
  image = Image.new("P", (3, 2), 0)
  image.putpalette([10, 20, 30])
  image.info["transparency"] = 0
  assert tuple(still.decode(_png(image))[0, 0]) == (255, 255, 255)


@pytest.mark.parametrize("cut", [0, 20, 45], ids=["empty", "short", "half"])
def test_a_damaged_picture_is_refused(cut):
  data = _png(Image.new("RGB", (30, 20), (1, 2, 3)))
  with pytest.raises(errors.VideoError, match="clip 3 cannot be read as a pic"):
    still.decode(data[:cut], name="clip 3")
