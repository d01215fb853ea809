"""A page of what a file of prompts becomes."""

import dataclasses

import fake_stages
from PIL import Image
import pytest

from lumiere_jax import errors
from lumiere_jax.cli import completing
from lumiere_jax.cli import gallery
from lumiere_jax.generation import generator as generators


@pytest.fixture
def prompts(tmp_path, monkeypatch):
  """Two prompts, and fake weights."""
  fake = fake_stages.load(fake_stages.make("base"))
  monkeypatch.setattr(generators, "load", lambda path: fake)
  path = tmp_path / "prompts.txt"
  path.write_text("a ball rolls\n\na cube that spins\n")
  return path


def test_each_prompt_has_its_stills_and_its_command(prompts, tmp_path):
  out = tmp_path / "page.md"
  gallery.main(["--prompts", str(prompts), "--out", str(out)])
  page = out.read_text("utf-8")
  assert "## a ball rolls\n\n![a ball rolls](img/page/00.png)" in page
  assert '--prompt "a cube that spins" --seed 1' in page
  with Image.open(tmp_path / "img" / "page" / "01.png") as picture:
    assert picture.size == (7 * 8, 8)


def test_what_prompts_leave_open_may_be_said(prompts, tmp_path, monkeypatch):
  painted = []

  class Completer:
    def __init__(self, generator):
      pass

    def __call__(self, request):
      painted.append(request.seed)
      return dataclasses.replace(request, prompt=f"on grass, {request.prompt}")

  monkeypatch.setattr(completing, "Completer", Completer)
  out = tmp_path / "page.md"
  gallery.main(["--complete", "--prompts", str(prompts), "--out", str(out)])
  page = out.read_text("utf-8")
  assert painted == [0, 1]
  assert "lumiere gallery --complete --prompts" in page
  assert "said too, as `lumiere sample --complete` does." in page
  assert (
    "(img/page/00.png)\n\n"
    'Painted as "on grass, a ball rolls":\n\n'
    '    lumiere sample --complete --prompt "a ball rolls" --seed 0 '
  ) in page


def test_a_page_that_is_no_markdown_is_refused(prompts, tmp_path):
  with pytest.raises(errors.OutputError, match=r"does not end in \.md"):
    gallery.main(["--prompts", str(prompts), "--out", str(tmp_path / "a.html")])
