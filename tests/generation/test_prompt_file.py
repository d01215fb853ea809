"""A prompt file is read whole before anything runs."""

import pytest

from lumiere_jax import errors
from lumiere_jax.generation import prompt_file


def test_text_lines_are_prompts(tmp_path):
  (tmp_path / "p.txt").write_text("a cat\n\n  a dog \n")
  found = prompt_file.read(tmp_path / "p.txt", dict(seed=3))
  assert [(r.prompt, r.seed) for r in found] == [("a cat", 3), ("a dog", 3)]


def test_json_lines_are_requests_and_win_over_what_is_given(tmp_path):
  (tmp_path / "p.jsonl").write_text(
    '{"prompt": "a cat", "seed": 9}\n{"prompt": "a dog"}\n'
  )
  found = prompt_file.read(tmp_path / "p.jsonl", dict(seed=3))
  assert [(r.prompt, r.seed) for r in found] == [("a cat", 9), ("a dog", 3)]


@pytest.mark.parametrize(
  ("name", "text", "message"),
  [
    ("p.jsonl", '{"prompt": "x"}\n{"promt": "x"}', "jsonl:2: .*mean 'prompt'"),
    ("p.jsonl", '{"prompt": ', "jsonl:1: .*not JSON"),
    ("p.jsonl", "[3]", "jsonl:1: .*JSON list"),
    ("p.txt", "x" * 10_000, "txt:1: "),
    ("p.txt", "\n \n", "holds no prompt"),
    ("p.csv", "x", "neither .txt"),
    ("p.txt", None, "cannot be read"),
  ],
)
def test_a_bad_line_is_named(tmp_path, name, text, message):
  if text is not None:
    (tmp_path / name).write_text(text)
  with pytest.raises(errors.ConfigError, match=message):
    prompt_file.read(tmp_path / name, {})
