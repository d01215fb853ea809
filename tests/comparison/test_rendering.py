"""The renderer's speed is measured, whatever it is."""

import json

from lumiere_jax.cli import compare


def test_a_row_for_each_size(tmp_path, capsys):
  out = ["--out", str(tmp_path)]
  compare.main(["rendering", *out, "--sizes", "16", "18", "--clips", "2"])
  rows = json.loads((tmp_path / "rendering.json").read_text())
  assert [row["size"] for row in rows] == [16, 18]
  assert all(row["least"] <= row["median"] <= row["most"] for row in rows)
  assert capsys.readouterr().out.count("clips of 80 frames a second") == 2
