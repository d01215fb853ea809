"""A worker of the comparison that computes nothing and needs nothing."""

import argparse
import sys
import time

from lumiere_jax.comparison import peer_protocol

DEVICE = []
SECONDS = {"jit": 0.1, "eager": 0.3, "compile": 0.2}


def make(case, mode):
  if case["task"] == "base" and mode == "compile":
    raise ValueError("no such thing\nand more")
  if case["task"] == "ssr" and mode == "eager":
    sys.exit(3)
  print("libraries print what they like")
  return peer_protocol.Work(
    run=lambda: time.sleep(SECONDS[mode]),
    parameters=1000 if mode == "jit" else 1010,
    flops=2e6 if mode == "jit" else 2.2e6 if mode == "compile" else 2.05e6,
    peak_mib=(lambda: 1000 * SECONDS[mode]) if DEVICE == ["gpu"] else None,
  )


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--mode", default="jit")
  parser.add_argument("--threads", type=int)
  parser.add_argument("--device", choices=("cpu", "gpu"), required=True)
  told = parser.parse_args()
  DEVICE.append(told.device)
  hello = {"stand-in": "1.0"}
  if told.device == "gpu":
    hello["device"] = "NVIDIA H200"
  peer_protocol.serve(make, lambda: {"down_error": 0.25}, hello, told.mode)


if __name__ == "__main__":
  main()
