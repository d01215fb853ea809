import pytest

from lumiere_jax.aot import hlo
from lumiere_jax.aot import traffic

TILE = 8 * 128 * 4

PROGRAM = """HloModule traffic

%slices (p: f32[7,8,128], i: s32[]) -> f32[8,128] {
  %p = f32[7,8,128]{2,1,0:T(8,128)} parameter(0)
  %i = s32[] parameter(1)
  %zero = s32[] constant(0)
  %s = f32[1,8,128]{2,1,0:T(8,128)} dynamic-slice(%p, %i, %zero, %zero)
  ROOT %b = f32[8,128]{1,0:T(8,128)} bitcast(%s)
}

%updates (q: f32[7,8,128], u: f32[1,8,128], j: s32[]) -> f32[7,8,128] {
  %q = f32[7,8,128]{2,1,0:T(8,128)} parameter(0)
  %u = f32[1,8,128]{2,1,0:T(8,128)} parameter(1)
  %j = s32[] parameter(2)
  %none = s32[] constant(0)
  ROOT %d = f32[7,8,128]{2,1,0:T(8,128)} dynamic-update-slice(%q, %u, %j, %none, %none)
}

%nested (r: f32[7,8,128], k: s32[]) -> f32[8,128] {
  %r = f32[7,8,128]{2,1,0:T(8,128)} parameter(0)
  %k = s32[] parameter(1)
  %f = f32[8,128]{1,0:T(8,128)} fusion(%r, %k), kind=kLoop, calls=%slices
  ROOT %n = f32[8,128]{1,0:T(8,128)} negate(%f)
}

ENTRY %main (a: f32[7,8,128], x: f32[1,8,128], y: s32[]) -> f32[8,128] {
  %a = f32[7,8,128]{2,1,0:T(8,128)} parameter(0)
  %x = f32[1,8,128]{2,1,0:T(8,128)} parameter(1)
  %y = s32[] parameter(2)
  %slice = f32[8,128]{1,0:T(8,128)} fusion(%a, %y), kind=kLoop, calls=%slices
  %update = f32[7,8,128]{2,1,0:T(8,128)} fusion(%a, %x, %y), kind=kLoop, calls=%updates
  %inside = f32[8,128]{1,0:T(8,128)} fusion(%a, %y), kind=kLoop, calls=%nested
  %narrow = f32[8,64]{1,0:T(8,128)} slice(%slice), slice={[0:8], [0:64]}
  %start = (f32[8,128]{1,0:T(8,128)S(1)}, f32[8,128]{1,0:T(8,128)}, u32[]) copy-start(%slice)
  %done = f32[8,128]{1,0:T(8,128)S(1)} copy-done(%start)
  ROOT %sum = f32[8,128]{1,0:T(8,128)} add(%inside, %done)
}
"""  # noqa: E501


@pytest.mark.parametrize(
  ("name", "tiles", "index"),
  [
    ("a", 0, 0),
    ("slice", 2, 1),  # of seven tiles one is read
    ("update", 3, 1),  # the tile, where it goes, and what was there
    ("inside", 2, 1),
    ("narrow", 2, 0),  # half of each tile is padding
    ("start", 2, 0),
    ("done", 2, 0),
    ("sum", 3, 0),
  ],
)
def test_bytes_are_counted_in_tiles(name, tiles, index):
  module = hlo.parse(PROGRAM)
  one = module.entry.instructions[name]
  found = traffic.of(module, module.entry, one)
  assert found == tiles * TILE + index * 4
