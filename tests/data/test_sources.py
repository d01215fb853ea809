"""Where clips may come from: tables, tars, stills; and what they are called."""

import io
import json
import os
import tarfile

import clips
import numpy as np
from PIL import Image
import pyarrow as pa
from pyarrow import parquet
import pytest

from lumiere_jax import errors
from lumiere_jax.data import listing
from lumiere_jax.data import pipeline
from lumiere_jax.data import prepare
from lumiere_jax.data import source
from lumiere_jax.provenance import manifest
from lumiere_jax.video import read

BRIEF = prepare.Settings(seconds=1)


def _prepare(source, out, settings=BRIEF, **choice):
  prepare.prepare(
    source, out, settings=settings, choice=listing.Choice(**choice)
  )
  return list(manifest.read_manifest(out / "manifest.jsonl"))


ROWS = [
  dict(videoid=17, path="in/0.mp4", name="a dog", licence="MIT", owner="Ada"),
  dict(videoid=18, path="in/1.mp4", name="a cat", licence=None, owner=None),
]


def _write_table(path):
  if path.suffix == ".parquet":
    parquet.write_table(pa.Table.from_pylist(ROWS), path)
  elif path.suffix == ".jsonl":
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
  else:
    comma = "," if path.suffix == ".csv" else "\t"
    lines = [comma.join(ROWS[0])] + [
      comma.join("" if v is None else str(v) for v in row.values())
      for row in ROWS
    ]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_of_paths_is_a_source(tmp_path, suffix):
  clips.write_folder(tmp_path / "in", ["x", "y"])
  _write_table(tmp_path / f"clips.{suffix}")
  found = _prepare(
    tmp_path / f"clips.{suffix}",
    tmp_path / "out",
    owner="us",
    licence="CC0-1.0",
  )
  assert [(r.id, r.caption, r.licence, r.owner, r.source) for r in found] == [
    ("17", "a dog", "MIT", "Ada", "in/0.mp4"),
    ("18", "a cat", "CC0-1.0", "us", "in/1.mp4"),
  ]
  assert [r.path for r in found] == ["in/0.mp4", "in/1.mp4"]


def test_a_table_that_names_a_missing_file_says_so(tmp_path):
  (tmp_path / "t.csv").write_text("path,caption\nnone.mp4,a dog\n")
  with pytest.raises(errors.VideoError, match=r"none\.mp4 cannot be read"):
    _prepare(tmp_path / "t.csv", tmp_path / "out")


@pytest.mark.parametrize(
  ("text", "match"),
  [
    ("id,path,caption\n1,a.mp4,x\n1,b.mp4,y\n", "names 1 twice"),
    ("path,caption\n,x\n", "the path is empty"),
    ("path,caption\n", "has no row"),
  ],
)
def test_a_wrong_table_is_refused(tmp_path, text, match):
  (tmp_path / "t.csv").write_text(text)
  with pytest.raises(errors.DataError, match=match):
    _prepare(tmp_path / "t.csv", tmp_path / "out")


def _write_tar(path, samples):
  with tarfile.open(path, "w") as archive:
    for name, data in samples.items():
      member = tarfile.TarInfo(name)
      member.size = len(data)
      archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def tars(tmp_path):
  clips.write_folder(tmp_path / "in", ["x", "y"])
  one, other = ((tmp_path / f"in/{k}.mp4").read_bytes() for k in range(2))
  said = {"caption": "a cat", "license": "CC0-1.0", "url": "https://a.org/1"}
  (tmp_path / "tars").mkdir()
  _write_tar(tmp_path / "tars/00.tar", {"a/0.mp4": one, "a/0.txt": b"a dog\n"})
  _write_tar(
    tmp_path / "tars/01.tar",
    {"1.json": json.dumps(said).encode(), "1.mp4": other},
  )
  return tmp_path


@pytest.mark.parametrize("given", ["tars", "tars/{00..01}.tar", "tars/*.tar"])
def test_tars_are_read_in_place(tars, given):
  found = _prepare(tars / given, tars / "out")
  assert [(r.id, r.caption, r.licence, r.source) for r in found] == [
    ("00.tar/a/0.mp4", "a dog", "unknown", "00.tar/a/0.mp4"),
    ("01.tar/1.mp4", "a cat", "CC0-1.0", "https://a.org/1"),
  ]
  plain = _prepare(tars / "in", tars / "plain")
  assert [r.sha256 for r in found] == [r.sha256 for r in plain]


def test_braces_keep_their_zeros():
  assert listing.expand("x/a{08..10}.tar") == ["a08.tar", "a09.tar", "a10.tar"]
  assert listing.expand("a.tar") == ["a.tar"]


def test_a_tar_that_is_not_there_is_refused(tmp_path):
  with pytest.raises(errors.DataError, match="there is no tar"):
    _prepare(tmp_path / "{0..3}.tar", tmp_path / "out")


def test_a_torn_tar_is_refused(tmp_path):
  (tmp_path / "a.tar").write_bytes(b"x" * 2000)
  with pytest.raises(errors.DataError, match="cannot be read as a tar"):
    _prepare(tmp_path / "a.tar", tmp_path / "out")


def test_a_tar_whose_json_is_none_is_refused(tmp_path):
  _write_tar(tmp_path / "a.tar", {"1.json": b"{", "1.mp4": b"x"})
  with pytest.raises(errors.DataError, match=r"1\.json is not JSON"):
    _prepare(tmp_path / "a.tar", tmp_path / "out")


def _write_still(path, seed):
  path.parent.mkdir(exist_ok=True, parents=True)
  pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
  Image.fromarray(pixels).resize((64, 48)).save(path)
  path.with_suffix(".txt").write_text(f"picture {seed}")


def test_stills_are_clips_of_one_frame(tmp_path):
  for k, suffix in enumerate(("png", "jpg", "webp")):
    _write_still(tmp_path / f"in/{k}.{suffix}", k)
  settings = prepare.Settings(short_side=32)
  found = _prepare(tmp_path / "in", tmp_path / "out", settings, take="stills")
  assert [(r.num_frames, r.height, r.width) for r in found] == [(1, 32, 43)] * 3
  with pipeline.build(
    str(tmp_path / "out"),
    num_frames=1,
    fps=16,
    resolution=16,
    batch_size=3,
    seed=0,
    tokenizer=clips.tokenize,
  ) as batches:
    assert next(batches).video.shape == (3, 1, 16, 16, 3)


def test_videos_and_stills_go_together(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog"])
  _write_still(tmp_path / "in/p.png", 0)
  found = _prepare(tmp_path / "in", tmp_path / "out", take="both")
  assert [r.id for r in found] == ["0.mp4", "p.png"]
  with pipeline.build(
    str(tmp_path / "out"),
    num_frames=4,
    fps=16,
    resolution=16,
    batch_size=2,
    seed=0,
    tokenizer=clips.tokenize,
  ) as batches:
    assert next(batches).video.shape == (2, 4, 16, 16, 3)


@pytest.mark.parametrize(
  ("captionless", "said"),
  [
    ("file name", ("red ball", "file name")),
    ("folder name", ("toys", "folder name")),
    ("none", ("", "none")),
  ],
)
def test_clips_without_caption_are_called_as_asked(tmp_path, captionless, said):
  clips.write_clip(tmp_path / "in/toys/red_ball.mp4", 1.0)
  (record,) = _prepare(
    tmp_path / "in", tmp_path / "out", captionless=captionless
  )
  assert (record.caption, record.caption_origin) == said


def test_a_clip_without_caption_is_refused_unless_asked(tmp_path):
  clips.write_clip(tmp_path / "in/a.mp4", 1.0)
  (tmp_path / "t.csv").write_text("path,caption\nin/a.mp4,\n")
  with pytest.raises(errors.DataError, match="--captionless what to do"):
    _prepare(tmp_path / "t.csv", tmp_path / "out")


def test_a_model_that_captioned_is_on_record(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog"])
  (record,) = _prepare(
    tmp_path / "in", tmp_path / "out", caption_origin="some-captioner-7b"
  )
  assert record.caption_origin == "some-captioner-7b"


@pytest.mark.parametrize(
  ("choice", "match"),
  [
    (dict(take="video"), "--take is 'video'"),
    (dict(captionless="skp"), "--captionless is 'skp'"),
  ],
)
def test_choices_refuse_nonsense(choice, match):
  with pytest.raises(errors.ConfigError, match=match):
    listing.Choice(**choice)


def test_webvid_is_found_where_its_downloader_puts_it(tmp_path):
  clips.write_folder(tmp_path / "in", ["x"])
  (tmp_path / "007_010").mkdir()
  (tmp_path / "in/0.mp4").rename(tmp_path / "007_010/17.mp4")
  table = tmp_path / "webvid.csv"
  header = "videoid,contentUrl,duration,page_dir,name\n"
  table.write_text(f"{header}17,https://a.org/17.mp4,PT1S,007_010,a dog\n")
  (record,) = _prepare(table, tmp_path / "out")
  assert (record.id, record.path) == ("17", "007_010/17.mp4")
  table.write_text(f"{header}17,https://a.org/17.mp4,PT1S,,a dog\n")
  with pytest.raises(errors.DataError, match="not on this machine; download"):
    _prepare(table, tmp_path / "again")


def test_a_table_that_is_no_parquet_is_refused(tmp_path):
  (tmp_path / "t.parquet").write_text("path,caption\n")
  with pytest.raises(errors.DataError, match="cannot be read as parquet"):
    _prepare(tmp_path / "t.parquet", tmp_path / "out")


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
  clips.write_clip(tmp_path / "in/a.mp4", 1.0)
  os.rename(tmp_path / "in/a.mp4", bytes(tmp_path / "in") + b"/\xff.mp4")
  with pytest.raises(errors.DataError, match=r"udcff\.mp4' is not a name in"):
    _prepare(tmp_path / "in", tmp_path / "out", captionless="none")


def test_clips_without_caption_may_be_left_out(tmp_path):
  clips.write_folder(tmp_path / "in", ["a dog", "a cat"])
  (tmp_path / "in/0.txt").unlink()
  (record,) = _prepare(tmp_path / "in", tmp_path / "out", captionless="skip")
  assert record.caption == "a cat"
  said = json.loads((tmp_path / "out/report.json").read_text())
  assert said["counts"]["captionless"] == 1
  assert said["skipped"] == [
    {"id": "0.mp4", "kind": "captionless", "reason": "has no caption"}
  ]


def test_stills_are_stored_as_they_are_meant(tmp_path):
  (tmp_path / "in").mkdir()
  pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
  image = Image.fromarray(pixels).resize((64, 48))
  exif = image.getexif()
  exif[0x0112] = 6  # the camera was turned
  image.save(tmp_path / "in/a_turned.jpg", exif=exif)
  image.putalpha(Image.linear_gradient("L").resize((64, 48)))
  image.save(tmp_path / "in/b_clear.png")
  image.convert("RGB").save(tmp_path / "in/c_plain.png")
  settings = prepare.Settings(duplicate=-1)
  options = dict(take="stills", captionless="file name")
  found = _prepare(tmp_path / "in", tmp_path / "out", settings, **options)
  sizes = [(r.id, r.height, r.width) for r in found]
  assert sizes == [
    ("a_turned.jpg", 64, 48),
    ("b_clear.png", 48, 64),
    ("c_plain.png", 48, 64),
  ]
  assert [r.sha256 == r.stored_sha256 for r in found] == [False, False, True]
  stored = source.ClipSource(str(tmp_path / "out"))[1].video
  (shown,) = read.decode_at(stored, np.zeros(1))
  assert shown[0].min() > 250  # what is clear is white


def test_a_dark_still_is_left_out(tmp_path):
  (tmp_path / "in").mkdir()
  Image.new("RGB", (64, 48), (9, 9, 9)).save(tmp_path / "in/a.png")
  with pytest.raises(errors.DataError, match="because it is too dark"):
    _prepare(
      tmp_path / "in", tmp_path / "out", take="stills", captionless="none"
    )


def test_a_still_may_be_excluded(tmp_path):
  _write_still(tmp_path / "in/a.png", 0)
  (tmp_path / "no.txt").write_text("id:a.png\n")
  with pytest.raises(errors.DataError, match="because it is excluded by its"):
    prepare.prepare(
      tmp_path / "in",
      tmp_path / "out",
      choice=listing.Choice(take="stills"),
      work=prepare.Work(exclude=tmp_path / "no.txt"),
    )
