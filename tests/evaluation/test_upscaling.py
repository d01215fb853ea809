"""What is measured of an upsampled clip, and the command."""

import json
import types

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import evaluate
from lumiere_jax.evaluation import upscaling
from lumiere_jax.generation import generator as generators
from lumiere_jax.video import pixels
from lumiere_jax.video import resize
from lumiere_jax.video import still


def _clip(frames=4, side=16):
  rng = np.random.default_rng(0)
  coarse = rng.integers(40, 200, (frames, 4, 4, 3), dtype=np.uint8)
  return np.repeat(np.repeat(coarse, side // 4, 1), side // 4, 2)


def test_detail_is_how_a_pixel_differs_from_its_neighbours():
  clip = np.zeros((2, 5, 5, 3), np.uint8)
  assert upscaling.detail(clip) == 0
  clip[:, 2, 2] = 90
  # 4 x 90 at the dot and 90 at each of its neighbours, of nine pixels.
  np.testing.assert_allclose(upscaling.detail(clip), 8 * 90 / 9)
  # A ramp is no detail.
  ramp = np.broadcast_to(np.arange(5, dtype=np.uint8)[:, None], (2, 5, 5))
  assert upscaling.detail(np.stack([ramp] * 3, -1)) == 0


def test_what_is_true_is_like_itself():
  clip = _clip()
  found, clips = upscaling.compare(clip, 4, lambda small: clip)
  assert found["upsampled"] == found["real"]
  assert found["real"].psnr == found["real"].kept == np.inf
  assert found["enlarged"].psnr < found["upsampled"].psnr
  assert found["enlarged"].detail < found["real"].detail
  np.testing.assert_array_equal(clips["real"], clip)


def test_what_was_given_is_kept_or_not_whatever_the_rest():
  clip = _clip()
  # Finer than the small clip shows: nothing of it is seen there.
  finer = clip.astype(int)
  finer[:, ::2, ::2] += 8
  finer[:, 1::2, ::2] -= 8
  found, _ = upscaling.compare(clip, 4, lambda small: finer.astype(np.uint8))
  assert found["upsampled"].psnr < 40
  assert found["upsampled"].kept > 50
  brighter = lambda small: clip + np.uint8(8)
  found, _ = upscaling.compare(clip, 4, brighter)
  np.testing.assert_allclose(found["upsampled"].kept, 30.07, atol=0.1)
  np.testing.assert_allclose(found["upsampled"].motion, found["real"].motion)


def test_means_are_of_each_number():
  one = upscaling.Likeness(psnr=20, kept=30, motion=1, flicker=0, detail=4)
  two = upscaling.Likeness(psnr=30, kept=40, motion=3, flicker=1, detail=6)
  assert upscaling.mean([one, two]) == upscaling.Likeness(
    psnr=25, kept=35, motion=2, flicker=0.5, detail=5
  )


class Enlarger:
  """Weights whose super-resolution is plain enlargement."""

  stages = tuple(
    types.SimpleNamespace(name=name, frame_shape=(80, side, side, 3))
    for name, side in (("base", 8), ("ssr", 32))
  )

  def __init__(self):
    self.requests = []
    self.digests = {"base": "b", "ssr": "s"}

  def complete(self, request):
    return request

  def upsample(self, request, indices, low_res):
    self.requests.append((request, indices))
    large = resize.resize(pixels.to_uint8(low_res[0]), 32, 32)
    return types.SimpleNamespace(clips=pixels.to_float(large[None]))


def test_the_command_prints_a_table_and_draws(monkeypatch, tmp_path, capsys):
  enlarger = Enlarger()
  monkeypatch.setattr(generators, "load", lambda weights: enlarger)
  wishes = ["--num-clips", "2", "--num-frames", "4", "--out", str(tmp_path)]
  evaluate.main(["upscaling", *wishes, "--noise-level", "0.05"])
  lines = capsys.readouterr().out.splitlines()
  assert lines[0].split() == ["psnr", "kept", "motion", "flicker", "detail"]
  assert lines[2].split()[1:] == lines[3].split()[1:]
  told = json.loads((tmp_path / "upscaling.json").read_text())
  assert told["clips"] == 2
  assert told["weights"] == enlarger.digests
  assert told["found"]["real"]["psnr"] is None
  assert told["found"]["upsampled"] == told["found"]["enlarged"]
  assert [indices for _, indices in enlarger.requests] == [[0], [1]]
  assert {request.noise_level for request, _ in enlarger.requests} == {0.05}
  picture = still.decode((tmp_path / "upscaling.png").read_bytes())
  assert picture.shape == (3 * 34 - 2, 5 * 34 - 2, 3)


@pytest.mark.parametrize(
  ("wishes", "message"),
  [
    (["--num-clips", "0"], "--num-clips is 0; use 1 or more"),
    (["--num-frames", "2"], "--num-frames is 2; use 3 or more"),
    (["--split", "trian"], "--split"),
    (["--weights", "nano/base"], "holds stage 'base' only"),
  ],
)
def test_wrong_wishes_are_one_sentence(wishes, message):
  with pytest.raises(errors.LumiereError, match=message):
    evaluate.main(["upscaling", *wishes])
