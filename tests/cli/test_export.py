"""`lumiere export` writes what `lumiere import` and others read."""

import foreign_pipelines
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import main
from lumiere_jax.interop import shelves
from lumiere_jax.stages import weights


def test_both_formats(tmp_path, capsys):
  drawn = foreign_pipelines.write_unet(tmp_path / "unet")
  run = lambda *words: main.main([str(word) for word in words])
  w, again = tmp_path / "w", tmp_path / "again"
  run("import", "--source", tmp_path / "unet", "--out", w)
  run("export", "--weights", w, "--out", again, "--format", "diffusers")
  assert set(shelves.open_(again)) == set(drawn)
  run("export", "--weights", w, "--out", tmp_path / "x.safetensors")
  digest = weights.load(w, ())[2]
  assert weights.load(tmp_path / "x.safetensors", ())[2] == digest
  assert f"weights {digest[:12]} in float32" in capsys.readouterr().out


def test_a_format_that_is_none_is_refused(tmp_path):
  from lumiere_jax.cli import export

  words = ["--weights", "x", "--out", "y", "--format", "onnx"]
  with pytest.raises(errors.ConfigError, match="format is 'onnx'"):
    export.main(words)
