"""What a save costs is measured on a save that is whole."""

import json

import pytest

from lumiere_jax.comparison import saving


def test_a_small_state_is_measured(tmp_path, capsys):
  saving.run(tmp_path, saving.Plan(gigabytes=0.01, rounds=2, side=64))
  rows = json.loads((tmp_path / "saving.json").read_text())
  assert len(rows) == 2
  for row in rows:
    assert 0.009 < row["gigabytes"] < 0.011
    assert 0 < row["sealing"] < row["background"]
    assert row["sealing_share"] == pytest.approx(
      row["sealing"] / (row["blocked"] + row["background"])
    )
  assert "medians of 2 saves" in capsys.readouterr().out
