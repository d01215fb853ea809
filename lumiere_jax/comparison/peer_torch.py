"""What the workers in PyTorch share: where and how exactly it computes.

Runs in the peers' interpreter, never in ours.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

import torch
from torch.utils import flop_counter

from lumiere_jax.comparison import peer_cases
from lumiere_jax.comparison import peer_protocol


def serve(make, numerics, versions: Sequence[str]) -> None:
  """Answers for the device and the threads that the command line names."""
  parser = argparse.ArgumentParser()
  parser.add_argument("--mode", choices=("eager", "compile"), required=True)
  parser.add_argument("--threads", type=int, required=True)
  parser.add_argument("--device", choices=peer_cases.DEVICES, required=True)
  told = parser.parse_args()
  torch.set_num_threads(told.threads)
  hello = {name: metadata.version(name) for name in versions}
  if told.device == "gpu":
    torch.set_default_device("cuda")
    # As XLA does unasked; convolutions do so here, too.
    torch.set_float32_matmul_precision("high")
  peer_protocol.serve(make, numerics, hello, told.mode)


def work(
  case: Mapping[str, Any],
  run: Callable[[], Any],
  parameters: int,
  flops: int,
) -> peer_protocol.Work:
  """A job in the precision of its case, on the device of this process."""
  is_gpu = torch.get_default_device().type == "cuda"

  def placed():
    with precision(case):
      run()
    if is_gpu:
      torch.cuda.synchronize()

  return peer_protocol.Work(
    run=placed,
    parameters=parameters,
    flops=flops,
    peak_mib=peak_mib if is_gpu else None,
  )


def precision(case: Mapping[str, Any]) -> torch.autocast:
  """Weights stay float32, as ours do; what is multiplied may be shorter."""
  return torch.autocast(
    torch.get_default_device().type,
    dtype=torch.bfloat16,
    enabled=case["dtype"] == "bfloat16",
  )


def flops(run: Callable[[], Any]) -> int:
  """Of one run, by PyTorch's own count."""
  with flop_counter.FlopCounterMode(display=False) as counter:
    run()
  return counter.get_total_flops()


def peak_mib() -> float:
  """Largest memory of tensors on the GPU so far, in MiB."""
  return torch.cuda.max_memory_allocated() / 2**20
