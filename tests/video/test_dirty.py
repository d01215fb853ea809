"""Files as a crawl brings them: refused in a sentence, or decoded rightly."""

import json
import pathlib
import subprocess
import sys

import mutations
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.video import read
from lumiere_jax.video import transcode

_LEAST_PSNR = 28.0
_MOST_SECONDS = 240
_MOST_MIB = 1500


def outcome(mutation: mutations.Mutation) -> str:
  """ "refused" or "decoded"; raises if it is neither, or decoded wrongly."""
  asked = len(mutation.frames) if mutation.frames is not None else 4
  try:
    read.probe(mutation.data)
    frames = read.decode(
      mutation.data, num_frames=asked, fps=mutations.FPS, hold=True
    )
    found = transcode.survey(mutation.data)
    assert found.thumbs.shape[1:] == (27, 48)
    list(transcode.pieces(mutation.data))
  except errors.VideoError as error:
    said = f"{mutation.name}: {error}"
    if mutation.frames is not None or "\n" in said:
      raise AssertionError(said) from error
    return "refused"
  assert not mutation.is_bad, mutation.name
  assert frames.shape[0] == asked
  if mutation.frames is not None:
    assert frames.shape == mutation.frames.shape, mutation.name
    off = np.mean((frames.astype(float) - mutation.frames) ** 2)
    psnr = 10 * np.log10(255**2 / max(off, 1e-9))
    assert psnr > _LEAST_PSNR, (mutation.name, psnr)
  return "decoded"


@pytest.mark.parametrize("count", [200])
def test_mutated_files_neither_crash_nor_hang(count):
  """In a process of its own: what is feared takes the process with it."""
  here = pathlib.Path(__file__)
  done = subprocess.run(
    [sys.executable, here, str(count)],
    env={"PYTHONPATH": ":".join(p for p in sys.path if p)},
    capture_output=True,
    text=True,
    timeout=_MOST_SECONDS,
    check=False,
  )
  assert done.returncode == 0, done.stderr[-3000:]
  found = json.loads(done.stdout.splitlines()[-1])
  assert found["refused"] + found["decoded"] == count
  assert found["mib"] < _MOST_MIB
  print(found)


def _peak_mib() -> int:
  """Most memory this process had; `ru_maxrss` also counts its parent's."""
  status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
  return int(status.split("VmHWM:")[1].split()[0]) // 1024


def _main(count: int) -> None:
  tally = {"refused": 0, "decoded": 0}
  for mutation in mutations.make(count):
    tally[outcome(mutation)] += 1
  print(json.dumps(tally | {"mib": _peak_mib()}))


if __name__ == "__main__":
  _main(int(sys.argv[1]))
