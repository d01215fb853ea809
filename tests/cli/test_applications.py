"""The applications through their commands, on networks that learned nothing."""

import json

import numpy as np
from PIL import Image
import pytest
import recipes

from lumiere_jax import errors
from lumiere_jax.cli import animate
from lumiere_jax.cli import cinemagraph
from lumiere_jax.cli import edit
from lumiere_jax.cli import extend
from lumiere_jax.cli import inpaint
from lumiere_jax.cli import keyframes
from lumiere_jax.cli import outpaint
from lumiere_jax.cli import sample
from lumiere_jax.cli import upscale
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.video import lossless
from lumiere_jax.video import read
from lumiere_jax.video import sound
from lumiere_jax.video import write

SIDE, FRAMES = 16, 8


def _export(path, recipe, *, given):
  recipe["model"]["given"] = given
  stage = stages.build(recipe)
  record = run_record.RunRecord(recipe=recipe, versions={}, mesh={})
  export.write(path, stage.init(0), record)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
  """A conditional base of 8 frames of 16 pixels."""
  folder = tmp_path_factory.mktemp("weights")
  recipe = recipes.smallest("base")
  recipe["sampling"]["num_steps"] = 1
  _export(folder / "conditional.safetensors", recipe, given=True)
  return folder


def _picture(path, height=SIDE, width=SIDE, seed=0):
  rng = np.random.default_rng(seed)
  pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
  Image.fromarray(pixels).save(path)
  return pixels


def _flags(weights, tmp_path):
  return [
    *("--weights", str(weights), "--out", str(tmp_path / "clip.mp4")),
    *("--prompt", "a ball rolls", "--no-guard", "--save-frames"),
  ]


def test_a_picture_is_the_first_frame(weights, tmp_path, capsys):
  pixels = _picture(tmp_path / "first.png")
  veil = tmp_path / "veil.png"
  animate.main(
    [
      *_flags(weights, tmp_path),
      *("--image", str(tmp_path / "first.png"), "--preview-mask", str(veil)),
    ]
  )
  frames = np.load(tmp_path / "clip.npy")
  assert frames.shape == (FRAMES, SIDE, SIDE, 3)
  np.testing.assert_array_equal(frames[0], pixels)
  assert "note:" not in capsys.readouterr().out
  record = json.loads((tmp_path / "clip.json").read_text("utf-8"))
  assert record["told"]["app"] == "animate"
  assert len(record["told"]["files"][str(tmp_path / "first.png")]) == 64
  with Image.open(veil) as picture:
    assert picture.size == (3 * SIDE, SIDE)


def test_a_wide_picture_is_cut_and_that_is_said(weights, tmp_path, capsys):
  pixels = _picture(tmp_path / "wide.png", width=2 * SIDE)
  animate.main(
    [*_flags(weights, tmp_path), "--image", str(tmp_path / "wide.png")]
  )
  assert "note: frame 0 is 32x16, of which" in capsys.readouterr().out
  frames = np.load(tmp_path / "clip.npy")
  np.testing.assert_array_equal(frames[0], pixels[:, SIDE // 2 : -SIDE // 2])


def test_keyframes_are_passed_through(weights, tmp_path):
  first = _picture(tmp_path / "a.png")
  last = _picture(tmp_path / "b.png", seed=1)
  keyframes.main(
    [
      *_flags(weights, tmp_path),
      *("--keyframe", f"0={tmp_path / 'a.png'}"),
      *("--keyframe", f"-1={tmp_path / 'b.png'}"),
    ]
  )
  frames = np.load(tmp_path / "clip.npy")
  np.testing.assert_array_equal(frames[0], first)
  np.testing.assert_array_equal(frames[-1], last)


@pytest.mark.parametrize(
  ("said", "match"),
  [
    (["0"], "it is NUMBER=PICTURE"),
    (["x=a.png"], "it is NUMBER=PICTURE"),
    (["0="], "it is NUMBER=PICTURE"),
    (["0=a.png", "0=a.png"], "frame 0 is given twice"),
    (["0=none.png"], "cannot be read"),
    (["8=a.png"], "frame 8 is given, and the clip has frames 0 to 7"),
    ([], "no frame is given"),
  ],
)
def test_keyframes_that_make_no_sense_are_refused(
  weights, tmp_path, monkeypatch, said, match
):
  monkeypatch.chdir(tmp_path)
  _picture(tmp_path / "a.png")
  flags = [flag for text in said for flag in ("--keyframe", text)]
  with pytest.raises(errors.LumiereError, match=match):
    keyframes.main([*_flags(weights, tmp_path), *flags])
  assert not (tmp_path / "clip.mp4").exists()


def _clip(path, height=SIDE, width=SIDE, count=FRAMES, fps=16.0):
  rng = np.random.default_rng(5)
  frames = rng.integers(0, 256, (count, height, width, 3), np.uint8)
  path.write_bytes(lossless.mp4_bytes(frames, fps))
  return frames


def test_inpainting_changes_the_mask_alone(weights, tmp_path, capsys):
  frames = _clip(tmp_path / "in.mp4", height=32, width=48, count=15, fps=30.0)
  inpaint.main(
    [
      *_flags(weights, tmp_path),
      *("--video", str(tmp_path / "in.mp4"), "--mask", "box=8,4,20,30"),
      *("--preview-mask", str(tmp_path / "veil.png")),
    ]
  )
  found = np.load(tmp_path / "clip.npy")
  assert found.shape == frames.shape
  mask = np.zeros(frames.shape[:3], bool)
  mask[:, 4:30, 8:20] = True
  np.testing.assert_array_equal(found[~mask], frames[~mask])
  assert (found[mask] != frames[mask]).mean() > 0.5
  assert "note: 48x32, of which the square" in capsys.readouterr().out
  record = json.loads((tmp_path / "clip.json").read_text("utf-8"))
  assert record["fps"] == pytest.approx(30)
  assert (tmp_path / "veil.png").exists()


def test_outpainting_keeps_the_middle(weights, tmp_path):
  frames = _clip(tmp_path / "in.mp4")
  outpaint.main(
    [
      *_flags(weights, tmp_path),
      *("--video", str(tmp_path / "in.mp4"), "--aspect", "2:1"),
    ]
  )
  found = np.load(tmp_path / "clip.npy")
  assert found.shape == (FRAMES, SIDE, 2 * SIDE, 3)
  np.testing.assert_array_equal(found[:, :, 8:24], frames)


def test_a_cinemagraph_is_its_picture_outside_the_region(weights, tmp_path):
  picture = _picture(tmp_path / "a.png", 24, 32)
  cinemagraph.main(
    [
      *_flags(weights, tmp_path),
      *("--image", str(tmp_path / "a.png"), "--mask", "box=4,4,12,20"),
    ]
  )
  found = np.load(tmp_path / "clip.npy")
  assert found.shape == (FRAMES, 24, 32, 3)
  still = np.ones((24, 32), bool)
  still[4:20, 4:12] = False
  for frame in found:
    np.testing.assert_array_equal(frame[still], picture[still])
  np.testing.assert_array_equal(found[0], picture)
  assert (found[1:] != picture).any()


def test_an_edit_within_a_mask_keeps_the_rest(weights, tmp_path):
  frames = _clip(tmp_path / "in.mp4")
  edit.main(
    [
      *_flags(weights, tmp_path),
      *("--video", str(tmp_path / "in.mp4"), "--mask", "box=0,0,15,16"),
    ]
  )
  found = np.load(tmp_path / "clip.npy")
  np.testing.assert_array_equal(found[:, :, 15], frames[:, :, 15])
  assert (found != frames).mean() > 0.5


@pytest.mark.parametrize("strength", ["0", "1.2"])
def test_a_strength_out_of_range_is_refused(weights, tmp_path, strength):
  _clip(tmp_path / "in.mp4")
  with pytest.raises(errors.ConfigError, match="strength is"):
    edit.main(
      [
        *_flags(weights, tmp_path),
        *("--video", str(tmp_path / "in.mp4"), "--strength", strength),
        *("--mask", "box=0,0,15,16"),
      ]
    )


def test_a_clip_is_made_longer(weights, tmp_path):
  frames = _clip(tmp_path / "in.mp4")
  seconds = ["--seconds", "1.25", "--context", "3"]
  extend.main(
    [
      *_flags(weights, tmp_path),
      *("--video", str(tmp_path / "in.mp4"), *seconds),
    ]
  )
  found = np.load(tmp_path / "clip.npy")
  assert found.shape == (20, SIDE, SIDE, 3)
  np.testing.assert_array_equal(found[:FRAMES], frames)
  with pytest.raises(errors.ConfigError, match="s already and"):
    extend.main(
      [
        *_flags(weights, tmp_path),
        *("--video", str(tmp_path / "in.mp4"), "--overwrite"),
        *("--seconds", "0.5"),
      ]
    )


def test_what_is_missing_is_said(weights, tmp_path):
  _picture(tmp_path / "a.png")
  image = ["--image", str(tmp_path / "a.png")]
  with pytest.raises(errors.ConfigError, match="no prompt is given"):
    animate.main(
      [
        *("--weights", str(weights)),
        *("--out", str(tmp_path / "a.mp4")),
        *image,
      ]
    )
  plain = tmp_path / "plain"
  _export(plain / "base.safetensors", recipes.smallest("base"), given=False)
  with pytest.raises(errors.WeightsError, match="not trained to be given"):
    animate.main([*_flags(plain, tmp_path), *image])


@pytest.fixture(scope="module")
def cascade(tmp_path_factory):
  """A base, and super-resolution from 8 to 16 pixels."""
  folder = tmp_path_factory.mktemp("cascade")
  for stage in ("base", "ssr"):
    recipe = recipes.smallest(stage)
    recipe["sampling"]["num_steps"] = 1
    if stage == "ssr":
      recipe["diffusion"]["low_res"] = SIDE // 2
    _export(folder / f"{stage}.safetensors", recipe, given=False)
  return folder


def _upscale(cascade, tmp_path, *flags):
  upscale.main(
    [
      *("--weights", str(cascade), "--out", str(tmp_path / "clip.mp4")),
      *("--video", str(tmp_path / "in.mp4"), "--no-guard", "--save-frames"),
      *flags,
    ]
  )
  return np.load(tmp_path / "clip.npy")


def test_a_clip_of_any_size_is_made_larger_and_keeps_its_sound(
  cascade, tmp_path, capsys
):
  frames = np.random.default_rng(5).integers(0, 256, (9, 10, 14, 3), np.uint8)
  tone = np.sin(np.arange(16000) / 10)[None].astype(np.float32)
  heard = sound.Sound(samples=tone, rate=16000)
  write.write_mp4(tmp_path / "in.mp4", frames, 30, sound=heard)
  found = _upscale(cascade, tmp_path)
  assert found.shape == (9, 20, 28, 3)
  assert "note:" not in capsys.readouterr().out
  probe = read.probe(tmp_path / "clip.mp4")
  assert (probe.num_frames, probe.fps) == (9, pytest.approx(30))
  assert sound.read(tmp_path / "clip.mp4", 0, 0.3).samples.std() > 0.3


def test_a_clip_too_large_to_enlarge_is_shrunk_and_that_is_said(
  cascade, tmp_path, capsys
):
  _clip(tmp_path / "in.mp4", height=20, width=40, count=12)
  flags = ("--longest-side", "16", "--seconds", "0.5")
  found = _upscale(cascade, tmp_path, *flags)
  assert found.shape == (8, 16, 32, 3)
  told = capsys.readouterr().out
  assert "note: 40x20, of which 16x8 is kept" in told
  assert "note: 0.5 s of 0.75 are enlarged" in told


@pytest.mark.parametrize(
  ("flags", "match"),
  [
    (("--start", "9"), "is 0.50 s long and was to be read from 9 s"),
    (("--start", "-1"), "start is -1"),
    (("--seconds", "0"), "seconds is 0"),
    (("--longest-side", "1"), "longest_side is 1"),
  ],
)
def test_numbers_that_make_no_sense_are_refused(
  cascade, tmp_path, flags, match
):
  _clip(tmp_path / "in.mp4")
  with pytest.raises(errors.LumiereError, match=match):
    _upscale(cascade, tmp_path, *flags)


def test_weights_that_cannot_enlarge_are_refused(weights, tmp_path):
  _clip(tmp_path / "in.mp4")
  with pytest.raises(errors.WeightsError, match="holds no super-resolution"):
    _upscale(weights / "conditional.safetensors", tmp_path)


def test_an_edited_clip_keeps_its_sound(weights, tmp_path):
  tone = np.sin(np.arange(16000) / 10)[None].astype(np.float32)
  heard = sound.Sound(samples=tone, rate=16000)
  frames = np.zeros((8, SIDE, SIDE, 3), np.uint8)
  write.write_mp4(tmp_path / "in.mp4", frames, 16, sound=heard)
  edit.main(
    [*_flags(weights, tmp_path), *("--video", str(tmp_path / "in.mp4"))]
  )
  assert sound.read(tmp_path / "clip.mp4", 0, 0.5).samples.std() > 0.3


@pytest.fixture
def made(weights, tmp_path):
  """A clip between two pictures, made and written down."""
  for name in "ab":
    _picture(tmp_path / f"{name}.png", seed=ord(name))
  pair = [f"0={tmp_path / 'a.png'}", f"-1={tmp_path / 'b.png'}"]
  keyframes.main(
    [
      *_flags(weights, tmp_path),
      *(flag for text in pair for flag in ("--keyframe", text)),
      *("--seed", "5"),
    ]
  )
  return tmp_path / "clip.json"


def _replay(record, *flags):
  out = str(record.parent / "again.mp4")
  sample.main(["--replay", str(record), "--out", out, *flags])
  return record.parent / "again.json"


def test_what_an_application_made_is_made_again(made, capsys):
  again = _replay(made)
  assert "replay: the same pixels as recorded" in capsys.readouterr().out
  then, now = (json.loads(p.read_text("utf-8")) for p in (made, again))
  assert now["pixels_sha256"] == then["pixels_sha256"]
  assert now["told"] == then["told"]
  assert now["request"] == then["request"]


def test_a_replay_tells_of_sampling_that_changed(made, capsys):
  record = json.loads(made.read_text("utf-8"))
  record["pixels_sha256"] = "0"
  then = record["stages"][0]["settings"]
  then["num_steps"], _ = 99, then.pop("shared_noise")
  made.write_text(json.dumps(record), "utf-8")
  _replay(made)
  said = capsys.readouterr().out
  assert "num_steps of base 99, now" in said
  assert "shared_noise of base None, now 0.0" in said


def test_a_replay_refuses_other_files_than_then(made):
  _picture(made.parent / "b.png", seed=7)
  with pytest.raises(errors.ConfigError, match=r"b\.png is not what the clip"):
    _replay(made)
  (made.parent / "b.png").unlink()
  with pytest.raises(errors.ConfigError, match=r"b\.png, from which the clip"):
    _replay(made)
  assert not (made.parent / "again.mp4").exists()


def test_a_replay_of_one_of_several_is_refused(made):
  record = json.loads(made.read_text("utf-8")) | {"index": 2}
  made.write_text(json.dumps(record), "utf-8")
  with pytest.raises(errors.ConfigError, match="is of clip 2 of several"):
    _replay(made)
