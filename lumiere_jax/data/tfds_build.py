"""`lumiere prepare` on many machines: the same clips by way of Apache Beam.

Beam's own flags say where it runs: DirectRunner here, Dataflow, Flink or Spark
elsewhere.  Each file is examined as on one machine, by `examine.examine`, and
the records come in the same order; TFDS sorts them into shards of its own
size.  Files and --out must lie on a disk that all workers see.
"""

from collections.abc import Iterable, Iterator, Sequence
import contextlib
import dataclasses
import io
import json
import os
import pathlib
import re
import shutil
from typing import Any

import tensorflow_datasets as tfds

from lumiere_jax import errors
from lumiere_jax.data import captions as captions_lib
from lumiere_jax.data import copies
from lumiere_jax.data import examine
from lumiere_jax.data import finish
from lumiere_jax.data import listing
from lumiere_jax.data import making
from lumiere_jax.data import prepare
from lumiere_jax.data import report as reports
from lumiere_jax.data import store
from lumiere_jax.provenance import exclusions

# Keys are whole numbers in the order of the clips: file, then piece.
_PIECES = 1 << 20
_ERROR = re.compile(r"lumiere_jax\.errors\.(\w+): (.+)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
  """What the workers are told.

  Attributes:
    folder: on a disk that all of them see; holds the list of files, and gets
      the list of what became of them.
    settings: what is kept, and how it is stored.
    excluded: opt-outs.
  """

  folder: pathlib.Path
  settings: examine.Settings
  excluded: exclusions.Exclusions | None = None

  @property
  def files(self) -> pathlib.Path:
    """The list of files, a JSON object a line."""
    return self.folder / "files.jsonl"

  @property
  def entries(self) -> pathlib.Path:
    """Beginning of the names of the lists of what became of them."""
    return self.folder / "entries"


class Builder(tfds.core.BeamBasedBuilder, skip_registration=True):
  """Writes the shards, and a list of what became of each clip."""

  name = store.NAME
  VERSION = tfds.core.Version(store.VERSION)

  def __init__(self, plan: Plan, **kwargs):
    self._plan = plan
    super().__init__(**kwargs)

  def _info(self) -> tfds.core.DatasetInfo:
    return tfds.core.DatasetInfo(
      builder=self,
      features=store.features(),
      disable_shuffling=True,  # the reader shuffles; the manifest need not
    )

  def _split_generators(self, dl_manager, pipeline):
    del dl_manager
    return {store.SPLIT: self._generate_examples(pipeline)}

  def _generate_examples(self, pipeline):
    beam, plan = _beam(), self._plan
    outcomes = (
      pipeline
      | "Files" >> beam.io.ReadFromText(f"{plan.files}")
      | "Spread" >> beam.Reshuffle()
      | "Examine" >> beam.FlatMap(_examine, plan.settings, plan.excluded)
    )
    entries = outcomes | "Summarise" >> beam.MapTuple(_summary)
    # Which of two copies came first is asked of all clips at once.
    judged = (
      pipeline
      | "Once" >> beam.Create([plan.settings.duplicate])
      | "Judge" >> beam.FlatMap(_judge, beam.pvalue.AsList(entries))
    )
    _ = (
      judged
      | "Lines" >> beam.MapTuple(_line)
      | "Write" >> beam.io.WriteToText(f"{plan.entries}", ".jsonl")
    )
    return (
      {"outcomes": outcomes, "judged": judged}
      | "Join" >> beam.CoGroupByKey()
      | "Keep" >> beam.FlatMapTuple(_examples)
    )


def build(
  source: os.PathLike | str,
  out: os.PathLike | str,
  *,
  captions: os.PathLike | str | None = None,
  choice: listing.Choice | None = None,
  settings: examine.Settings | None = None,
  work: prepare.Work | None = None,
  options: Sequence[str] = (),
) -> reports.Report:
  """Makes the dataset that `prepare.prepare` makes of the same arguments.

  Its shards have other sizes, and what was stopped begins anew.

  Args:
    source: likewise.
    out: likewise.
    captions: likewise.
    choice: likewise.
    settings: likewise.
    work: likewise; how many workers there are is for Beam to say.
    options: Beam's own flags, such as "--runner=DirectRunner".

  Returns:
    What is also in report.json.

  Raises:
    ConfigError: Beam is not installed.
    LumiereError: as `prepare.prepare`.
  """
  beam, out = _beam(), pathlib.Path(out)
  settings, work = settings or examine.Settings(), work or prepare.Work()
  prepare.require_free(out, work.overwrite)
  files = listing.find(
    f"{source}",
    pathlib.Path(captions) if captions else None,
    choice or listing.Choice(),
  )
  folder = out.with_name(f".{out.name}.beam").absolute()
  plan = Plan(folder=folder, settings=settings, excluded=work.exclusions())
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir(parents=True)
  try:
    _write_files(plan.files, files)
    builder = Builder(plan, data_dir=folder, file_format="array_record")
    config = tfds.download.DownloadConfig(
      beam_options=beam.options.pipeline_options.PipelineOptions([*options])
    )
    with _sentences(), _silence():
      builder.download_and_prepare(download_config=config)
    return _finish(builder, plan, len(files), out, work.key)
  finally:
    shutil.rmtree(folder, ignore_errors=True)


def _beam():
  try:
    import apache_beam
  except ImportError as error:
    raise errors.ConfigError(
      "preparing on many machines needs the package apache-beam, which is not "
      "installed; run pip install -e '.[prep]' in the repository."
    ) from error
  return apache_beam


def _write_files(path: pathlib.Path, files) -> None:
  with open(path, "w", encoding="utf-8") as lines:
    for number, file in enumerate(files):
      # Workers have another current folder.
      entry = dataclasses.asdict(file) | {"file": f"{file.file.absolute()}"}
      lines.write(json.dumps([number, entry]) + "\n")


def _examine(
  line: str, settings: examine.Settings, excluded
) -> Iterator[tuple[int, examine.Outcome]]:
  """Yields what becomes of a file's clips, each with its place in order."""
  number, entry = json.loads(line)
  entry["file"] = pathlib.Path(entry["file"])
  file = captions_lib.CaptionedFile(**entry)
  outcomes = examine.examine(file, settings, excluded)
  for piece, outcome in enumerate(outcomes):
    yield number * _PIECES + piece, outcome


def _summary(key: int, outcome: examine.Outcome) -> tuple[int, making.Entry]:
  return key, making.summary(outcome)


def _judge(
  max_distance: int, entries: Iterable[tuple[int, making.Entry]]
) -> Iterator[tuple[int, making.Entry]]:
  """Yields all entries in order; those seen before become duplicates."""
  ordered = sorted(entries, key=lambda pair: pair[0])
  seen = copies.Copies((entry for _, entry in ordered), max_distance)
  for key, entry in ordered:
    yield key, seen.judge(entry)


def _line(key: int, entry: making.Entry) -> str:
  return f"{key}\t{making.to_line(entry)}"


def _examples(
  key: int, found: dict[str, Iterable[Any]]
) -> Iterator[tuple[int, dict[str, Any]]]:
  """Yields the example that TFDS writes, if the clip is kept."""
  (outcome,), (entry,) = found["outcomes"], found["judged"]
  if entry.kind == "kept":
    yield key, {"video": outcome.data, **dataclasses.asdict(outcome.record)}


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
  """What stopped a worker, as it would have stopped `lumiere prepare`."""
  try:
    yield
  except Exception as error:  # Beam wraps whatever was raised in its own
    said = f"{error}"
    found = _ERROR.search(said)
    if found:
      kind = getattr(errors, found[1], errors.DataError)
      raise kind(found[2].partition(" [while running")[0]) from error
    if "number of generated examples is 0" in said:
      raise errors.DataError(
        "no clip is left: all were left out. See why with a few of them, "
        "without --beam."
      ) from error
    raise


@contextlib.contextmanager
def _silence() -> Iterator[None]:
  # TFDS tells of downloads, of which there are none; runners log by themselves.
  tfds.disable_progress_bar()
  try:
    with contextlib.redirect_stdout(io.StringIO()):
      yield
  finally:
    tfds.enable_progress_bar()


def _finish(
  builder: Builder, plan: Plan, num_files: int, out: pathlib.Path, key
) -> reports.Report:
  """Accounts for what the workers did, and seals it."""
  folder = pathlib.Path(builder.data_dir)
  lengths = builder.info.splits[store.SPLIT].shard_lengths
  with finish.Account(folder, plan.settings, num_files) as account:
    for entry in _entries(plan):
      account.add(entry)
  return account.publish(lengths, out, key)


def _entries(plan: Plan) -> Iterator[making.Entry]:
  """Yields what became of all clips, in order."""
  lines = []
  for path in plan.folder.glob(f"{plan.entries.name}*.jsonl"):
    lines += path.read_text(encoding="utf-8").splitlines()
  split = [line.partition("\t") for line in lines]
  for _, _, line in sorted(split, key=lambda parts: int(parts[0])):
    yield making.from_line(line)
