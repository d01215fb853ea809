"""Wider clips from a generator of squares."""

import fake_stages
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.apps import footage
from lumiere_jax.apps import outpaint
from lumiere_jax.apps import wider as widers
from lumiere_jax.generation import request as requests
from lumiere_jax.stages import spread


@pytest.fixture
def generator(monkeypatch):
  """A base of 8 frames of 8 pixels, upsampled to 16."""
  monkeypatch.setattr(spread, "over", lambda stage, mesh: stage)
  return fake_stages.load(fake_stages.make(), fake_stages.make("ssr"))


def _wider(aspect, height=16, width=16):
  rng = np.random.default_rng(0)
  source = footage.Footage(
    path="clip.mp4",
    frames=rng.integers(0, 256, (8, height, width, 3), np.uint8),
    fps=16.0,
    shown=np.arange(8),
    rate=16.0,
  )
  return widers.frame(source, aspect, 16)


def _request(generator, **said):
  return generator.complete(
    requests.Request(prompt="a ball that rolls", seed=5, guard=False, **said)
  )


class _Watched:
  """A generator, and what it was asked."""

  def __init__(self, generator):
    self._generator, self.layouts, self.windows = generator, [], []

  def paint(self, request, indices, **more):
    self.layouts.append((request, indices, more))
    return self._generator.paint(request, indices, **more)

  def __call__(self, request, on_step, **more):
    self.windows.append((request, more))
    return self._generator(request, on_step, **more)


def test_the_source_is_kept_and_every_pixel_beyond_it_painted(generator):
  wider = _wider(2.0)
  found = outpaint.paint(generator, _request(generator), wider)
  assert found.stages[-1].clips.shape == (1, 8, 16, 32, 3)
  assert found.frames.shape == (1, 8, 16, 32, 3)
  np.testing.assert_array_equal(
    found.frames[0, :, :, 8:24], wider.footage.frames
  )
  beyond = np.abs(found.frames[0].astype(int) - wider.padded)[:, wider.is_new]
  assert (beyond.max((0, 2)) > 0).all()


def test_windows_go_on_from_one_squeezed_layout_and_see_one_another(generator):
  watched, wider = _Watched(generator), _wider(2.0, width=8)
  outpaint.paint(watched, _request(generator), wider)
  ((_, _, layout),) = watched.layouts
  assert layout["given"].video.shape == (8, 16, 16, 3)
  # 8 of 32 columns are known, so 4 of 16, whatever else is squeezed.
  assert layout["given"].known[0].all(0).sum() == 4
  assert [one.seed for one, _ in watched.windows] == [5, 6, 7]
  starts = [more["source"].video for _, more in watched.windows]
  whole = np.concatenate([starts[1][:, :, :8], *starts[::2]], axis=2)
  assert len(starts) == 3
  assert whole.shape == (8, 16, 40, 3)
  # The middle one is told of the source, those beside it of half of itself.
  known = [more["given"].known[0].all(0) for _, more in watched.windows]
  assert [x.sum() for x in known] == [8, 8, 8]
  assert known[1][8:].all()
  assert known[2][:8].all()


def test_one_window_needs_no_layout(generator):
  watched, wider = _Watched(generator), _wider(1.0, width=8)
  outpaint.paint(watched, _request(generator), wider)
  assert not watched.layouts
  ((_, more),) = watched.windows
  assert more["source"] is None


def test_a_clip_is_the_same_alone_and_among_others(generator):
  wider = _wider(2.0)
  alone = outpaint.paint(generator, _request(generator), wider)
  two = outpaint.paint(generator, _request(generator, num_videos=2), wider)
  assert two.indices == (0, 1)
  np.testing.assert_array_equal(two.frames[0], alone.frames[0])
  assert (two.frames[1] != two.frames[0]).any()


def test_the_first_stage_alone_paints_wider_clips_too(generator):
  request = _request(generator, ssr=False)
  wider = widers.frame(_wider(2.0).footage, 2.0, 8)
  found = outpaint.paint(generator, request, wider)
  assert [one.name for one in found.stages] == ["base"]
  assert found.stages[0].clips.shape == (1, 8, 8, 16, 3)
  assert found.frames.shape == (1, 8, 16, 32, 3)


def test_aspects_are_read_as_they_are_written():
  assert outpaint.parse_aspect("16:9") == pytest.approx(16 / 9)
  assert outpaint.parse_aspect("2.35:1") == pytest.approx(2.35)
  for text in ("16", "16/9", "0:9", "a:b", "-4:3"):
    with pytest.raises(errors.ConfigError, match="as in 16:9"):
      outpaint.parse_aspect(text)
