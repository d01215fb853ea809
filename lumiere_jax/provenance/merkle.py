"""Merkle trees: one hash that stands for a list of lines, and short proofs.

The tree is that of RFC 6962, section 2.1, with SHA-256.  A leaf is
H(0x00 || data), a node H(0x01 || left || right), so that neither passes for
the other; the left subtree is the largest full one that leaves something for
the right.  Whoever knows the root and the proof of a line needs nothing else
to see that the line is in the list; whoever knows the root of a list sees
that a longer one begins with it.

All is done in one pass over the leaves and in memory that grows with the
logarithm of their number.
"""

from collections.abc import Iterable, Iterator
import hashlib

HASH_SIZE = 32  # bytes
Range = tuple[int, int]  # leaves [start, stop)


def leaf_hash(data: bytes) -> bytes:
  """Hash of a leaf."""
  return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
  """Hash of a node above two others."""
  return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
  """Root of a list that is still growing, in O(log n) memory.

  Attributes:
    size: leaves so far.
  """

  def __init__(self):
    self.size = 0
    # Roots of full subtrees, from left to right; their sizes are the powers
    # of two in `size`, from the largest to the smallest.
    self._full: list[bytes] = []

  def add(self, data: bytes) -> None:
    """Appends a leaf."""
    self.add_hash(leaf_hash(data))

  def add_hash(self, hashed: bytes) -> None:
    """Appends a leaf of which the hash is known."""
    filled = self.size
    while filled & 1:  # as a binary counter carries
      hashed = node_hash(self._full.pop(), hashed)
      filled >>= 1
    self._full.append(hashed)
    self.size += 1

  def root(self) -> bytes:
    """Root of what was added so far: 32 bytes."""
    if not self._full:
      return hashlib.sha256().digest()
    *rest, total = self._full
    for left in reversed(rest):
      total = node_hash(left, total)
    return total


def root(leaves: Iterable[bytes]) -> bytes:
  """Root over the data of leaves: 32 bytes."""
  tree = Tree()
  for data in leaves:
    tree.add(data)
  return tree.root()


def prove(leaves: Iterable[bytes], index: int, size: int) -> list[bytes]:
  """Proof that leaf `index` is in the tree: hashes from the leaf upwards.

  Args:
    leaves: data of all leaves; as many as `size`.
    index: of the leaf, from 0.
    size: number of leaves.

  Raises:
    ValueError: there are not as many leaves, or none of that index.
  """
  if not 0 <= index < size:
    raise ValueError(f"leaf {index} of {size} does not exist")
  return _roots(leaves, list(_beside(index, 0, size)), size)


def root_from(
  leaf: bytes, index: int, size: int, path: Iterable[bytes]
) -> bytes | None:
  """The root that a proof leads to; None if it is not of the right length."""
  path = list(path)
  if not 0 <= index < size or len(path) != len(list(_beside(index, 0, size))):
    return None
  return _climb(leaf_hash(leaf), index, size, path)


def prove_growth(leaves: Iterable[bytes], old: int, new: int) -> list[bytes]:
  """Proof that the first `old` of `new` leaves are a list known before.

  Raises:
    ValueError: there are not as many leaves, or fewer than before.
  """
  if not 0 < old <= new:
    raise ValueError(f"a list of {new} did not grow from {old}")
  return _roots(leaves, list(_between(old, 0, new, True)), new)


def check_growth(
  old: int, old_root: bytes, new: int, new_root: bytes, path: Iterable[bytes]
) -> bool:
  """Whether the list of `new_root` begins with that of `old_root`."""
  path = list(path)
  if not 0 < old <= new or len(path) != len(list(_between(old, 0, new, True))):
    return False
  return _climb_both(old, new, old_root, path, True) == (old_root, new_root)


def _split(size: int) -> int:
  """Size of the left subtree: the largest power of two below `size`."""
  return 1 << (size - 1).bit_length() - 1


def _beside(index: int, start: int, size: int) -> Iterator[Range]:
  """Ranges of leaves whose roots prove a leaf, from the leaf upwards."""
  if size == 1:
    return
  left = _split(size)
  middle, stop = start + left, start + size
  if index < left:
    yield from _beside(index, start, left)
    yield middle, stop
  else:
    yield from _beside(index - left, middle, size - left)
    yield start, middle


def _between(old: int, start: int, size: int, is_known: bool):
  """Ranges whose roots prove growth, as in RFC 6962, section 2.1.2."""
  if old == size:
    if not is_known:
      yield start, start + size
    return
  left = _split(size)
  middle, stop = start + left, start + size
  if old <= left:
    yield from _between(old, start, left, is_known)
    yield middle, stop
  else:
    yield from _between(old - left, middle, size - left, False)
    yield start, middle


def _roots(leaves: Iterable[bytes], ranges: list[Range], size: int):
  """Root of each range; the ranges do not overlap."""
  trees = {start: (stop, Tree()) for start, stop in ranges}
  stop, tree, count = 0, None, 0
  for index, data in enumerate(leaves):
    count += 1
    if index in trees:
      stop, tree = trees[index]
    if index < stop:
      tree.add(data)
  if count != size:
    raise ValueError(f"there are {count} leaves, not {size}")
  return [trees[start][1].root() for start, _ in ranges]


def _climb(hashed: bytes, index: int, size: int, path: list[bytes]) -> bytes:
  if size == 1:
    return hashed
  *path, beside = path
  left = _split(size)
  if index < left:
    return node_hash(_climb(hashed, index, left, path), beside)
  return node_hash(beside, _climb(hashed, index - left, size - left, path))


def _climb_both(old: int, size: int, old_root, path, is_known: bool):
  """Roots of the first `old` leaves and of all, of a subtree of `size`."""
  if old == size:
    whole = old_root if is_known else path[0]
    return whole, whole
  *path, beside = path
  left = _split(size)
  if old <= left:
    before, now = _climb_both(old, left, old_root, path, is_known)
    return before, node_hash(now, beside)
  before, now = _climb_both(old - left, size - left, old_root, path, False)
  return node_hash(beside, before), node_hash(beside, now)
