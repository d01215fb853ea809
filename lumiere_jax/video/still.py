"""The bytes of one picture to pixels: datasets that keep a file a frame."""

import io
import struct

import numpy as np
from PIL import Image
from PIL import ImageOps

from lumiere_jax import errors

_DAMAGE = (OSError, ValueError, SyntaxError, struct.error)


def decode(data: bytes, *, name: str = "the picture") -> np.ndarray:
  """PNG, JPEG, WebP ... -> [H, W, 3] uint8, upright; clear is white.

  Raises:
    VideoError: damaged, or of a kind that is not known.
  """
  try:
    with Image.open(io.BytesIO(data)) as image:
      image = ImageOps.exif_transpose(image)
      if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
      if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(
          Image.new("RGBA", image.size, "white"), image
        )
      return np.asarray(image.convert("RGB"))
  except (*_DAMAGE, Image.DecompressionBombError) as e:
    raise errors.VideoError(
      f"{name} cannot be read as a picture ({e}): it is damaged, or of a kind "
      "that is not known. Replace it or take it out of the dataset."
    ) from e


def _eight_bits(image: Image.Image) -> Image.Image:
  # Pillow's own conversion clips 16-bit grey at 255 instead of scaling it.
  values = np.asarray(image, np.float64)
  return Image.fromarray(np.clip(values / 257, 0, 255).astype(np.uint8))
