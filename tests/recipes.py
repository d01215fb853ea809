"""Recipes cut as small as networks go."""

import json
import pathlib
import runpy

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"


def smallest(stage):
  """configs/tiny.py of a stage, with two levels of eight channels."""
  config = runpy.run_path(str(CONFIGS / "tiny.py"))["get_config"](stage)
  with config.unlocked():
    config.model.update(
      widths=(8, 8),
      blocks=(1, 1),
      attention=(1,),
      head_dim=8,
      groups=4,
      embedding_width=16,
      text_width=8,
    )
    config.text.encoder.update(
      width=8, num_layers=1, num_heads=2, head_dim=4, mlp_width=16
    )
    config.data.update(num_frames=8, resolution=16)
    if stage == "base":
      config.model.temporal.factors = (2, 2)
  return json.loads(config.to_json_best_effort())
