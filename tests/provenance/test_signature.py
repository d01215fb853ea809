import sys

import pytest
import sealed

from lumiere_jax import errors
from lumiere_jax.provenance import seal
from lumiere_jax.provenance import signature

pytest.importorskip("model_signing", reason="needs the extra `credentials`")


@pytest.fixture
def dataset(tmp_path):
  (tmp_path / "dataset").mkdir()
  (tmp_path / "dataset/manifest.jsonl").write_bytes(b"{}\n")
  return tmp_path / "dataset"


def test_the_owner_of_a_key_signs_a_dataset(tmp_path, dataset):
  private, public = sealed.key_pair(tmp_path)
  seal.write(dataset, key=private)
  seal.check_signature(dataset, public)
  (tmp_path / "b").mkdir()
  _, other = sealed.key_pair(tmp_path / "b")
  with pytest.raises(errors.DataError, match="signed with another key"):
    seal.check_signature(dataset, other)


def test_a_signature_is_of_one_dataset(tmp_path, dataset):
  private, public = sealed.key_pair(tmp_path)
  signed = seal.write(dataset, key=private).signature
  seal.write(dataset)
  statement = seal.read(dataset).statement()
  signature.check(statement, signed, public)
  with pytest.raises(errors.DataError, match="not one of this dataset"):
    signature.check(statement.replace(b"1", b"2", 1), signed, public)
  with pytest.raises(errors.DataError, match="not one of this dataset"):
    signature.check(statement, {}, public)


def test_a_file_that_is_no_key_is_named(tmp_path, dataset):
  no_key = tmp_path / "no.pem"
  no_key.write_text("hello")
  with pytest.raises(errors.ConfigError, match=r"no\.pem cannot be used to s"):
    seal.write(dataset, key=no_key)
  with pytest.raises(errors.ConfigError, match=r"no\.pem cannot be used to ch"):
    signature.check(b"", {}, no_key)


def test_a_missing_package_is_named(dataset, monkeypatch):
  monkeypatch.setitem(sys.modules, "model_signing", None)
  with pytest.raises(errors.ConfigError, match=r"lumiere-jax\[credentials\]"):
    seal.write(dataset, key="key.pem")
