"""The optimised program as the TPU compiler prints it, read into objects.

`parse(compiled.as_text())` gives computations and their instructions. Text of
full-size programs is 50 to 200 MB, so lines are cut once, with one regular
expression each, and shapes and attributes are looked into only when asked for.

  %dot.3 = bf16[8,64]{1,0:T(8,128)} convolution(%a, %b), dim_labels=bf_io->bf,
   name    shape                    opcode      operands  attributes
    metadata={op_name="jit(f)/dot" stack_frame_id=2}, backend_config={...}
"""

from collections.abc import Iterator
import dataclasses
import functools
import gc
import math
import re

_INSTRUCTION = re.compile(
  r"\s+(ROOT )?%?([\w.\-]+) = (.*?) ([a-z][a-z0-9\-]*)\("
)
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\{$")
_LEAF = re.compile(r"([a-z][a-z0-9]*)\[([\d,<=]*)\](\{[^}]*\})?")
_LAYOUT = re.compile(r"\{([\d,]*)(?::T\(([\d,]+)\))?")
_SPACE = re.compile(r"S\((\d+)\)")
_CALLS = re.compile(
  r"(calls|to_apply|body|condition|branch_computations|true_computation|"
  r"false_computation|called_computations)=(?:%([\w.\-]+)|\{([^}]*)\})"
)
_NAME = re.compile(r"%([\w.\-]+)")
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_OP_NAME = re.compile(r'op_name="((?:[^"\\]|\\.)*)"')
_FRAME = re.compile(r"stack_frame_id=(\d+)")
_TABLE = re.compile(r"(\d+) (.+)")
_NUMBERS = re.compile(r"(\w+)=(\d+)")
_MAX_CYCLES = 2**62  # the cost model's way to say that it does not know
HOST_SPACE = 5


class _once:  # noqa: N801
  """`functools.cached_property` without the lock it takes in Python 3.11."""

  def __init__(self, compute):
    self._compute = compute
    self.__doc__ = compute.__doc__

  def __get__(self, instance, owner=None):
    if instance is None:
      return self
    value = self._compute(instance)
    instance.__dict__[self._compute.__name__] = value
    return value


@dataclasses.dataclass(frozen=True)
class Shape:
  """One array: element type, sizes, and the memory that it lives in.

  Attributes:
    dtype: as XLA writes it, such as "bf16".
    dims: sizes; empty for a scalar.
    order: axes from the fastest to the slowest in memory; empty if not said.
    tile: sizes of a tile over the fastest axes, slowest first; likewise.
    space: 0 is HBM, 1 VMEM, `HOST_SPACE` the host; others are small.
  """

  dtype: str
  dims: tuple[int, ...]
  order: tuple[int, ...] = ()
  tile: tuple[int, ...] = ()
  space: int = 0

  @_once
  def size(self) -> int:
    """Number of elements."""
    return math.prod(self.dims)

  @_once
  def nbytes(self) -> int:
    """Bytes of the elements, without the padding of tiles."""
    return -(-self.size * _bits(self.dtype) // 8)

  @_once
  def padded_bytes(self) -> int:
    """Bytes that it takes: the fastest axes fill whole tiles."""
    if not self.order:
      return self.nbytes
    sizes = [self.dims[axis] for axis in self.order]
    for index, tile in enumerate(reversed(self.tile[-len(sizes) :])):
      sizes[index] = -(-sizes[index] // tile) * tile
    return -(-math.prod(sizes) * _bits(self.dtype) // 8)


@dataclasses.dataclass
class Instruction:
  """One line of the program.

  Attributes:
    name: unique in its module, without the percent sign.
    opcode: such as "fusion".
    is_root: whether it is the value of its computation.
    shape_text: as printed.
    operand_text: between the parentheses.
    attributes: all that follows them.
  """

  name: str
  opcode: str
  is_root: bool
  shape_text: str
  operand_text: str
  attributes: str

  @_once
  def shapes(self) -> tuple[Shape, ...]:
    """The arrays of the result, depth first; one if it is not a tuple."""
    return tuple(_leaf(*found) for found in _LEAF.findall(self.shape_text))

  @property
  def shape(self) -> Shape:
    """The first array of the result."""
    return self.shapes[0]

  @_once
  def nbytes(self) -> int:
    """Bytes of all arrays of the result, without padding."""
    return sum(shape.nbytes for shape in self.shapes)

  @_once
  def padded_bytes(self) -> int:
    """Bytes of all arrays of the result, with the padding of tiles."""
    return sum(shape.padded_bytes for shape in self.shapes)

  @_once
  def operands(self) -> tuple[str, ...]:
    """Names of the operands."""
    return tuple(_NAME.findall(self.operand_text))

  @_once
  def called(self) -> tuple[tuple[str, str], ...]:
    """(how, computation) pairs, such as ("body", "region_1.2")."""
    return tuple(
      (how, name)
      for how, one, many in _CALLS.findall(self._before_config)
      for name in ([one] if one else _NAME.findall(many))
    )

  @property
  def cycles(self) -> int | None:
    """What the compiler thinks that it takes once; None if it does not say."""
    found = _CYCLES.search(self.attributes)
    cycles = int(found[1]) if found else _MAX_CYCLES
    return cycles if cycles < _MAX_CYCLES else None

  @property
  def op_name(self) -> str:
    """Path of names from the JAX program, "" where the compiler made it up."""
    found = _OP_NAME.search(self.attributes)
    return found[1] if found else ""

  @property
  def frame(self) -> int | None:
    """Number of its stack frame; see `Module.source`."""
    found = _FRAME.search(self.attributes)
    return int(found[1]) if found else None

  def attribute(self, name: str) -> str:
    """Text of an attribute such as "window", "" if it has none.

    Braces around the text are taken off.
    """
    found = re.search(rf"\b{name}=(\{{|)", self._before_config)
    if not found:
      return ""
    rest = self._before_config[found.end() :]
    if not found[1]:
      return re.match(r"[^,\s]*", rest)[0]
    return rest[: _closing(rest, "{", "}")]

  @property
  def _before_config(self) -> str:
    end = self.attributes.find("backend_config=")
    return self.attributes if end < 0 else self.attributes[:end]


@dataclasses.dataclass
class Computation:
  """Instructions in the order in which they are scheduled."""

  name: str
  instructions: dict[str, Instruction] = dataclasses.field(default_factory=dict)
  root: Instruction | None = None

  def __iter__(self) -> Iterator[Instruction]:
    return iter(self.instructions.values())

  def operand(self, instruction: Instruction, index: int) -> Instruction:
    """An operand of one of its instructions."""
    return self.instructions[instruction.operands[index]]

  @_once
  def parameters(self) -> dict[int, Instruction]:
    """Parameters by number."""
    return {
      int(one.operand_text): one for one in self if one.opcode == "parameter"
    }

  @_once
  def users(self) -> dict[str, list[Instruction]]:
    """Who takes each instruction as an operand."""
    found = {name: [] for name in self.instructions}
    for one in self:
      for operand in dict.fromkeys(one.operands):
        if operand in found:
          found[operand].append(one)
    return found


@dataclasses.dataclass
class Module:
  """A whole program.

  Attributes:
    computations: by name; those that are called come before their callers.
    entry: the one that runs.
    num_partitions: devices that run it together; of one slice where the
      program runs on several.
    frames: number of a stack frame to "file:line".
  """

  computations: dict[str, Computation]
  entry: Computation
  num_partitions: int = 1
  frames: dict[int, str] = dataclasses.field(default_factory=dict)

  def source(self, instruction: Instruction) -> str:
    """ "file:line" of the Python that asked for it, or ""."""
    return self.frames.get(instruction.frame, "")


def parse(text: str) -> Module:
  """Reads `compiled.as_text()`.

  Raises:
    ValueError: no entry computation, so this is not the text of a module.
  """
  # Millions of objects without a cycle: looking for cycles doubles the time.
  was_collecting = gc.isenabled()
  gc.disable()
  try:
    return _parse(text)
  finally:
    if was_collecting:
      gc.enable()


def _parse(text: str) -> Module:
  computations, entry, current, table = {}, None, None, ""
  tables = {"FileNames": {}, "FileLocations": {}, "StackFrames": {}}
  header, _, rest = text.partition("\n")
  for line in rest.splitlines():
    if current is not None:
      if found := _INSTRUCTION.match(line):
        one = _instruction(line, found)
        current.instructions[one.name] = one
        if one.is_root:
          current.root = one
      elif line.startswith("}"):
        current = None
    elif line.endswith("{") and (found := _COMPUTATION.match(line)):
      current = computations[found[2]] = Computation(found[2])
      entry = current if found[1] else entry
    elif found := _TABLE.match(line):
      tables.setdefault(table, {})[int(found[1])] = found[2]
    else:
      table = line.strip()
  if entry is None:
    raise ValueError("no ENTRY computation: this is not the text of a module")
  count = re.search(r"num_partitions=(\d+)", header)
  return Module(
    computations, entry, int(count[1]) if count else 1, _frames(tables)
  )


def _instruction(line: str, found: re.Match) -> Instruction:
  is_root, name, shape, opcode = found.groups()
  rest = line[found.end() :]
  end = _closing(rest, "(", ")")
  return Instruction(
    name, opcode, bool(is_root), shape, rest[:end], rest[end + 1 :]
  )


def _closing(text: str, opening: str, closing: str) -> int:
  """Where the bracket closes that was opened just before the text."""
  depth, start = 1, 0
  while (end := text.find(closing, start)) >= 0:
    depth += text.count(opening, start, end) - 1
    if not depth:
      return end
    start = end + 1
  return len(text)


def _frames(tables: dict) -> dict[int, str]:
  names = {key: name.strip('"') for key, name in tables["FileNames"].items()}
  places = {}
  for key, text in tables["FileLocations"].items():
    numbers = dict(_NUMBERS.findall(text))
    places[key] = (
      f"{names.get(int(numbers.get('file_name_id', 0)), '')}"
      f":{numbers.get('line', '')}"
    )
  return {
    key: places.get(
      int(dict(_NUMBERS.findall(text)).get("file_location_id", 0)), ""
    )
    for key, text in tables["StackFrames"].items()
  }


@functools.lru_cache(maxsize=2**16)
def _leaf(dtype: str, dims: str, layout: str) -> Shape:
  order, tile = _LAYOUT.match(layout).groups() if layout else ("", "")
  space = _SPACE.search(layout)
  return Shape(
    dtype,
    tuple(int(one.lstrip("<=")) for one in dims.split(",") if one),
    tuple(int(one) for one in order.split(",") if one),
    tuple(int(one) for one in (tile or "").split(",") if one),
    int(space[1]) if space else 0,
  )


@functools.lru_cache
def _bits(dtype: str) -> int:
  if dtype in ("pred", "token", "opaque"):
    return 8 if dtype == "pred" else 0
  found = re.match(r"[a-z]+(\d+)", dtype)
  return int(found[1]) if found else 0
