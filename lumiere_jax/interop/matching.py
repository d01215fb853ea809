"""Our parameters and another framework's tensors, one for one."""

from collections.abc import Callable, Iterator, Mapping
import dataclasses
import math

import numpy as np

from lumiere_jax import errors
from lumiere_jax.interop import arrange
from lumiere_jax.interop import tensors

Path = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Match:
  """A parameter of ours and the tensor that it is.

  Attributes:
    path: of ours.
    shape: likewise.
    tensor: theirs.
    arranged: whether axes change places on the way.
  """

  path: Path
  shape: tuple[int, ...]
  tensor: tensors.Tensor
  arranged: bool = True

  def read(self) -> np.ndarray:
    """Reads it and arranges its axes as ours; in the file's dtype."""
    array = self.tensor.read()
    if self.arranged:
      array = arrange.from_torch(array, len(self.shape))
    return array.reshape(self.shape)


def match(
  ours: Mapping[Path, tuple[int, ...]],
  shelf: Mapping[str, tensors.Tensor],
  theirs: Callable[[Path], str | None],
  arranged: Callable[[Path], bool] = lambda path: True,
) -> list[Match]:
  """Pairs every parameter with its tensor.

  Args:
    ours: path -> shape of each parameter.
    shelf: name -> tensor.
    theirs: path -> their name, None where they have none.
    arranged: path -> whether axes change places.

  Raises:
    WeightsError: a tensor is missing, of another shape, or holds no floats.
  """
  return list(_matches(ours, shelf, theirs, arranged))


def _matches(ours, shelf, theirs, arranged) -> Iterator[Match]:
  for path, shape in sorted(ours.items()):
    name = theirs(path)
    if name is None or name not in shelf:
      raise errors.WeightsError(
        f"there is no tensor {name or 'like it'} for {'/'.join(path)}; the "
        "weights and config.json are not of the same network."
      )
    tensor = shelf[name]
    is_arranged = arranged(path)
    want = arrange.torch_shape(shape) if is_arranged else tuple(shape)
    same = tensor.shape == want or (
      len(want) < 2 and math.prod(tensor.shape) == math.prod(want)
    )
    if not same:
      raise errors.WeightsError(
        f"{name} is {list(tensor.shape)} and config.json makes it "
        f"{list(want)}; the two are not of the same network."
      )
    if tensor.dtype.kind in "iub":
      raise errors.WeightsError(
        f"{name} holds {tensor.dtype}, and weights are floats; quantised "
        "weights are not read, give them in float32, float16 or bfloat16."
      )
    yield Match(path, tuple(shape), tensor, is_arranged)
