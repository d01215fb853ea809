import io

import pytest
import sealed

from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.cli import verify


@pytest.fixture
def folder(tmp_path):
  """A sealed dataset of four clips."""
  sealed.write(tmp_path / "clips", [sealed.example(k) for k in range(4)])
  return tmp_path / "clips"


def _code(argv):
  with pytest.raises(SystemExit) as stop:
    exits.run(verify.main, argv)
  return stop.value.code


def test_all_is_well_in_one_line(folder, capsys):
  verify.main([str(folder)])
  said = capsys.readouterr().out
  assert said.count("\n") == 1
  assert "all is as it was sealed: 4 clips" in said
  assert "not signed; root " in said


def test_differences_are_listed_and_summed_up(folder, capsys):
  (folder / sealed.shard(0)).unlink()
  (folder / "report.json").write_text("{}")
  assert _code([str(folder)]) == 1
  *lines, last = capsys.readouterr().out.splitlines()
  assert f"missing {sealed.shard(0)}: it was there when sealed" in lines
  assert "unreadable clip dir/1.mp4" in "\n".join(lines)
  assert "1 changed, 1 missing, 2 unreadable" in last
  assert "touches 2 of 4 clips" in last


def test_another_root_is_a_difference(folder, capsys):
  assert _code([str(folder), "--root", "00"]) == 1
  assert "and 00 was asked for" in capsys.readouterr().out


def test_what_is_no_dataset_is_an_error(tmp_path, capsys):
  assert _code([str(tmp_path)]) == 2
  assert "so it is no dataset" in capsys.readouterr().err


def test_a_signature_is_checked_if_a_key_is_given(tmp_path, capsys):
  pytest.importorskip("model_signing")
  private, public = sealed.key_pair(tmp_path)
  folder = tmp_path / "clips"
  sealed.write(folder, [sealed.example(0)], num_shards=1, key=private)
  verify.main([str(folder)])
  assert "signed (by whom tells --public-key)" in capsys.readouterr().out
  verify.main([str(folder), "--public-key", str(public)])
  assert "signed with that key" in capsys.readouterr().out
  (tmp_path / "other").mkdir()
  _, other = sealed.key_pair(tmp_path / "other")
  assert _code([str(folder), "--public-key", str(other)]) == 1
  assert "signed with another key" in capsys.readouterr().out


class _Terminal(io.StringIO):
  def isatty(self):
    return True


def _watch(stream, times):
  show = progress.amounts("MB", 10**6, stream, iter(times).__next__)
  for k in range(1, len(times)):
    show(k * 10**7, (len(times) - 1) * 10**7, "a")
  return stream.getvalue()


def test_nothing_is_shown_of_what_is_quick():
  assert _watch(io.StringIO(), [0, 1, 2]) == ""
  assert _watch(_Terminal(), [0, 1, 2]) == ""


def test_lines_come_seldom_and_say_what_is_left():
  assert _watch(io.StringIO(), [0, 4, 8, 12, 16, 20]) == (
    "10 of 50 MB, 0:16 left\n40 of 50 MB, 0:04 left\n50 of 50 MB, 0:00 left\n"
  )


def test_a_terminal_gets_one_line():
  said = _watch(_Terminal(), [0, 60, 120])
  assert said.count("\n") == 1
  assert "10/20 MB, 1:00 left  a" in said
