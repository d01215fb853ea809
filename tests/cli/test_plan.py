"""`lumiere plan` refuses in a sentence, before any compiler is looked for."""

import os
import subprocess
import sys

import pytest

CONFIG = "--config=configs/base_128.py:tiny"
TOPOLOGY = "--topology=v5e:2x2"


def _plan(*words):
  return subprocess.run(
    [sys.executable, "-m", "lumiere_jax.cli.plan", *words],
    capture_output=True,
    text=True,
    check=False,
    env={**os.environ, "JAX_PLATFORMS": "cpu"},
  )


def test_help_has_an_example_and_the_flags():
  done = _plan("--help")
  assert done.returncode == 0
  assert "lumiere plan --config=configs/base_128.py" in done.stdout
  assert "--topology" in done.stdout


@pytest.mark.parametrize(
  ("words", "said"),
  [
    ([TOPOLOGY], "--config or --topology is missing"),
    ([CONFIG], "--config or --topology is missing"),
    ([CONFIG, TOPOLOGY, "more"], "unexpected argument 'more'"),
    ([CONFIG, TOPOLOGY, "--program=trains"], "Did you mean 'train'"),
    ([CONFIG, "--topology=v5e"], "not a TPU slice"),
    ([CONFIG, "--topology=v9:2x2"], "We know v4, v5e"),
    (["--config=configs/none.py", TOPOLOGY], "there is no recipe"),
    (["--table=nowhere"], "nowhere holds no plans"),
    (
      [CONFIG, TOPOLOGY, "--program=embed", "--captions=0"],
      "--captions is 0; a device embeds 1 or more",
    ),
  ],
  ids=[
    *("no config", "no topology", "extra", "program", "shape", "generation"),
    *("recipe", "table", "captions"),
  ],
)
def test_nonsense_is_one_sentence(words, said):
  done = _plan(*words)
  assert done.returncode == 2, done.stderr[-2000:]
  assert said in done.stderr
  assert "Traceback" not in done.stderr
