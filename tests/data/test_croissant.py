import dataclasses
import json

import pytest
import sealed

from lumiere_jax import errors
from lumiere_jax.data import croissant
from lumiere_jax.provenance import manifest

FLOATS = ("start", "fps", "duration")
ABOUT = croissant.About(
  description="Dogs that run.",
  version="1.2.0",
  url="https://example.org/dogs",
  cite_as="Dogs, 2025",
  date="2025-12-31",
)


@pytest.fixture
def folder(tmp_path):
  """Three clips with their metadata."""
  examples = [
    sealed.example(0),
    sealed.example(1, licence="CC-BY-4.0", caption_origin="blip2"),
    sealed.example(2),
  ]
  sealed.write(tmp_path / "dogs", examples)
  records = (record for _, record in examples)
  croissant.write(tmp_path / "dogs", records, "dogs", about=ABOUT)
  return tmp_path / "dogs"


def test_it_sums_up_what_the_clips_are(folder):
  entry = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
  assert entry["license"] == ["CC-BY-4.0", "MIT"]
  assert entry["description"] == (
    "Dogs that run. 3 captioned video clips, 0.00 hours."
  )
  assert entry["rai:dataAnnotationProtocol"] == (
    "Origin of the captions: given: 2, blip2: 1."
  )


def test_all_fields_of_a_record_are_described(folder):
  entry = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
  fields = {f["name"]: f["dataType"] for f in entry["recordSet"][0]["field"]}
  record = dataclasses.asdict(sealed.example(0)[1])
  assert fields.keys() == record.keys()
  assert (fields["hold"], fields["fps"]) == ("sc:Boolean", "sc:Float")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib.*")
def test_mlcroissant_finds_nothing_wrong_and_reads_the_clips(folder):
  mlcroissant = pytest.importorskip("mlcroissant")
  dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
  assert not dataset.metadata.ctx.issues.errors
  assert not dataset.metadata.ctx.issues.warnings
  found = list(dataset.records("clips"))
  want = list(manifest.read_manifest(folder / "manifest.jsonl"))
  assert len(found) == 3
  for row, record in zip(found, want, strict=True):
    for name, value in dataclasses.asdict(record).items():
      got = row[f"clips/{name}"]
      got = got.decode() if isinstance(got, bytes) else got
      assert got == pytest.approx(value) if name in FLOATS else got == value


def test_little_need_be_said(tmp_path):
  sealed.write(tmp_path / "a", [sealed.example(0)], num_shards=1)
  croissant.write(tmp_path / "a", [sealed.example(0)[1]], "a")
  entry = json.loads((tmp_path / "a/croissant.json").read_text())
  assert not {"url", "citeAs", "datePublished"} & entry.keys()


def test_a_folder_without_manifest_is_refused(tmp_path):
  with pytest.raises(errors.DataError, match=r"has no manifest\.jsonl, which"):
    croissant.write(tmp_path, [], "a")
