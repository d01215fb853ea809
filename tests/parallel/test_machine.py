"""What a TPU machine says of itself, asked of a stand-in."""

import ctypes
import http.server
import os
import subprocess
import sys
import threading

import pytest

from lumiere_jax.parallel import machine

_VARIABLES = (
  *("TPU_ACCELERATOR_TYPE", "TPU_WORKER_HOSTNAMES", "TPU_PROCESS_ADDRESSES"),
  *("MEGASCALE_NUM_SLICES", "TPU_SKIP_MDS_QUERY", "GCE_METADATA_IP"),
)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
  for name in _VARIABLES:
    monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
  ("env", "said", "is_one"),
  [
    ({}, {}, False),
    ({"TPU_WORKER_HOSTNAMES": "localhost"}, {}, False),
    ({"TPU_WORKER_HOSTNAMES": "a,b"}, {}, True),
    ({"TPU_PROCESS_ADDRESSES": "a:1,b:1"}, {}, True),
    ({"TPU_WORKER_HOSTNAMES": "a", "MEGASCALE_NUM_SLICES": "2"}, {}, True),
    ({}, {"worker-network-endpoints": "x:1:10.0.0.2"}, False),
    ({}, {"worker-network-endpoints": "x:1:10.0.0.2,y:2:10.0.0.3"}, True),
    ({}, {"tpu-env": "MEGASCALE_NUM_SLICES: '2'"}, True),
    # What GKE gives to a pod of one machine, whatever others say.
    (
      {"TPU_WORKER_HOSTNAMES": "localhost"},
      {"worker-network-endpoints": "a,b"},
      False,
    ),
  ],
)
def test_a_worker_knows_whether_there_are_others(
  monkeypatch, env, said, is_one
):
  for name, value in env.items():
    monkeypatch.setenv(name, value)
  assert machine.is_one_of_many(said.get) == is_one


@pytest.mark.parametrize(
  ("cores", "nproc", "after"),
  [(1, None, 2), (1, "4", 4), (2, None, 2), (3, None, 3), (8, "1", 2)],
)
def test_jax_has_two_threads_at_least(monkeypatch, cores, nproc, after):
  monkeypatch.setattr(
    os, "sched_getaffinity", lambda _: set(range(cores)), raising=False
  )
  monkeypatch.setenv("NPROC", nproc or "")
  machine.ensure_two_threads()
  assert machine.compute_threads() == after


def test_the_environment_is_asked_before_the_machine(monkeypatch):
  said = {"accelerator-type": "v5litepod-16"}
  assert machine.accelerator_type(said.get) == "v5litepod-16"
  monkeypatch.setenv("TPU_ACCELERATOR_TYPE", "v6e-8")
  assert machine.accelerator_type(said.get) == "v6e-8"
  assert machine.accelerator_type(lambda name: None) == "v6e-8"


class _Metadata(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    is_known = self.path.endswith("/attributes/accelerator-type")
    is_asked = self.headers["Metadata-Flavor"] == "Google"
    self.send_response(200 if is_known and is_asked else 404)
    self.end_headers()
    self.wfile.write(b"v4-16" if is_known else b"")

  def log_message(self, *_):
    pass


def test_a_machine_with_chips_is_asked_on_its_own_address(
  monkeypatch, tmp_path
):
  server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Metadata)
  threading.Thread(target=server.serve_forever, daemon=True).start()
  monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{server.server_port}")
  try:
    assert machine.attribute("accelerator-type") is None  # no chips here
    chip = tmp_path / "accel0"
    chip.touch()
    monkeypatch.setattr(machine, "_CHIPS", (str(chip),))
    assert machine.attribute("accelerator-type") == "v4-16"
    assert machine.accelerator_type() == "v4-16"
    assert machine.attribute("worker-network-endpoints") is None
    monkeypatch.setenv("TPU_SKIP_MDS_QUERY", "1")
    assert machine.attribute("accelerator-type") is None
  finally:
    server.shutdown()
    server.server_close()
  monkeypatch.delenv("TPU_SKIP_MDS_QUERY")
  assert machine.attribute("accelerator-type") is None  # nobody answers


def test_here_there_are_no_chips_and_nobody_to_join():
  if machine.has_tpu():
    pytest.skip("this machine has chips")
  assert machine.accelerator_type() is None
  assert not machine.is_one_of_many()


@pytest.mark.parametrize(
  ("installed", "tpu", "gpu", "before", "after"),
  [
    (True, False, False, None, "cpu"),
    (True, True, False, None, None),
    (True, False, True, None, None),
    (False, False, False, None, None),
    (True, False, False, "tpu", "tpu"),
  ],
  ids=["compiler alone", "a TPU", "a GPU", "no compiler", "asked for"],
)
def test_an_absent_tpu_is_not_looked_for(
  installed, tpu, gpu, before, after, monkeypatch, tmp_path
):
  monkeypatch.setattr(
    machine.importlib.util, "find_spec", lambda name: installed or None
  )
  monkeypatch.setattr(machine, "has_tpu", lambda: tpu)
  monkeypatch.setattr(
    machine, "_GPUS", (str(tmp_path if gpu else tmp_path / "none"),)
  )
  monkeypatch.delenv("JAX_PLATFORMS")
  if before:
    monkeypatch.setenv("JAX_PLATFORMS", before)
  machine.avoid_absent_tpu()
  assert os.environ.get("JAX_PLATFORMS") == after


_HOLDS = """
import ctypes
from lumiere_jax.comparison import peer_protocol
from lumiere_jax.parallel import machine

def resident():
  words = peer_protocol.STATUS.read_text().split()
  return int(words[words.index("VmRSS:") + 1]) / 1024

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
pieces = [library.malloc(4000) for _ in range(16_000)]
for piece in pieces:
  ctypes.memset(piece, 1, 4000)
for piece in pieces[:-1]:  # the last one keeps the heap from shrinking
  library.free(piece)
before = resident()
machine.give_back_memory()
print(before - resident())
"""


@pytest.mark.skipif(
  not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not glibc"
)
def test_what_is_freed_and_kept_goes_back_to_the_system():
  done = subprocess.run(
    [sys.executable, "-c", _HOLDS], capture_output=True, text=True, check=True
  )
  assert 50 < float(done.stdout) < 70  # of 61 MiB


def test_another_c_library_is_left_alone(monkeypatch):
  monkeypatch.setattr(machine.ctypes, "CDLL", lambda name: object())
  machine.give_back_memory()
