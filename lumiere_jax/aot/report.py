"""Plans as people and other programs read them."""

from collections.abc import Mapping, Sequence
import dataclasses
import json
import pathlib
import pickle

import jax
from jax.experimental import serialize_executable

from lumiere_jax import errors
from lumiere_jax.aot import plan as plans
from lumiere_jax.video import atomic


def text(one: plans.Plan) -> str:
  """A plan in a few lines."""
  lines = [
    headline(one),
    f"  memory    {memory(one)}",
  ]
  if not one.fits:
    lines += [f"            {name}" for name in one.largest]
    return "\n".join(lines)
  lines += [
    f"  FLOPs     {one.model_tflops:.4g} T a device by the mathematics, "
    f"{one.executed_tflops:.4g} T executed",
    f"  estimate  {speed(one)}",
  ]
  lines += [f"  network   {line}" for line in network(one)] or [
    "  network   nothing is sent"
  ]
  lines.append(
    f"  here      traced in {one.trace_seconds:.0f} s, compiled in "
    f"{one.compile_seconds:.0f} s at {one.effort} effort"
  )
  return "\n".join(lines)


def headline(one: plans.Plan) -> str:
  """What was compiled, and for where."""
  said = dict(one.what)
  mesh = ", ".join(f"{k} {v}" for k, v in said.pop("mesh").items())
  slices = f"{one.num_slices} x " if one.num_slices > 1 else ""
  rest = ", ".join(f"{k} {v}" for k, v in said.items() if v is not None)
  return f"{slices}{one.topology}, {one.num_devices} devices ({mesh}): {rest}"


def memory(one: plans.Plan) -> str:
  """Whether it fits, and what takes the room."""
  verdict = "fits" if one.fits else "DOES NOT FIT"
  parts = ", ".join(
    f"{name} {gib:.2f}" for name, gib in one.gib.items() if gib >= 0.005
  )
  return (
    f"{verdict}: {one.hbm_gib:.2f} of {one.hbm_limit_gib:.2f} GiB a device "
    f"({parts})"
  )


def speed(one: plans.Plan) -> str:
  """The compiler's own idea of time, called so."""
  if one.roofline_seconds is None:
    return "none: the compiler's time model knows no such chip"
  said = (
    f"{one.roofline_seconds:.3f} s by the compiler's roofline: "
    f"{one.executed_share:.1%} of peak executed, {one.mfu:.1%} MFU"
  )
  if one.effort == "full":
    ratio = one.roofline_seconds / one.cycle_seconds
    said += (
      f"; {one.cycle_seconds:.3f} s by its tiles: "
      f"{one.executed_share * ratio:.1%} and {one.mfu * ratio:.1%}"
    )
  return said


def network(one: plans.Plan) -> list[str]:
  """What each device sends, by network and kind."""
  return [
    f"{kind}: {sent['gib']:.3f} GiB in {sent['executions']:.0f}"
    for kind, sent in one.collectives.items()
  ]


def brief(one: plans.Plan) -> str:
  """One line."""
  if not one.fits:
    return f"does not fit, {one.hbm_gib:.1f} GiB"
  if one.roofline_seconds is None:
    return f"fits, {one.hbm_gib:.1f} GiB"
  return (
    f"fits, {one.hbm_gib:.1f} GiB, {one.executed_share:.1%} executed, "
    f"{one.mfu:.1%} MFU (compiler estimate)"
  )


def write(found: Sequence[plans.Plan], path: pathlib.Path) -> None:
  """Writes plans as JSON."""
  rows = [dataclasses.asdict(one) for one in found]
  atomic.write_text(path, json.dumps(rows, indent=1) + "\n")


def read(path: pathlib.Path) -> list[Mapping]:
  """Reads what `write` wrote, as plain values."""
  return json.loads(path.read_text(encoding="utf-8"))


def save_program(compiled: jax.stages.Compiled, path: pathlib.Path) -> None:
  """Writes a compiled program, for the same TPUs and the same jax."""
  atomic.write_bytes(
    path, pickle.dumps(serialize_executable.serialize(compiled))
  )


def load_program(path: pathlib.Path) -> jax.stages.Compiled:
  """Loads what `save_program` wrote, on the TPUs that it was made for.

  Pickle runs what it reads: load none but your own.

  Raises:
    ConfigError: it was made for other devices, or by another version.
  """
  try:
    with path.open("rb") as file:
      parts = pickle.load(file)
    return serialize_executable.deserialize_and_load(*parts)
  except (
    *(OSError, EOFError, pickle.UnpicklingError, TypeError),
    *(jax.errors.JaxRuntimeError, RuntimeError, ValueError),
  ) as error:
    reason = (str(error).splitlines() or ["unknown"])[0]
    raise errors.ConfigError(
      f"{path} is no program, or one for other devices or another jax "
      f"({reason}); make it again with lumiere plan --save, or leave it out."
    ) from error
