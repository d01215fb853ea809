import json

import pytest

from lumiere_jax.comparison import scale


def test_small_datasets_are_measured_and_reckoned_from(tmp_path):
  plan = scale.Plan(records=(130, 260), per_shard=65, clips=650)
  scale.run(tmp_path, plan)
  found = json.loads((tmp_path / "scale.json").read_text())
  assert [row["shards"] for row in found["measured"]] == [2, 4]
  assert found["reckoned"]["shards"] == 10
  assert found["reckoned"]["memory_all_shards_mib"] >= 0


def test_the_reckoning_goes_on_in_a_line():
  rows = [
    dict.fromkeys(NAMES, 1.0) | {"shards": 10},
    dict.fromkeys(NAMES, 2.0) | {"shards": 20},
  ]
  plan = scale.Plan(per_shard=1, clips=40, clip_bytes=10**12)
  found = scale.reckon(rows, plan)
  assert found["terabytes"] == pytest.approx(40)
  assert found["resume_s"] == pytest.approx(4)


NAMES = ("open_s", "resume_s", "touch_all_shards_s", "memory_all_shards_mib")
