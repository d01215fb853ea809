import colorsys
import dataclasses
import math

import numpy as np
import pytest
import toys

from lumiere_jax.toybox import camera
from lumiere_jax.toybox import looks
from lumiere_jax.toybox import motion
from lumiere_jax.toybox import render
from lumiere_jax.toybox import words

# Degrees, as they are on colour wheels.
HUES = {
  "red": 0,
  "orange": 30,
  "yellow": 55,
  "green": 125,
  "cyan": 180,
  "blue": 230,
  "purple": 275,
  "pink": 335,
}


def _footage(scene, size=64, num_frames=1, fps=1.0):
  return render.footage(scene, size, num_frames=num_frames, fps=fps)


def _first(scene):
  """Tracks and views of the first frame."""
  time = np.zeros(1)
  return motion.tracks(scene, time), camera.views(scene, time)


def _pixel(views, point, size):
  """Row and column of the pixel that shows a point of the world."""
  x, y, _ = views.project(np.asarray(point, np.float32)[None, None])[0, 0]
  return int(y * size), int(x * size)


def _centre_of(mask):
  """Row and column, from 0 to the side, of the middle of a mask."""
  return np.argwhere(mask).mean(0) + 0.5


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_ball_is_the_ellipse_of_a_pinhole(seed, size):
  scene = toys.scene("ball", seed=seed)
  tracks, views = _first(scene)
  away = tracks.position[0, 0] - views.eye[0]
  far = np.linalg.norm(away)
  sine = 0.95 * tracks.radius[0] / far  # of half the angle that it fills
  cosine = -(away @ views.axes[0])[2] / far  # of the angle beside the middle
  beside = cosine**2 - sine**2
  area = math.pi * sine**2 * math.sqrt(1 - sine**2) / beside**1.5
  area *= (size / 2 / camera.HALF_VIEW) ** 2
  found = _footage(scene, size)
  assert (found.things == 1).sum() == pytest.approx(area, rel=0.06)
  x, y, depth = found.centres[0, 0]
  centre = _centre_of(found.things[0] == 1)
  np.testing.assert_allclose(centre, [y * size, x * size], atol=1)
  assert depth == pytest.approx(far * cosine, rel=1e-5)


def test_its_middle_is_nearer_than_its_centre_by_its_radius():
  scene = toys.scene("ball", seed=1)
  tracks, views = _first(scene)
  far = np.linalg.norm(tracks.position[0, 0] - views.eye[0])
  at = _pixel(views, tracks.position[0, 0], 64)
  want = far - 0.95 * tracks.radius[0]
  assert _footage(scene).depth[0][at] == pytest.approx(want, rel=0.02)


def test_the_ground_is_as_far_as_it_is_and_the_sky_farther():
  scene = toys.scene("ball", camera="cranes up")
  found, (_, views) = _footage(scene), _first(scene)
  assert np.isinf(found.depth[0, :3]).all()
  assert np.isfinite(found.depth[0, -20:]).all()
  spot = np.float32([-0.9, 0, 1.0])
  at = _pixel(views, spot, 64)
  assert found.things[0][at] == 0
  far = np.linalg.norm(spot - views.eye[0])
  assert found.depth[0][at] == pytest.approx(far, rel=0.03)


@pytest.mark.parametrize("sky", ["day", "sunset"])
def test_shadows_fall_away_from_the_sun(sky):
  scene = toys.scene("ball", ground="snow", sky=sky, seed=2)
  found, (tracks, views) = _footage(scene, 128), _first(scene)
  centre, sun = tracks.position[0, 0], looks.light(sky).sun
  cast = centre[1] / sun[1] * sun * [1, 0, 1]
  foot = centre * [1, 0, 1]
  shadow, lit = (_pixel(views, foot + way * 1.1 * cast, 128) for way in (-1, 1))
  bright = found.frames[0].astype(float).mean(-1)
  assert found.things[0][shadow] == found.things[0][lit] == 0
  far = np.median(bright[80:][found.things[0][80:] == 0])
  assert bright[shadow] < 0.75 * far
  assert bright[lit] > 1.3 * bright[shadow]


def test_things_are_numbered_as_in_the_scene():
  scene = toys.scene("ball", "cube", "cylinder", size="small", seed=3)
  found = _footage(scene)
  assert found.things.dtype == np.uint8
  assert {*np.unique(found.things)} == {0, 1, 2, 3}
  for k, (x, y, _) in enumerate(found.centres[0]):
    centre = _centre_of(found.things[0] == k + 1)
    np.testing.assert_allclose(centre, [64 * y, 64 * x], atol=1.5)


def test_what_is_nearer_hides_what_is_behind():
  scene = toys.scene("ball", "cube", action="orbits", seed=4)
  found = _footage(scene, 32, 20, 4.0)
  assert len({*found.centres[:, 1, 2]}) == 1
  far = found.centres[:, 0, 2]
  seen = (found.things == 1).sum((1, 2)) * far**2
  behind = far - found.centres[:, 1, 2]
  assert seen[behind < -1].min() > 0.9 * seen.max()
  assert seen[behind > 1].min() < 0.5 * seen.max()


def test_frames_are_pictures():
  found = _footage(toys.scene("cube", action="rises"), 32, 3)
  assert found.frames.shape == (3, 32, 32, 3)
  assert found.frames.dtype == np.uint8
  assert found.things.shape == found.depth.shape == (3, 32, 32)
  assert found.depth.dtype == found.centres.dtype == np.float32
  assert found.centres.shape == (3, 1, 3)
  assert found.frames.std() > 20


def test_the_same_scene_gives_the_same_pixels():
  scene = toys.scene("star", "ring", camera="circles", action="knocks")
  one, again = _footage(scene, 32, 3), _footage(scene, 32, 3)
  for field in dataclasses.fields(render.Footage):
    np.testing.assert_array_equal(
      getattr(one, field.name), getattr(again, field.name)
    )
  other = _footage(dataclasses.replace(scene, seed=9), 32, 3)
  assert not np.array_equal(one.frames, other.frames)


@pytest.mark.parametrize("move", ["still", "pans left"])
def test_a_frame_does_not_depend_on_those_before_it(move):
  scene = toys.scene("cone", camera=move, action="spins")
  whole, every = _footage(scene, 32, 5, 2.0), _footage(scene, 32, 3, 1.0)
  np.testing.assert_array_equal(whole.frames[::2], every.frames)


@pytest.mark.parametrize("move", words.CAMERAS)
def test_the_ground_moves_in_the_frame_where_the_camera_does(move):
  scene = toys.scene("ball", size="small", ground="tiles", camera=move)
  first, last = _footage(scene, 32, 2, 0.25).frames.astype(float)
  # Of the nearest ground, far from the ball and its shadow.
  moved = np.abs(last - first)[-4:, -12:].mean()
  assert (moved == 0) if move == "still" else (moved > 3)


@pytest.mark.parametrize("ground", words.GROUNDS)
def test_large_and_small_frames_show_the_same(ground):
  scene = toys.scene("cube", "ring", ground=ground, camera="circles")
  large, small = _footage(scene, 128), _footage(scene, 32)
  mean = large.frames.reshape(32, 4, 32, 4, 3).mean((1, 3))
  assert np.abs(mean - small.frames[0]).mean() < 8
  np.testing.assert_array_equal(large.centres, small.centres)


@pytest.mark.parametrize("style", words.STYLES)
def test_styles_are_drawn_of_the_same_world(style):
  lit = toys.scene("ball", "star", camera="pans left")
  drawn = dataclasses.replace(lit, style=style)
  lit, drawn = _footage(lit), _footage(drawn)
  assert drawn.frames.dtype == np.uint8
  apart = np.abs(lit.frames.astype(float) - drawn.frames)
  assert apart.mean() > 10
  np.testing.assert_array_equal(drawn.things, lit.things)
  np.testing.assert_array_equal(drawn.depth, lit.depth)


def test_styles_differ():
  scenes = [toys.scene("cube", style=style) for style in words.STYLES]
  frames = [_footage(scene, 32).frames.astype(float) for scene in scenes]
  for k, one in enumerate(frames):
    assert all(np.abs(one - other).mean() > 10 for other in frames[:k])


def _pixels_of(sky="day", **said):
  """Pixels [N, 3] of a ball that fills much of the frame."""
  scene = toys.scene(sky=sky, seed=1)
  thing = toys.thing("ball", size="large", **said)
  found = _footage(dataclasses.replace(scene, things=(thing,)), 32)
  return found.frames[found.things == 1].astype(float)


@pytest.mark.parametrize("sky", words.SKIES)
def test_metal_shines_and_rubber_does_not(sky):
  shiny, matte = (
    _pixels_of(sky, material=material, color="green")
    for material in ("shiny", "matte")
  )
  assert np.abs(shiny - matte).mean() > 10
  # What the sun and the sky leave on metal is not green.
  green = [found[:, 1] - found[:, 0] for found in (shiny, matte)]
  assert shiny.max() > matte.max() or green[0].std() > green[1].std()


@pytest.mark.parametrize("color", HUES)
def test_a_color_is_what_it_is_called(color):
  mean = _pixels_of(color=color).mean(0) / 255
  hue = 360 * colorsys.rgb_to_hsv(*mean)[0]
  apart = {name: abs((hue - at + 180) % 360 - 180) for name, at in HUES.items()}
  assert min(apart, key=apart.get) == color


def test_white_and_black_have_no_hue():
  white, black = (_pixels_of(color=name) for name in ("white", "black"))
  for found in (white, black):
    assert np.ptp(found.mean(0)) < 25
  assert black.mean() < 40
  assert white.mean() > 150


@pytest.mark.parametrize("sky", words.SKIES)
def test_colors_are_told_apart_in_any_light(sky):
  shade = np.square(_pixels_of(sky, color="white")).mean(0)
  shade = shade / looks.color("white")
  known = np.sqrt([looks.color(name) for name in words.COLORS])
  for k, name in enumerate(words.COLORS):
    found = np.sqrt(np.square(_pixels_of(sky, color=name)).mean(0) / shade)
    assert np.argmin(np.linalg.norm(known - found, axis=-1)) == k
