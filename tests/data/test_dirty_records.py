"""Damaged shards: what can still be read is seen, the rest is listed."""

import json
import pathlib

from array_record.python import array_record_module
import clips
import numbered
import numpy as np
import pytest

from lumiere_jax import errors
from lumiere_jax.data import pipeline
from lumiere_jax.data import quarantine

NUM_CLIPS = 400
NUM_SHARDS = 4


@pytest.fixture
def dataset(tmp_path):
  return numbered.write(tmp_path, NUM_CLIPS, num_shards=NUM_SHARDS)


def _build(dataset, **kwargs):
  defaults = dict(
    num_frames=1,
    fps=16,
    resolution=1,
    batch_size=40,
    seed=0,
    tokenizer=clips.tokenize,
    max_rejected=0.4,
  )
  return pipeline.build(dataset, **defaults | kwargs)


def _epoch(iterator):
  with iterator:
    return [n for _ in range(10) for n in numbered.numbers(next(iterator))]


def _shards(dataset):
  return sorted(pathlib.Path(dataset).glob("*array_record*"))


def _flip(dataset, count):
  """Flips a byte in each of `count` records, as many in each shard."""
  rng = np.random.default_rng(0)
  for shard in _shards(dataset):
    data = bytearray(shard.read_bytes())
    # The records come first, some 107 bytes each; the index is behind them.
    records = rng.choice(70, count // NUM_SHARDS, replace=False)
    for record in records:
      data[200 + record * 107] ^= 0xFF
    shard.write_bytes(data)


def _readable(dataset):
  """Numbers of the clips that can still be read, shard by shard."""
  found = []
  for k, shard in enumerate(_shards(dataset)):
    reader = array_record_module.ArrayRecordReader(str(shard))
    for n in range(reader.num_records()):
      try:
        reader.read([n])
      except (ValueError, RuntimeError):
        continue
      found.append(k * NUM_CLIPS // NUM_SHARDS + n)
  return set(found)


def test_with_flipped_records_every_good_clip_is_seen(dataset, tmp_path):
  _flip(dataset, NUM_CLIPS // 20)
  good = _readable(dataset)
  assert 0.9 * NUM_CLIPS <= len(good) < NUM_CLIPS
  listed = tmp_path / "rejects.jsonl"
  seen = _epoch(_build(dataset, rejects=listed))
  assert set(seen) == good
  lines = [json.loads(line) for line in listed.read_text().splitlines()]
  assert sorted(line["index"] for line in lines) == sorted(
    set(range(NUM_CLIPS)) - good
  )
  assert all("copy them again" in x["reason"] for x in lines)


def test_a_truncated_shard_costs_itself_alone(dataset):
  shard = _shards(dataset)[1]
  shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 3])
  seen = _epoch(_build(dataset))
  assert set(seen) == set(range(100)) | set(range(200, 400))


@pytest.mark.parametrize("hosts", [2, 4])
def test_what_takes_their_place_does_not_depend_on_hosts(dataset, hosts):
  _flip(dataset, NUM_CLIPS // 20)
  alone = _epoch(_build(dataset))
  iterators = [
    _build(dataset, batch_size=40 // hosts, host_index=k, host_count=hosts)
    for k in range(hosts)
  ]
  together = []
  for _ in range(10):
    for iterator in iterators:
      together += numbered.numbers(next(iterator))
  assert together == alone


def test_too_many_stop_the_run(dataset):
  _flip(dataset, NUM_CLIPS // 10)
  match = r"clips of .* in one epoch, more than data.max_rejected=0.02"
  with pytest.raises(errors.DataError, match=match):
    _epoch(_build(dataset, max_rejected=0.02))


def _reject(index=0, position=0, reason="it is torn."):
  return quarantine.Reject(
    part=0, index=index, position=position, reason=reason
  )


def _quarantine(**kwargs):
  return quarantine.Quarantine(["d"], [10], **{"max_share": 0.2} | kwargs)


def test_rejects_travel_as_an_array():
  rejects = [_reject(1), _reject(2, 5, "é")]
  packed = quarantine.pack(rejects)
  assert packed.dtype == np.uint8
  assert quarantine.unpack(packed) == rejects


def test_each_epoch_is_counted_anew():
  bad = _quarantine()
  bad.note([_reject(1, 3), _reject(2, 4)])
  bad.note([_reject(1, 13), _reject(2, 14)])
  with pytest.raises(errors.DataError, match="3 of 10 clips of d"):
    bad.note([_reject(3, 15)])


def test_what_is_seen_again_after_a_resume_counts_once(tmp_path):
  path = tmp_path / "deep/rejects.jsonl"
  _quarantine(path=path).note([_reject(1, 3), _reject(2, 4)])
  resumed = _quarantine(path=path)
  resumed.note([_reject(1, 3), _reject(2, 4)])
  assert len(path.read_text().splitlines()) == 2
  with pytest.raises(errors.DataError, match=r"rejects\.jsonl lists them"):
    resumed.note([_reject(3, 5)])


def test_a_half_written_line_is_passed_over(tmp_path):
  path = tmp_path / "rejects.jsonl"
  _quarantine(path=path).note([_reject(1, 3)])
  with open(path, "a") as lines:
    lines.write('{"part": 0, "ind')
  _quarantine(path=path).note([_reject(1, 3)])


def test_none_allowed_means_none():
  with pytest.raises(errors.DataError, match="because it is torn"):
    _quarantine(max_share=0.0).note([_reject()])


def test_a_share_above_one_is_refused():
  with pytest.raises(errors.ConfigError, match=r"max_rejected is 1\.5"):
    _quarantine(max_share=1.5)
