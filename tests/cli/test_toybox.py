import numpy as np
from PIL import Image
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import exits
from lumiere_jax.cli import toybox
from lumiere_jax.data import source
from lumiere_jax.data import toybox as toybox_lib
from lumiere_jax.video import read


def _command(out, *more):
  command = ["--out", str(out), "--size", "16", "--num-clips", "3"]
  return [*command, "--workers", "1", *more]


def test_the_command_makes_a_dataset(tmp_path, capsys):
  toybox.main(_command(tmp_path / "toys", "--split", "styled", "--first", "5"))
  said = capsys.readouterr()
  found = said.out.replace(str(tmp_path), "")
  assert found.startswith("wrote /toys: 3 clips, 0:15 of video, 0.")
  assert found.endswith(" MB\n")
  assert found.count("\n") == 1
  clips = source.ClipSource(str(tmp_path / "toys"))
  assert len(clips) == 3
  assert "styled/000007" in clips[2].name
  with pytest.raises(errors.OutputError, match="--overwrite"):
    toybox.main(_command(tmp_path / "toys"))


def test_clips_are_written_as_films_too(tmp_path, capsys):
  films = tmp_path / "films"
  more = ("--num-clips", "1", "--first", "7", "--films", str(films))
  toybox.main(_command(tmp_path / "toys", *more))
  assert f"wrote {films / 'train_000007.mp4'}" in capsys.readouterr().out
  probe = read.probe(films / "train_000007.mp4")
  assert (probe.num_frames, probe.fps, probe.width) == (80, 16, 16)
  first, last = (
    np.asarray(Image.open(films / f"train_000007_{name}.png"))
    for name in ("first", "last")
  )
  frames = toybox_lib.Toy(split="train", index=7, size=16).frames()
  np.testing.assert_array_equal(first, frames[0])
  np.testing.assert_array_equal(last, frames[-1])


def test_an_error_is_one_sentence_and_exit_code_2(tmp_path, capsys):
  with pytest.raises(SystemExit) as raised:
    exits.run(toybox.main, [*_command(tmp_path / "toys"), "--size", "17"])
  assert raised.value.code == 2
  said = capsys.readouterr().err
  assert said.startswith("error: ")
  assert said.count("\n") == 1
  assert not any(tmp_path.iterdir())


def test_stopped_it_says_what_is_kept_and_goes_on(
  tmp_path, capsys, monkeypatch
):
  frames, seen = toybox_lib.Toy.frames, []

  def watched(toy):
    seen.append(toy.index)
    if len(seen) == 3:
      raise KeyboardInterrupt
    return frames(toy)

  monkeypatch.setattr(toybox_lib.Toy, "frames", watched)
  command = _command(tmp_path / "toys", "--per-shard", "1")
  with pytest.raises(SystemExit) as raised:
    toybox.main(command)
  assert raised.value.code == 130
  assert "stopped; shards that are whole: 2" in capsys.readouterr().err
  toybox.main(command)
  said = capsys.readouterr().out
  assert said.startswith("going on where it was stopped; shards that are there")
  assert seen == [0, 1, 2, 2]


def test_a_sheet_shows_five_stills_of_each_clip(tmp_path, capsys):
  path = tmp_path / "toys.png"
  toybox.main(_command(tmp_path / "toys", "--sheet", str(path)))
  assert f"wrote {path}" in capsys.readouterr().out
  with Image.open(path) as picture:
    # 15 stills of 16 pixels, 2 apart.
    assert picture.size == (15 * 18 - 2, 16)
