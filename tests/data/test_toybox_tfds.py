"""The toybox through TFDS: the truth beside each clip."""

from importlib import util
import json

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import toybox_tfds
from lumiere_jax.toybox import render
from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import world


@pytest.fixture(
  params=[
    False,
    pytest.param(
      True,
      marks=pytest.mark.skipif(
        not util.find_spec("apache_beam"), reason="Beam is not installed"
      ),
    ),
  ],
  ids=["one by one", "beam"],
)
def dataset(request, tmp_path, monkeypatch):
  if not request.param:
    monkeypatch.setattr(toybox_tfds.util, "find_spec", lambda name: None)
  builder = toybox_tfds.Toybox(
    size=16, num_clips={"test": 3, "test_unseen": 1}, data_dir=tmp_path
  )
  builder.download_and_prepare()
  return builder


def test_clip_k_is_record_k_with_its_truth(dataset):
  source = dataset.as_data_source("test")
  assert len(source) == 3
  for index in range(3):
    found, scene = source[index], world.scene("test", index)
    real = render.footage(scene, 16)
    assert found["index"] == index
    np.testing.assert_array_equal(found["video"], real.frames)
    np.testing.assert_array_equal(found["things"][..., 0], real.things)
    np.testing.assert_array_equal(found["depth"][..., 0], real.depth)
    count = len(scene.things)
    np.testing.assert_array_equal(found["tracks"][:, :count], real.centres)
    assert np.isnan(found["tracks"][:, count:]).all()
    said = json.loads(found["scene"])
    assert scenes.Scene.from_dict(said) == scene
    texts = [text.decode() for text in found["captions"]]
    assert texts == [one.text for one in world.describe("test", index)]
  assert len(dataset.as_data_source("test_unseen")) == 1


def test_what_does_not_exist_is_refused(tmp_path):
  make = lambda size, **clips: toybox_tfds.Toybox(
    size=size, num_clips=clips, data_dir=tmp_path
  )
  with pytest.raises(errors.ConfigError, match="even number"):
    make(17, test=1)
  with pytest.raises(errors.ConfigError, match="test_unsen"):
    make(16, test_unsen=1)
  with pytest.raises(errors.ConfigError, match="one clip or more"):
    make(16, test=0)
