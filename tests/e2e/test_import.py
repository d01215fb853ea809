"""A pipeline folder of DeepFloyd IF's layout in, a video out: by commands."""

import json

from e2e import commands
import foreign_pipelines
import numpy as np
import pytest

from lumiere_jax.interop import shelves

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# Of configs/if_64.py:tiny, what the pipeline's small models have otherwise.
RECIPE = (
  "--config=configs/if_64.py:tiny",
  "--config.text.tokenizer=sentencepiece",
  "--config.text.max_length=77",
  "--config.data.dataset=toybox:16",
  "--config.data.num_frames=8",
  "--config.data.resolution=16",
  "--config.data.global_batch=1",
  "--config.every.log=1",
  "--config.every.preview=-1",
  "--config.model.widths=(16,64)",
  "--config.model.blocks=(1,1)",
  "--config.model.attention=(1,)",
  "--config.model.temporal.factors=(2,)",
)


def _run(verb, *args, **kwargs):
  done = commands.run(verb, *args, **kwargs)
  assert done.returncode == 0, done.stderr[-3000:]
  return done


def test_a_pipeline_is_imported_inflated_trained_and_sampled(tmp_path):
  source, w = tmp_path / "if", tmp_path / "w"
  foreign_pipelines.write(source, foreign_pipelines.TWO_LEVELS)
  on = dict(cache=tmp_path / "cache")
  half = ("--variant", "fp16", "--compute-dtype", "float32")
  said = _run("import", "--source", source, "--out", w, *half, **on).stdout
  assert "not used: safety_checker" in said
  recipe = (
    *RECIPE,
    f"--config.text.spiece={w / 'spiece.model'}",
    f"--config.init_from={w}",
  )
  base = tmp_path / "base"
  run = (f"--workdir={base}", "--config.num_steps=3")
  said = _run("train", *recipe, *run, **on).stderr
  assert "network from" in said
  taken = json.loads((base / "init_from.json").read_text())["parts"]["network"]
  assert taken["unused"] == []
  assert all("temporal_" in name for name in taken["initialised"])
  lines = (base / "metrics.jsonl").read_text().splitlines()
  assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]
  _run(
    *("sample", "--weights", base, "--prompt", "a red ball rolls"),
    *("--out", tmp_path / "ball.mp4", "--num-inference-steps", 2),
    *("--no-guard",),
    **on,
  )
  assert (tmp_path / "ball.mp4").stat().st_size > 0
  # What was frozen is exported as it came.
  _run(
    *("export", "--weights", base, "--out", tmp_path / "unet"),
    *("--format", "diffusers", "--dtype", "float16"),
    **on,
  )
  kept = foreign_pipelines.unet_tensors(foreign_pipelines.TWO_LEVELS)
  shelf = shelves.open_(tmp_path / "unet")
  assert set(shelf) == set(kept)
  for name, one in kept.items():
    np.testing.assert_array_equal(shelf[name].read(), one.astype(np.float16))
