import json
import textwrap

import pytest
import sealed

from lumiere_jax.cli import exits
from lumiere_jax.cli import prove
from lumiere_jax.provenance import seal


@pytest.fixture
def folder(tmp_path):
  """A sealed dataset of five clips."""
  sealed.write(tmp_path / "clips", [sealed.example(k) for k in range(5)])
  return tmp_path / "clips"


@pytest.fixture
def proof(folder, tmp_path, capsys):
  """The proof of its fourth clip, as printed, in a file."""
  prove.main([str(folder), "--clip", "dir/3.mp4"])
  (tmp_path / "proof.json").write_text(capsys.readouterr().out)
  return tmp_path / "proof.json"


def _code(argv):
  with pytest.raises(SystemExit) as stop:
    exits.run(prove.main, [str(a) for a in argv])
  return stop.value.code


def test_a_proof_is_printed_and_checked(folder, proof, capsys):
  prove.main(["--check", str(proof), "--root", seal.read(folder).root])
  said = capsys.readouterr().out
  assert said.startswith("yes: dir/3.mp4 (sha256 ")
  assert "is clip 4 of 5 in the dataset with that root" in said
  assert _code(["--check", proof, "--root", "00" * 32]) == 1
  assert capsys.readouterr().out.startswith("no: ")


def test_growth_is_printed_and_checked(folder, tmp_path, capsys):
  prove.main([str(folder), "--grown-from", "2"])
  said = capsys.readouterr().out
  old = sealed.write(tmp_path / "old", [sealed.example(k) for k in range(2)])
  (tmp_path / "growth.json").write_text(said)
  new = seal.read(folder).root
  command = ["--check", str(tmp_path / "growth.json"), "--root", new]
  prove.main([*command, "--old-root", old.root])
  assert "the 5 clips begin with the 2" in capsys.readouterr().out
  assert _code([*command, "--old-root", "00" * 32]) == 1


def test_the_ten_lines_of_the_help_check_a_proof(
  folder, proof, monkeypatch, capsys
):
  program = prove.__doc__.split("in plain Python:\n")[1]
  assert len(program.strip().splitlines()) <= 14
  monkeypatch.chdir(proof.parent)
  exec(textwrap.dedent(program), {})
  assert capsys.readouterr().out.strip() == seal.read(folder).root


@pytest.mark.parametrize(
  ("argv", "match"),
  [
    ([], "say what to prove"),
    (["D"], "say what to prove"),
    (["D", "--clip", "a", "--grown-from", "2"], "say what to prove"),
    (["--check", "x.json"], "--check needs the root that is trusted"),
    (["--check", "x.json", "--root", "00"], r"x.json is no proof"),
  ],
)
def test_half_a_command_is_refused(argv, match, capsys):
  assert _code(argv) == 2
  assert match in capsys.readouterr().err


def test_a_list_is_no_proof(tmp_path, capsys):
  (tmp_path / "x.json").write_text(json.dumps([1]))
  assert _code(["--check", tmp_path / "x.json", "--root", "00"]) == 2
  assert "is no proof" in capsys.readouterr().err
