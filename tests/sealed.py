"""Small sealed datasets, written without decoding or encoding anything."""

import dataclasses
import hashlib
import json
import random

from array_record.python import array_record_module

from lumiere_jax.data import store
from lumiere_jax.provenance import manifest
from lumiere_jax.provenance import seal


def example(k, **changes):
  """(bytes that are no video, record) of clip k; no two alike."""
  video = random.Random(k).randbytes(3000 + 7 * k)
  record = manifest.ClipRecord(
    id=f"dir/{k}.mp4",
    path=f"dir/{k}.mp4",
    start=k / 3,
    sha256=hashlib.sha256(b"%d" % k).hexdigest(),
    stored_sha256=hashlib.sha256(video).hexdigest(),
    fingerprint=f"{random.Random(-k - 1).getrandbits(256):064x}",
    width=48,
    height=32,
    fps=30000 / 1001,
    num_frames=16,
    duration=16 * 1001 / 30000,
    hold=False,
    caption=f"a naïve dog 犬 {k}",
    caption_origin="given",
    licence="MIT",
    owner="Ada",
    source="https://example.org",
  )
  return video, dataclasses.replace(record, **changes)


def write(folder, examples, *, num_shards=2, key=None):
  """Writes examples as `lumiere prepare` would; returns the seal."""
  folder.mkdir(parents=True)
  size = -(-len(examples) // num_shards)
  lengths = []
  for k in range(num_shards):
    part = examples[k * size : (k + 1) * size]
    lengths.append(f"{len(part)}")
    write_shard(folder / shard(k, num_shards), part)
  info = {"splits": [{"name": "train", "shardLengths": lengths}]}
  (folder / "dataset_info.json").write_text(json.dumps(info))
  (folder / "report.json").write_text('{"kept": 12}')
  lines = "".join(manifest.to_line(record) + "\n" for _, record in examples)
  (folder / "manifest.jsonl").write_text(lines, encoding="utf-8")
  return seal.write(folder, key=key)


def shard(k, num_shards=2):
  """Name of a shard."""
  return f"{store.NAME}-train.array_record-{k:05}-of-{num_shards:05}"


def write_shard(path, examples):
  """Writes one ArrayRecord file."""
  features = store.features()
  writer = array_record_module.ArrayRecordWriter(f"{path}", "group_size:1")
  for video, record in examples:
    row = {"video": video, **dataclasses.asdict(record)}
    writer.write(features.serialize_example(features.encode_example(row)))
  writer.close()


def key_pair(folder):
  """PEM files of a new key: (private, public)."""
  from cryptography.hazmat.primitives import serialization
  from cryptography.hazmat.primitives.asymmetric import ec

  key = ec.generate_private_key(ec.SECP256R1())
  private, public = folder / "key.pem", folder / "key.pub"
  private.write_bytes(
    key.private_bytes(
      serialization.Encoding.PEM,
      serialization.PrivateFormat.PKCS8,
      serialization.NoEncryption(),
    )
  )
  public.write_bytes(
    key.public_key().public_bytes(
      serialization.Encoding.PEM,
      serialization.PublicFormat.SubjectPublicKeyInfo,
    )
  )
  return private, public
