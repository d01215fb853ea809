"""The page says what the files say, whatever they lack."""

import io
import json
import shutil

import PIL.Image
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import report
from lumiere_jax.evaluation import run_report
from lumiere_jax.provenance import run_record
from lumiere_jax.training import ledger


@pytest.fixture
def workdir(tmp_path):
  """A run of three logged steps, one of them done twice."""
  path = tmp_path / "run <b>"
  run_record.write(
    path,
    run_record.RunRecord(
      recipe={"stage": "base", "num_steps": 9},
      versions={"jax": "0.10"},
      mesh={"data": 2},
      datasets=[{"name": "clips", "split": "train", "root": "abc"}],
    ),
  )
  rows = [
    {"step": 1, "loss": 1.0, "norm/gradient": 2.0, "clips_per_second": 3.0},
    {"step": 2, "loss": 0.5, "norm/gradient": 2.0, "clips_per_second": 3.0},
    {"step": 2, "loss": 0.25, "norm/gradient": 1.0, "clips_per_second": 3.0},
    {"step": 3, "skipped": 1.0},
  ]
  text = "\n".join(json.dumps(row) for row in rows)
  (path / "metrics.jsonl").write_text(text + '\n{"step": 4, "lo')
  book = ledger.Ledger(str(path), clock=iter(range(100)).__next__)
  book.event("started", step=0)
  with book.spending("step"):
    pass
  book.event("checkpoint_failed", step=2, reason="the disk <is> full")
  book.flush(3)
  (path / "previews").mkdir()
  picture = io.BytesIO()
  PIL.Image.new("RGB", (4, 4)).save(picture, "PNG")
  (path / "previews" / "preview_000003.png").write_bytes(picture.getvalue())
  return path


def test_the_page_says_all_and_needs_no_other_file(workdir):
  page = run_report.write(workdir).read_text()
  assert "base: run &lt;b&gt;" in page
  assert "<td>3 of 9</td>" in page
  assert "clips train, root abc" in page
  assert "the disk &lt;is&gt; full" in page
  assert "preview_000003" in page
  assert page.count("data:image/png;base64,") == 2
  assert "src=" not in page.replace('src="data:', "")


def test_of_a_step_done_twice_the_last_counts(workdir):
  losses = [one.get("loss") for one in run_report.metrics(workdir)]
  assert losses == [1.0, 0.25, None]


def test_a_run_that_wrote_nothing_has_a_page_too(tmp_path):
  run_record.write(
    tmp_path,
    run_record.RunRecord(recipe={"stage": "t2i"}, versions={}, mesh={}),
  )
  page = run_report.write(tmp_path, tmp_path / "page.html").read_text()
  assert "No step was logged yet" in page
  assert "None yet" in page


def test_a_folder_that_is_no_run_is_refused(tmp_path):
  with pytest.raises(errors.WeightsError, match=r"has no run\.json"):
    run_report.write(tmp_path)


def test_the_command_says_goodput_and_where_the_page_is(workdir, capsys):
  report.main([str(workdir)])
  first, second = capsys.readouterr().out.splitlines()
  assert first.startswith("goodput 33.3%: step 1 s, other 2 s")
  assert second == str(workdir / "report.html")
  none = ledger.goodput([])
  assert report.summary(none) == "goodput unknown: the run has no ledger"


def test_losses_of_several_runs_are_one_picture(workdir, tmp_path, capsys):
  picture = tmp_path / "curves.png"
  report.main([str(workdir), str(workdir), "--picture", str(picture)])
  with PIL.Image.open(picture) as page:
    width = page.size[0]
  assert capsys.readouterr().out.strip() == str(picture)
  data = run_report.losses(
    {"a": [{"step": 1, "loss": 1.0}], "b": [{"step": 2, "loss": 2.0}]}
  )
  with PIL.Image.open(io.BytesIO(data)) as page:
    assert page.size[0] == 640
  assert width == 320  # the same run twice is one


def test_several_runs_have_a_page_each(workdir, tmp_path, capsys):
  other = tmp_path / "other"
  shutil.copytree(workdir, other)
  report.main([str(workdir), str(other)])
  assert (other / "report.html").exists()
  assert (workdir / "report.html").exists()
  with pytest.raises(errors.ConfigError, match="2 runs are named"):
    report.main([str(workdir), str(other), "--out", str(tmp_path / "a.html")])


def test_losses_that_nobody_logged_are_refused(tmp_path):
  for match, argv in (
    ("has logged no loss", [str(tmp_path), "--picture", "a.png"]),
    ("no run is named", []),
  ):
    with pytest.raises(errors.ConfigError, match=match):
      report.main(argv)
