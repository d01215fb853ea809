"""Pictures as they lie on a disk are clips of one frame."""

import numpy as np
from PIL import Image
import pytest

from lumiere_jax import errors
from lumiere_jax.data import images
from lumiere_jax.data import pipeline


def _picture(path, level=10, text=None):
  Image.fromarray(np.full((20, 30, 3), level, np.uint8)).save(path)
  if text:
    path.with_suffix(".txt").write_text(f"{text}\n")
  return path


def test_pictures_are_files_folders_and_several(tmp_path):
  one = _picture(tmp_path / "a.png", 1, "a cat")
  folder = tmp_path / "more"
  folder.mkdir()
  _picture(folder / "b.jpg", 2, "a dog")
  _picture(folder / "c.png", 3, "a hen")
  found = images.ImageSource(f"images:{one},{folder}")
  assert len(found) == 3
  assert [found.captions(k) for k in range(3)] == [
    ("a cat",),
    ("a dog",),
    ("a hen",),
  ]
  alone = images.ImageSource(f"images:{one}?caption=a+drawing")
  assert alone[0].captions == ("a drawing",)
  assert alone.digest != images.ImageSource(f"images:{one}").digest


def test_a_batch_is_larger_than_the_folder(tmp_path):
  path = _picture(tmp_path / "a.png", 77, "a cat")
  tokenizer = lambda texts: (
    np.array([[len(text)] for text in texts], np.int32),
    np.ones((len(texts), 1), bool),
  )
  with pipeline.build(
    f"images:{path}",
    split="train",
    batch_size=3,
    num_frames=2,
    fps=16,
    resolution=8,
    tokenizer=tokenizer,
    seed=0,
    frames="random",
    num_workers=0,
  ) as batches:
    batch = next(batches)
  assert batch.video.shape == (3, 2, 8, 8, 3)
  assert (batch.video == 77).all()
  assert batch.tokens.ravel().tolist() == [5, 5, 5]


@pytest.mark.parametrize(
  ("dataset", "match"),
  [
    ("images:{0}/none.png", "there is no picture"),
    ("images:{0}/empty", "holds no pictures"),
    ("images:{0}/b.png", r"not said what .*b\.png shows"),
    ("images:{0}/c.png?caption=x", "cannot be read as a picture"),
    ("images:{0}/b.png?fps=3", "was given the option 'fps'"),
  ],
)
def test_what_is_no_picture_is_said(tmp_path, dataset, match):
  (tmp_path / "empty").mkdir()
  _picture(tmp_path / "b.png")
  (tmp_path / "c.png").write_bytes(b"no picture")
  with pytest.raises(errors.LumiereError, match=match):
    images.ImageSource(dataset.format(tmp_path))
