import hashlib

import pytest

from lumiere_jax.provenance import merkle

# The leaves that Certificate Transparency's own tests use.
LEAVES = [
  bytes.fromhex(leaf)
  for leaf in (
    *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
    "606162636465666768696a6b6c6d6e6f",
  )
]


def test_known_roots():
  assert merkle.root(LEAVES[:1]).hex() == (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
  )
  assert merkle.root(LEAVES).hex() == (
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
  )


def _plain_root(leaves):
  """The definition of RFC 6962, word by word."""
  sha256 = lambda data: hashlib.sha256(data).digest()
  if not leaves:
    return sha256(b"")
  if len(leaves) == 1:
    return sha256(b"\0" + leaves[0])
  k = 1
  while 2 * k < len(leaves):
    k *= 2
  return sha256(b"\1" + _plain_root(leaves[:k]) + _plain_root(leaves[k:]))


def _leaves(size):
  return [str(k).encode() for k in range(size)]


def test_one_leaf_by_hand():
  assert merkle.root([b"a"]) == hashlib.sha256(b"\0a").digest()
  assert merkle.root([]) == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", range(20))
def test_streaming_gives_the_root_of_the_definition(size):
  assert merkle.root(_leaves(size)) == _plain_root(_leaves(size))
  assert merkle.root(LEAVES[:size]) == _plain_root(LEAVES[:size])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_each_leaf_is_proved_and_no_other(size):
  leaves = _leaves(size)
  root = merkle.root(leaves)
  for index, leaf in enumerate(leaves):
    path = merkle.prove(leaves, index, size)
    assert merkle.root_from(leaf, index, size, path) == root
    assert merkle.root_from(b"x", index, size, path) != root
    for wrong in range(size):
      if wrong != index:
        assert merkle.root_from(leaf, wrong, size, path) != root


def test_a_proof_that_was_changed_leads_elsewhere():
  leaves = _leaves(11)
  path = merkle.prove(leaves, 4, 11)
  root = merkle.root(leaves)
  for k in range(len(path)):
    changed = [*path[:k], bytes(32), *path[k + 1 :]]
    assert merkle.root_from(leaves[4], 4, 11, changed) != root
  assert merkle.root_from(leaves[4], 4, 11, path[:-1]) is None
  assert merkle.root_from(leaves[4], 4, 11, [*path, bytes(32)]) is None
  assert merkle.root_from(leaves[4], 11, 11, path) is None


def test_a_node_does_not_pass_for_a_leaf():
  a, b, c, d = _leaves(4)
  pair = merkle.leaf_hash(c) + merkle.leaf_hash(d)
  assert merkle.root([a, b, pair]) != merkle.root([a, b, c, d])


def test_a_proof_is_as_long_as_the_tree_is_high():
  assert len(merkle.prove(_leaves(1000), 3, 1000)) == 10
  assert len(merkle.prove(_leaves(1024), 1023, 1024)) == 10


@pytest.mark.parametrize("new", [1, 2, 6, 7, 8, 13])
def test_growth_is_proved(new):
  leaves = _leaves(new)
  for old in range(1, new + 1):
    path = merkle.prove_growth(leaves, old, new)
    roots = merkle.root(leaves[:old]), merkle.root(leaves)
    check = lambda a, b, old=old, p=path: merkle.check_growth(old, a, new, b, p)
    assert check(*roots)
    assert not check(bytes(32), roots[1])
    assert not check(roots[0], bytes(32))


def test_a_list_that_was_rewritten_did_not_grow():
  old, new = _leaves(6), _leaves(9)
  new[2] = b"another"
  path = merkle.prove_growth(new, 6, 9)
  roots = merkle.root(old), merkle.root(new)
  assert not merkle.check_growth(6, roots[0], 9, roots[1], path)
  assert not merkle.check_growth(6, roots[0], 9, roots[1], path[1:])
  assert not merkle.check_growth(9, roots[0], 6, roots[1], path)


def test_what_is_not_there_is_not_proved():
  with pytest.raises(ValueError, match="leaf 3 of 3 does not exist"):
    merkle.prove(_leaves(3), 3, 3)
  with pytest.raises(ValueError, match="there are 3 leaves, not 4"):
    merkle.prove(_leaves(3), 0, 4)
  with pytest.raises(ValueError, match="a list of 3 did not grow from 4"):
    merkle.prove_growth(_leaves(3), 4, 3)
