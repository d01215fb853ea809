"""Files that torch itself saves."""

import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.interop import shelves

torch = pytest.importorskip("torch")


def test_tensors_are_what_torch_saved(tmp_path):
  layer = torch.nn.Linear(3, 2)
  held = layer.state_dict() | {
    "half": torch.arange(4).half(),
    "brain": torch.arange(4).bfloat16(),
    "slice": torch.arange(12.0).reshape(3, 4)[1:],
    "one": torch.tensor(3),
    "buffer": torch.nn.Parameter(torch.ones(1, 1, 2)),
  }
  torch.save(held, tmp_path / "pytorch_model.bin")
  shelf = shelves.open_(tmp_path, allow_pickle=True)
  assert sorted(shelf) == sorted(held)
  for name, tensor in held.items():
    got = shelf[name].read()
    assert got.shape == tuple(tensor.shape)
    want = tensor.detach().double().numpy()
    np.testing.assert_array_equal(got.astype(np.float64), want)


def test_a_whole_module_is_no_table(tmp_path):
  torch.save(torch.nn.Linear(3, 2), tmp_path / "model.bin")
  with pytest.raises(errors.WeightsError, match=r"asks for torch\.nn"):
    shelves.open_(tmp_path, allow_pickle=True)
