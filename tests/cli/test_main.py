"""One command, its verbs, and a sentence for everything else."""

import re
import sys
import types

import pytest

import lumiere_jax
from lumiere_jax.cli import main as cli

VERBS = sorted(cli.VERBS)


@pytest.fixture
def seen(monkeypatch):
  """Verb -> arguments it was called with, in place of the verbs themselves."""
  calls = {}
  for verb in VERBS:
    module = types.ModuleType(verb)
    module.main = lambda argv, verb=verb: calls.update({verb: argv})
    name = f"lumiere_jax.cli.{cli.MODULES.get(verb, verb)}"
    monkeypatch.setitem(sys.modules, name, module)
  return calls


def _stopped(argv, capsys):
  with pytest.raises(SystemExit) as stop:
    cli.main(argv)
  assert stop.value.code == 2
  return capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_gets_the_arguments_after_it(verb, seen):
  cli.main([verb, "--seed", "3", "--help"])
  assert seen == {verb: ["--seed", "3", "--help"]}


def test_arguments_default_to_those_of_the_program(seen, monkeypatch):
  monkeypatch.setattr(sys, "argv", ["lumiere", "train", "--x=1"])
  cli.main()
  assert seen == {"train": ["--x=1"]}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_a_command(verb):
  assert callable(cli._load(verb).main)


@pytest.mark.parametrize("argv", [[], ["-h"], ["--help"], ["help"]])
def test_help_lists_the_verbs_and_examples(argv, capsys):
  cli.main(argv)
  text = capsys.readouterr().out
  assert all(f"  {verb} " in text for verb in VERBS)
  assert "lumiere sample --weights" in text
  assert max(map(len, text.splitlines())) <= 80


def test_version_is_the_package_s(capsys):
  cli.main(["--version"])
  assert capsys.readouterr().out == f"lumiere {lumiere_jax.__version__}\n"


def test_an_unknown_verb_is_one_sentence_with_the_nearest(capsys):
  assert _stopped(["trian", "--x"], capsys) == (
    f"error: verb is 'trian'; it must be one of {', '.join(cli.VERBS)}. Did "
    "you mean 'train'?\n"
  )


@pytest.mark.parametrize(
  ("verb", "package", "advice"),
  [
    ("evaluate", "matplotlib", r"needs the package matplotlib.*'\.\[eval\]'"),
    ("sample", "tyro", r"needs the package tyro.*'\.'"),
  ],
)
def test_a_missing_package_is_named_with_what_installs_it(
  verb, package, advice, capsys, monkeypatch
):
  def absent(name):
    raise ModuleNotFoundError("absent", name=package)

  monkeypatch.setattr(cli.importlib, "import_module", absent)
  assert re.search(advice, _stopped([verb], capsys))


def test_a_missing_module_of_ours_is_a_bug(monkeypatch):
  def absent(name):
    raise ModuleNotFoundError("absent", name="lumiere_jax.text.gone")

  monkeypatch.setattr(cli.importlib, "import_module", absent)
  with pytest.raises(ModuleNotFoundError):
    cli.main(["train"])
