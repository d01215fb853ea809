"""Plans in words, on disk and in the page."""

import jax
import jax.numpy as jnp
import numpy as np
import plans_by_hand
import pytest

from lumiere_jax import errors
from lumiere_jax.aot import report
from lumiere_jax.aot import scale
from lumiere_jax.parallel import mesh as meshes


def test_a_plan_that_fits_says_how_much_how_fast_and_whose_estimate():
  said = report.text(plans_by_hand.plan())
  assert "v5e:2x4, 8 devices (data 2, fsdp 2, frames 2): stage base" in said
  assert "fits: 10.00 of 15.75 GiB a device (trained 1.00, temp" in said
  assert "1.000 s by the compiler's roofline: 66.0% of peak executed" in said
  assert "ICI all-gather: 2.000 GiB in 7" in said
  assert "tiles" not in said


def test_full_effort_tells_of_tiles_too():
  said = report.text(plans_by_hand.plan(effort="full"))
  assert "2.000 s by its tiles: 33.0% and 25.5%" in said


def test_a_plan_that_does_not_fit_says_so():
  said = report.text(plans_by_hand.refused(largest=("f32[9] up_0/conv",)))
  assert "DOES NOT FIT: 20.00 of 15.75 GiB" in said
  assert "f32[9] up_0/conv" in said
  assert "estimate" not in said


def test_a_chip_without_a_time_model_has_no_estimate():
  quiet = plans_by_hand.plan(roofline_seconds=None, num_slices=2)
  assert "none: the compiler's time model knows no such chip" in report.text(
    quiet
  )
  assert report.brief(quiet) == "fits, 10.0 GiB"
  assert report.headline(quiet).startswith("2 x v5e:2x4")


def test_plans_come_back_as_written(tmp_path):
  path = tmp_path / "plans.json"
  report.write([plans_by_hand.plan(), plans_by_hand.refused()], path)
  fits, refused = report.read(path)
  assert fits["hbm_gib"] == 10.0
  assert fits["collectives"]["ICI all-gather"]["executions"] == 7.0
  assert refused["fits"] is False


def test_a_compiled_program_is_loaded_and_runs(tmp_path):
  x = jax.device_put(
    jnp.ones(8), meshes.batch_sharding(meshes.make({"data": 8}), 1)
  )
  compiled = jax.jit(lambda x: 2 * x).lower(x).compile()
  report.save_program(compiled, tmp_path / "step")
  again = report.load_program(tmp_path / "step")
  np.testing.assert_array_equal(again(x), 2.0)


@pytest.mark.parametrize("content", [None, b"", b"not a program"])
def test_a_file_that_is_no_program_is_refused(content, tmp_path):
  path = tmp_path / "step"
  if content is not None:
    path.write_bytes(content)
  with pytest.raises(errors.ConfigError, match="lumiere plan --save"):
    report.load_program(path)


@pytest.fixture
def folder(tmp_path):
  folder = tmp_path / "scale"
  folder.mkdir()
  report.write([plans_by_hand.plan()], folder / "one.json")
  report.write(
    [plans_by_hand.refused(), plans_by_hand.plan(num_slices=2)],
    folder / "two.json",
  )
  return folder


def test_the_page_is_made_between_its_marks(folder):
  page = scale.write(folder)
  assert page == folder.with_suffix(".md")
  page.write_text(f"before\n{page.read_text()}after\n")
  said = scale.write(folder).read_text()
  assert said.startswith("before\n")
  assert said.endswith("after\n")
  assert said.count("| one | v5e:2x4 | 2 x 2 x 2 | 4 | 10.0 of 15.8 |") == 1
  assert "| two | 2 x v5e:2x4 |" in said
  assert "| two | v5e:2x4 | 2 x 2 x 2, 4 clips, remat blocks | 20.0 of" in said
  assert "| one | 75.0% | 25.0% |" in said
  picture = folder.parent / "img" / "scale.png"
  assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_plans_is_refused(tmp_path):
  with pytest.raises(errors.ConfigError, match="holds no plans; make them"):
    scale.read(tmp_path)


def test_a_page_without_marks_is_left_alone(folder):
  folder.with_suffix(".md").write_text("my own words")
  with pytest.raises(errors.ConfigError, match="has no place for the tables"):
    scale.write(folder)
  assert folder.with_suffix(".md").read_text() == "my own words"
