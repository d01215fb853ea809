r"""The same work in other programs, side by side in one run.

  lumiere compare decoding --out cache/decoding --clips cache/real_clips
  lumiere compare preparing --out cache/preparing --clips cache/real_clips
  lumiere compare scale --out cache/scale
  lumiere compare saving --out cache/saving
  lumiere compare rendering --out cache/rendering
  lumiere compare attention --out cache/attention --topology v5e:1x1
  lumiere compare peers --out cache/peers --peers-python peers/bin/python

"decoding" reads random crops of ordinary files beside decord2, OpenCV and
PyAV, where they are installed. "preparing" makes a dataset beside FFmpeg's
command line. "scale" measures what a dataset of a million records costs before
its first batch, and reckons what more would. "saving" measures what a
checkpoint costs the steps beside it. "rendering" measures how fast the toybox
is rendered. "attention" compiles ways to attend for a TPU that need not be
here. "peers" does what our networks do in lumiere-pytorch and diffusers too,
which an interpreter of its own may have; `lumiere compare --peers NAMES` is the
same.
"""

import dataclasses
import pathlib
import sys

import tyro

from lumiere_jax.aot import attention
from lumiere_jax.cli import exits
from lumiere_jax.comparison import decoding
from lumiere_jax.comparison import peers
from lumiere_jax.comparison import preparing
from lumiere_jax.comparison import rendering
from lumiere_jax.comparison import saving
from lumiere_jax.comparison import scale


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decoding(decoding.Plan):
  """Random crops out of ordinary files.

  Attributes:
    out: folder for results and footage.
    clips: folder of footage; made up if not given.
    heights: rows of the files.
    seconds: length of the files.
    crops: random crops of each.
    num_frames: frames of a crop.
    fps: their rate.
    side: short side to bring them to, in pixels.
    samples: clips through the pipeline for each number of workers.
  """

  out: pathlib.Path

  def run(self) -> None:
    """Measures and writes."""
    decoding.run(self.out, self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preparing(preparing.Plan):
  """Preparation beside FFmpeg's command line.

  Attributes:
    out: folder for results and footage.
    clips: folder of footage; made up if not given.
    height: rows of the files.
    seconds: length of each file.
    files: how many.
    short_side: pixels to bring them down to.
    rounds: times everything is done.
  """

  out: pathlib.Path

  def run(self) -> None:
    """Measures and writes."""
    preparing.run(self.out, self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale(scale.Plan):
  """What a large dataset costs before its first batch.

  Attributes:
    out: folder for results and datasets.
    records: sizes to measure.
    per_shard: records in a shard.
    clips: size to reckon for.
    clip_bytes: mean size of a stored clip, for the reckoning.
  """

  out: pathlib.Path

  def run(self) -> None:
    """Measures and writes."""
    scale.run(self.out, self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Saving(saving.Plan):
  """What a checkpoint costs, and its checksums.

  Attributes:
    out: folder for results and checkpoints.
    gigabytes: size of the state.
    rounds: saves.
    side: of the matrices that a step multiplies.
  """

  out: pathlib.Path

  def run(self) -> None:
    """Measures and writes."""
    saving.run(self.out, self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rendering(rendering.Plan):
  """How fast the toybox is rendered, on one core.

  Attributes:
    out: folder for results.
    sizes: pixels of a frame's side.
    clips: of 80 frames, of each size.
    split: of the toybox.
  """

  out: pathlib.Path

  def run(self) -> None:
    """Measures and writes."""
    rendering.run(self.out, self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attention(attention.Plan):
  """Attention as the TPU compiler sees it; needs the extra `tpu`.

  Attributes:
    out: folder for results.
    topology: one chip of it is used.
    effort: low or full.
  """

  out: pathlib.Path

  def run(self) -> None:
    """Compiles and writes."""
    attention.run(self.out, self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peers(peers.Plan):
  """Our networks beside lumiere-pytorch and diffusers.

  Attributes:
    out: folder for results and logs.
    peers: comma-separated: lumiere-pytorch, diffusers; "none" for ours alone.
    peers_python: interpreter of an environment that has them; ours if not
      given.
    device: "cpu" or "gpu".
    dtype: of what is multiplied, weights being float32; float32 on a CPU and
      bfloat16 on a GPU if not given.
    rounds: times that each does each case, at most.
    seconds: after which a case gets no more rounds.
    threads: of each worker; one a core if not given.
    tasks: comma-separated: forward, train, base, ssr, image, text, or cases by
      name, such as forward-80x32x32-w64; "all".
    quick: one small network a task.
    compiled: likewise, of which torch.compile is measured too, which takes
      minutes to compile; "none" for nothing.
    cache: folder in which compiled programs are kept; compiles anew if not
      given.
    page: where to write the page of the documents; nowhere if not given.
  """

  out: pathlib.Path = pathlib.Path("cache/peers")

  def run(self) -> None:
    """Measures and writes."""
    peers.run(self.out, self)


def main(argv: list[str] | None = None) -> None:
  """Compares; see the module for the commands."""
  argv = sys.argv[1:] if argv is None else argv
  if argv and argv[0].partition("=")[0] in ("--peers", "--peers-python"):
    argv = ["peers", *argv]
  chosen = tyro.extras.subcommand_cli_from_dict(
    {
      "decoding": Decoding,
      "preparing": Preparing,
      "scale": Scale,
      "saving": Saving,
      "rendering": Rendering,
      "attention": Attention,
      "peers": Peers,
    },
    args=argv,
    prog="lumiere compare",
    description=__doc__,
  )
  chosen.run()


if __name__ == "__main__":
  exits.run(main)
