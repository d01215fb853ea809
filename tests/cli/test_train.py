"""The command's help is its own, whatever program it is called from."""

import pytest

from lumiere_jax.cli import train


@pytest.mark.parametrize("flag", ["-h", "-help", "--help"])
def test_help_is_the_manual_and_the_flags(flag, capsys):
  train.main([flag])
  text = capsys.readouterr().out
  assert "lumiere train --config=configs/tiny.py:base" in text
  assert "--workdir" in text
  assert "VERB" not in text


def test_a_bucket_is_no_folder(capsys):
  words = ["--config=configs/tiny.py:t2i", "--workdir=gs://bucket/run"]
  with pytest.raises(SystemExit) as ended:
    train.main(words)
  assert ended.value.code == 2
  assert "a run is written to a folder" in capsys.readouterr().err
