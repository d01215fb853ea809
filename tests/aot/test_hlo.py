import pytest
import toy_programs

from lumiere_jax.aot import hlo

LINES = """HloModule toy, is_scheduled=true, num_partitions=4

FileNames
1 "toy.py"

FunctionNames
1 "f"

FileLocations
1 {file_name_id=1 function_name_id=1 line=20 end_line=20 column=6 end_column=6}

StackFrames
1 {file_location_id=1 parent_frame_id=1}


%inner (p: bf16[8,64]) -> bf16[8,64] {
  %p = bf16[8,64]{1,0:T(8,128)(2,1)} parameter(0)
  ROOT %neg = bf16[8,64]{1,0:T(8,128)(2,1)} negate(%p)
}

ENTRY %main (a: bf16[8,64]) -> (bf16[8,64], s32[]) {
  %a = bf16[8,64]{1,0:T(8,128)(2,1)S(5)} parameter(0)
  %c = s32[]{:T(128)} constant(7)
  %f.1 = bf16[8,64]{1,0:T(8,128)(2,1)S(1)} fusion(%a), kind=kLoop, """ + (
  'calls=%inner, frontend_attributes={x="a"}, metadata={op_name="jit(f)/neg" '
  'stack_frame_id=1}, backend_config={"window_config":'
  '{"estimated_cycles":"1234"},"calls=%no":1}\n'
  "  ROOT %t = (bf16[8,64]{1,0:T(8,128)(2,1)}, /*index=1*/s32[]{:T(128)}) "
  "tuple(%f.1, /*index=1*/%c)\n"
  "}\n"
)


@pytest.fixture(name="module")
def parsed():
  return hlo.parse(LINES)


def test_computations_and_their_instructions_are_found(module):
  assert list(module.computations) == ["inner", "main"]
  assert module.entry is module.computations["main"]
  assert [one.opcode for one in module.entry] == [
    "parameter",
    "constant",
    "fusion",
    "tuple",
  ]
  assert module.entry.root.name == "t"
  assert module.num_partitions == 4


def test_an_instruction_has_operands_callees_cycles_and_a_source(module):
  fusion = module.entry.instructions["f.1"]
  assert fusion.operands == ("a",)
  assert fusion.called == (("calls", "inner"),)
  assert fusion.cycles == 1234
  assert fusion.op_name == "jit(f)/neg"
  assert fusion.attribute("kind") == "kLoop"
  assert fusion.attribute("frontend_attributes") == 'x="a"'
  assert fusion.attribute("window") == ""
  assert module.source(fusion) == "toy.py:20"
  assert module.source(module.entry.root) == ""
  assert module.entry.root.operands == ("f.1", "c")
  assert module.entry.root.cycles is None


def test_a_shape_has_bytes_with_and_without_padding(module):
  shape = module.entry.instructions["f.1"].shape
  assert (shape.dtype, shape.dims, shape.space) == ("bf16", (8, 64), 1)
  assert shape.nbytes == 8 * 64 * 2
  assert shape.padded_bytes == 8 * 128 * 2  # 64 lanes of 128
  assert module.entry.instructions["a"].shape.space == hlo.HOST_SPACE
  assert module.entry.root.nbytes == 8 * 64 * 2 + 4


@pytest.mark.parametrize(
  ("text", "nbytes", "padded"),
  [
    ("pred[]", 1, 1),
    ("f32[3,5]{1,0:T(8,128)}", 60, 8 * 128 * 4),
    ("f32[3,5]{0,1:T(8,128)}", 60, 8 * 128 * 4),
    ("bf16[9,200]{1,0:T(8,128)(2,1)}", 3600, 16 * 256 * 2),
    ("f32[200]{0:T(256)}", 800, 1024),
    ("s4[8]", 4, 4),
    ("f8e4m3fn[8]", 8, 8),
    ("u32[2]{0:S(4)}", 8, 8),
    ("token[]", 0, 0),
  ],
)
def test_bytes_of_a_shape(text, nbytes, padded):
  one = hlo.Instruction("x", "add", False, text, "", "")
  assert (one.nbytes, one.padded_bytes) == (nbytes, padded)


def test_cycles_that_the_model_does_not_know_are_none():
  config = 'backend_config={"estimated_cycles":"9223372036854775807"}'
  one = hlo.Instruction("x", "fusion", False, "f32[]", "", config)
  assert one.cycles is None


@pytest.mark.parametrize("name", toy_programs.PROGRAMS)
def test_every_line_of_a_real_program_is_read(name):
  text = toy_programs.text(name)
  module = hlo.parse(text)
  lines = [
    line
    for line in text.splitlines()
    if line.startswith("  ") and " = " in line
  ]
  assert sum(len(one.instructions) for one in module.computations.values()) == (
    len(lines)
  )
  for computation in module.computations.values():
    assert computation.root.is_root
    for one in computation:
      assert {*one.operands} <= {*computation.instructions}
      assert {name for _, name in one.called} <= {*module.computations}


def test_other_text_is_refused():
  with pytest.raises(ValueError, match="no ENTRY computation"):
    hlo.parse("module {}")
