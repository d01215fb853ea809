"""The compiler's refusal of a program that does not fit, as numbers.

It says so in two ways. Before buffers have places, and that is where nearly all
of ours end, with two numbers and nothing else:

  Ran out of memory on HBM, the total memory required for HLO temporaries
  (18.88G) exceeds available HBM (15.75G).

"HLO temporaries" are arguments and results too. Later, and for VMEM, with a
list of the largest allocations:

  Ran out of memory in memory space vmem. Used 193.82M of 128.00M vmem. ...
    1. Size: 64.00M
       Operator: op_name="jit(f)/pallas_call"
       Shape: u8[67108864]{0}
"""

import dataclasses
import re

_NUMBER = r"([\d.]+)([BKMGT]?)"
_EARLY = re.compile(
  rf"Ran out of memory on (\w+), .*?\({_NUMBER}\) exceeds available \w+ "
  rf"\({_NUMBER}\)",
  re.IGNORECASE,
)
_LATE = re.compile(
  rf"Ran out of memory in memory space (\w+)\. Used {_NUMBER} of {_NUMBER}"
)
_ENTRY = re.compile(rf"^ *\d+\. Size: {_NUMBER}$", re.MULTILINE)
_UNITS = {unit: 1024**power for power, unit in enumerate("BKMGT")} | {"": 1}


@dataclasses.dataclass(frozen=True)
class Allocation:
  """One of the largest allocations of a program that was refused.

  Attributes:
    nbytes: with padding.
    op_name: path of names from the JAX program, or "".
    shape: as printed, with its layout, or "".
    kind: such as "HLO temp", or "".
    label: the instruction, as the compiler prints it, or "".
  """

  nbytes: int
  op_name: str
  shape: str
  kind: str
  label: str


@dataclasses.dataclass(frozen=True)
class OutOfMemory:
  """A refusal.

  Attributes:
    space: "hbm", or "vmem" for a kernel or fusion whose tiles are too large.
    used: bytes a device that the program asked for.
    limit: bytes that there are.
    largest: the largest allocations first; empty in the early form.
  """

  space: str
  used: int
  limit: int
  largest: tuple[Allocation, ...] = ()


def parse(error: BaseException | str) -> OutOfMemory | None:
  """Reads what `compile()` raised; None if it is about something else."""
  text = str(error)
  for form in (_LATE, _EARLY):
    if found := form.search(text):
      space, used, used_unit, limit, limit_unit = found.groups()
      return OutOfMemory(
        space.lower(),
        _bytes(used, used_unit),
        _bytes(limit, limit_unit),
        _largest(text),
      )
  return None


def _largest(text: str) -> tuple[Allocation, ...]:
  entries = list(_ENTRY.finditer(text))
  ends = [entry.start() for entry in entries[1:]] + [len(text)]
  found = [
    _allocation(entry, text[entry.end() : end])
    for entry, end in zip(entries, ends, strict=False)  # none has one end
  ]
  return tuple(sorted(found, key=lambda one: -one.nbytes))


def _allocation(entry: re.Match, text: str) -> Allocation:
  def field(name: str) -> str:
    found = re.search(rf"^ *{name}: (.*)$", text, re.MULTILINE)
    return found[1] if found else ""

  operator = re.search(r'op_name="([^"]*)"', field("Operator"))
  return Allocation(
    nbytes=_bytes(*entry.groups()),
    op_name=operator[1] if operator else "",
    shape=field("Shape"),
    kind=field("Allocation type"),
    label=field("XLA label"),
  )


def _bytes(number: str, unit: str) -> int:
  return round(float(number) * _UNITS[unit])
