"""launch/nano.sh: every stage once, in order, and on from a stop."""

import pathlib
import shutil
import stat
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
# Takes notes, and leaves behind what a command would.
_STAND_IN = """#!/usr/bin/env bash
[[ "$1" != -c ]] || exec {python} "$@"
shift 2
out=""
for ((k = 1; k <= $#; k++)); do
  [[ "${{!k}}" != --out ]] || {{ next=$((k + 1)); out="${{!next}}"; }}
done
printf '%s\\n' "$*" >>{said}
case "$1" in
  toybox) mkdir -p "$out" && touch "$out/manifest.json" ;;
  embed) mkdir -p "$out" && touch "$out/encoder.json" ;;
  checkpoint) mkdir -p "$(dirname "$out")" && touch "$out" ;;
esac
"""


class Nano:
  """The script in a folder of its own, whose Python takes notes."""

  def __init__(self, folder: pathlib.Path):
    self.folder, self._said = folder, folder / "said"
    shutil.copytree(ROOT / "launch", folder / "launch")
    shutil.copy(ROOT / "setup.py", folder)
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(_STAND_IN.format(python=sys.executable, said=self._said))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    version = ".".join(map(str, sys.version_info[:3]))
    sums = subprocess.run(
      "cksum <setup.py", shell=True, cwd=folder, capture_output=True, text=True
    ).stdout.strip()
    stamp = folder / ".venv/installed-core"
    stamp.write_text(f"{sums} {version} {folder}\n")

  def __call__(self, *words):
    return subprocess.run(
      [self.folder / "launch/nano.sh", *words],
      cwd=self.folder,
      capture_output=True,
      text=True,
      timeout=60,
      check=False,
    )

  def said(self) -> list[str]:
    """What was run, without the folder's name."""
    text = self._said.read_text() if self._said.exists() else ""
    return text.replace(f"{self.folder}/", "").splitlines()

  def trained(self) -> list[str]:
    """Variants of the recipe that were trained, in order."""
    lines = [line.split() for line in self.said() if line[:5] == "train"]
    return [words[1].partition(":")[2] for words in lines]


@pytest.fixture
def nano(tmp_path):
  return Nano(tmp_path)


STAGES = ["text", "t2i", "base", "conditional", "ssr", "judge", "judge128"]


def test_all_stages_are_trained_in_order_and_exported(nano):
  done = nano()
  assert done.returncode == 0, done.stderr
  assert nano.trained() == STAGES
  exported = sorted(
    p.name for p in (nano.folder / "out/nano/weights").iterdir()
  )
  assert exported == [
    f"{name}.safetensors" for name in ("base", "judge", "judge128", "ssr")
  ]
  (base,) = [line for line in nano.said() if "weights/base" in line]
  assert "checkpoint export out/nano/conditional" in base


def test_judges_alone_are_taught_the_pairs_of_test_unseen(nano):
  assert nano().returncode == 0
  rendered = {
    words[words.index("--out") + 1]: words[words.index("--split") + 1]
    for words in map(str.split, nano.said())
    if words[0] == "toybox"
  }
  taught = {
    words[1].partition(":")[2]: word.partition("=")[2]
    for words in map(str.split, nano.said())
    for word in words
    if word.startswith("--config.data.dataset")
  }
  splits = {stage: rendered[folder] for stage, folder in taught.items()}
  painters = {"t2i", "base", "conditional", "ssr"}
  judges = {"judge", "judge128"}
  assert splits == dict.fromkeys(painters, "train") | dict.fromkeys(
    judges, "all_pairs"
  )


def test_what_is_there_is_not_made_again(nano):
  nano("--until", "t2i")
  first = nano.said()
  assert nano.trained() == STAGES[:2]
  nano("--until", "t2i")
  again = nano.said()[len(first) :]
  assert [line.split()[0] for line in again] == ["train", "train"]


def test_an_accelerator_gets_its_own_recipes_and_renders_for_itself(nano):
  done = nano("--device", "gpu")
  assert done.returncode == 0, done.stderr
  stages = [stage for stage in STAGES if stage != "base"]
  assert nano.trained() == [f"{stage},gpu" for stage in stages]
  assert not any("data.embeddings" in line for line in nano.said())
  assert not any(line.startswith("toybox") for line in nano.said())
  seen = [
    word.rpartition(":")[2]
    for line in nano.said()
    for word in line.split()
    if word.startswith("--config.data.dataset")
  ]
  judged = [f"{size}?split=all_pairs" for size in (32, 64)]
  assert seen == ["32", "32?split=twins", "128", *judged]
  (together,) = [line for line in nano.said() if "data.together=2" in line]
  assert "nano.py:conditional,gpu" in together


@pytest.mark.parametrize(
  ("words", "message"),
  [
    (["--device", "tpu"], '--device is "tpu"; it is cpu or gpu'),
    (["--until", "end"], '--until is "end"'),
    (["--out"], "--out needs a value"),
    (["--wrong"], "--wrong is unknown"),
  ],
)
def test_a_wrong_call_is_one_sentence_and_exit_2(nano, words, message):
  done = nano(*words)
  assert done.returncode == 2
  assert message in done.stderr
  assert nano.said() == []


def test_help_is_the_header(nano):
  done = nano("--help")
  header = (ROOT / "launch/nano.sh").read_text().split("\nset -euo")[0]
  assert done.stdout.splitlines() == [
    line[2:] for line in header.splitlines()[1:]
  ]
