"""Weights that ship with the package are found by name."""

import pathlib

from lumiere_jax import shipped


def test_a_name_is_a_folder_that_holds_weights(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  for name in ("mini", "empty"):
    (tmp_path / "inside" / name).mkdir(parents=True)
  (tmp_path / "inside" / "mini" / "base.safetensors").touch()
  monkeypatch.setattr(shipped, "_HERE", tmp_path / "inside")
  assert shipped.names() == ("mini",)
  assert shipped.find("mini") == tmp_path / "inside" / "mini"
  for other in ("empty", "out/run"):
    assert shipped.find(other) == pathlib.Path(other)


def test_a_folder_of_the_persons_own_comes_first(tmp_path, monkeypatch):
  (tmp_path / "inside" / "mini").mkdir(parents=True)
  (tmp_path / "inside" / "mini" / "base.safetensors").touch()
  monkeypatch.setattr(shipped, "_HERE", tmp_path / "inside")
  monkeypatch.chdir(tmp_path)
  (tmp_path / "mini").mkdir()
  assert shipped.find("mini") == pathlib.Path("mini")
