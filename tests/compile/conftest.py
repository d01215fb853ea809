"""The TPU compiler at work on programs small enough for every commit."""

import importlib.util
import json
import os
import pathlib
import runpy

import jax
import pytest

from lumiere_jax.aot import plan as plans
from lumiere_jax.aot import topology
from lumiere_jax.aot import work

HERE = pathlib.Path(__file__).parent
CONFIGS = HERE.parents[1] / "configs"


def pytest_collection_modifyitems(items):
  absent = importlib.util.find_spec("libtpu") is None
  for item in items:
    if HERE in item.path.parents and "compiler" in item.fixturenames:
      item.add_marker(pytest.mark.compile)
      if absent:
        item.add_marker(pytest.mark.skip(reason="libtpu is not installed"))


@pytest.fixture
def compiler():
  """(recipe, topology, slices, front) -> plan, as `lumiere plan` makes it."""

  def compile_(recipe, name, slices=1, front=None) -> plans.Plan:
    where = topology.parse(name, slices)
    if front:
      frames = recipe["data"]["num_frames"]
      todo = work.sampling(recipe, where, front, frames)
    else:
      todo = work.training(recipe, where)
    return plans.make(todo, where)[0]

  # Other tests ask XLA to do little; users do not.
  flag = "jax_disable_most_optimizations"
  jax.config.update(flag, False)
  yield compile_
  jax.config.update(flag, os.environ[flag.upper()] != "0")


@pytest.fixture
def recipe():
  """(file, its sections changed) -> the recipe, cut small."""

  def read(file, **sections):
    config = runpy.run_path(str(CONFIGS / f"{file}.py"))["get_config"]("tiny")
    with config.unlocked():
      config.model.update(
        widths=(64, 128), blocks=(1, 1), attention=(1,), head_dim=64, groups=8
      )
      for name, fields in sections.items():
        config[name].update(fields)
    return json.loads(config.to_json_best_effort())

  return read
