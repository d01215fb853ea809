"""Signatures by OpenSSF model-signing, with a key and without any network.

What is signed is a folder that holds one file, `statement.json`; so that
anyone can check it with the tool that the foundation publishes:

  model_signing verify key FOLDER --signature SIG --public_key KEY.pem
"""

from collections.abc import Iterator, Mapping
import contextlib
import json
import os
import pathlib
import tempfile
from typing import Any

from lumiere_jax import errors

STATEMENT = "statement.json"


def sign(statement: bytes, key: os.PathLike | str) -> dict[str, Any]:
  """Signs with an elliptic-curve private key (PEM, without password).

  Returns:
    A Sigstore bundle, plain JSON values.

  Raises:
    ConfigError: the key cannot be used, or model-signing is not installed.
  """
  signing = _library().signing
  with _laid_out(statement) as (folder, bundle):
    try:
      config = signing.Config().use_elliptic_key_signer(private_key=key)
    except Exception as error:  # the library lets those of others through
      raise errors.ConfigError(
        f"{os.fspath(key)} cannot be used to sign ({error}); give an "
        "elliptic-curve private key without password, made by: openssl "
        "ecparam -name prime256v1 -genkey -noout -out key.pem"
      ) from error
    config.sign(folder, bundle)
    return json.loads(bundle.read_text())


def check(
  statement: bytes, signature: Mapping[str, Any], public_key: os.PathLike | str
) -> None:
  """Raises unless the owner of a key signed the statement.

  Raises:
    DataError: someone else signed, or something else.
    ConfigError: the key cannot be used, or model-signing is not installed.
  """
  verifying = _library().verifying
  with _laid_out(statement) as (folder, bundle):
    bundle.write_text(json.dumps(signature))
    try:
      config = verifying.Config().use_elliptic_key_verifier(
        public_key=public_key
      )
    except Exception as error:
      raise errors.ConfigError(
        f"{os.fspath(public_key)} cannot be used to check a signature "
        f"({error}); give the public key that belongs to the signer's, made "
        "by: openssl ec -in key.pem -pubout -out key.pub"
      ) from error
    try:
      config.verify(folder, bundle)
    except Exception as error:
      raise errors.DataError(
        f"the signature is not one of this dataset by {os.fspath(public_key)} "
        f"({error or type(error).__name__}): it was signed with another key, "
        "or changed since."
      ) from error


@contextlib.contextmanager
def _laid_out(statement: bytes) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
  """A folder that holds the statement, and where its signature goes."""
  with tempfile.TemporaryDirectory() as place:
    folder = pathlib.Path(place, "dataset")
    folder.mkdir()
    (folder / STATEMENT).write_bytes(statement)
    yield folder, pathlib.Path(place, "signature.json")


def _library():
  try:
    import model_signing
  except ImportError as error:
    raise errors.ConfigError(
      "signatures need the package model-signing, which is not installed; run "
      "pip install 'lumiere-jax[credentials]'."
    ) from error
  return model_signing
