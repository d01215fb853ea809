r"""Trains one stage, or continues where a run stopped.

  lumiere train --config=configs/tiny.py:base --workdir=out/base \
    --config.data.dataset=cache/clips --config.init_from=out/t2i

Any field of the recipe is a flag, e.g. --config.optimizer.learning_rate=3e-4.
Run the same command again to resume.  On a pod run it on every host.
"""

import json
import logging as py_logging
import os
import pathlib
import sys

from absl import app
from absl import flags
from absl import logging
from ml_collections import config_flags

from lumiere_jax import errors
from lumiere_jax.cli import assemble
from lumiere_jax.cli import exits
from lumiere_jax.cli import progress
from lumiere_jax.parallel import start
from lumiere_jax.parallel import xla_flags
from lumiere_jax.training import lock
from lumiere_jax.training import loop

_CONFIG = config_flags.DEFINE_config_file(
  "config", None, "Recipe, and its variant: configs/tiny.py:base."
)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder of the run: checkpoints, metrics, previews."
)
_COMPILED = flags.DEFINE_string(
  "compiled", None, "Compiled step that `lumiere plan --save` wrote."
)

_PREEMPTED_CODE = flags.DEFINE_integer(
  "preempted_code",
  0,
  "Exit code after SIGTERM or Ctrl-C, once all is saved; not 0 where whoever "
  "restarts it takes 0 for the end of the run.",
)


def _run(argv: list[str]) -> None:
  if len(argv) > 1:
    raise errors.ConfigError(
      f"unexpected argument {argv[1]!r}; every field is given as "
      "--config.FIELD=VALUE."
    )
  for name in ("config", "workdir"):
    if not getattr(flags.FLAGS, name):
      raise errors.ConfigError(
        f"--{name} is missing; for example: lumiere train "
        "--config=configs/tiny.py:t2i --workdir=out/t2i "
        "--config.data.dataset=cache/clips."
      )
  if "://" in _WORKDIR.value:
    raise errors.ConfigError(
      f"--workdir is {_WORKDIR.value}; a run is written to a folder. Mount the "
      "bucket (launch/tpu_vm/setup.sh --bucket does) and give the path there."
    )
  if told := xla_flags.apply():
    logging.info("flags for the TPU compiler: %s", told)
  start.initialize()
  # Plain lists, dicts and scalars: what the run record will hold.
  recipe = assemble.styled(json.loads(_CONFIG.value.to_json_best_effort()))
  workdir = os.path.abspath(_WORKDIR.value)
  with lock.held(workdir):
    if assemble.is_finished(recipe, workdir):
      logging.info("%s has its %d steps", _WORKDIR.value, recipe["num_steps"])
      return
    job = assemble.job(recipe, workdir, progress.Bar(), _COMPILED.value)
    ended = loop.run(job)
  if ended.stopped:
    logging.info(
      "preempted at step %d, which is saved; run the same command again to "
      "go on",
      int(ended.state.step),
    )
    raise SystemExit(_PREEMPTED_CODE.value)
  logging.info("done: %s", _WORKDIR.value)


def parse(words: list[str]) -> list[str]:
  """Parses flags; a field that the recipe lacks is one sentence."""
  for word in words:
    name, _, value = word.lstrip("-").partition("=")
    path = pathlib.Path(value.split(":")[0])
    if name == "config" and not path.is_file():
      raise errors.ConfigError(
        f"there is no recipe {path}; give the path of one, for example "
        "--config=configs/tiny.py:base."
      )
  try:
    return flags.FLAGS(words)
  except (
    flags.Error,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
  ) as error:
    said = str(error).strip("\"' \n;").replace("\\n", " ").replace("\\", "")
    said = said.splitlines()[-1].rstrip(".?")
    raise errors.ConfigError(
      f"the flags do not fit the recipe: {said}. Fields are those of the "
      "recipe file, for example --config.optimizer.learning_rate=3e-4."
    ) from error


def _is_worth_a_line(record) -> bool:
  """Libraries narrate at INFO; a person wants our lines and all warnings.

  Of a save that fails Orbax logs the trace of each of its tasks, by the
  hundred; `training.saving` says it in a line.
  """
  if "lumiere_jax" in record.pathname:
    return True
  return record.levelno > py_logging.INFO and "orbax" not in record.pathname


def _tell(unraisable) -> None:
  """As Python does, but for what TensorStore calls back after such a save."""
  if str(unraisable.exc_value) != "Event loop is closed":
    sys.__unraisablehook__(unraisable)


def main(argv: list[str] | None = None) -> None:
  """Runs the command; `argv` without the program's name."""
  argv = sys.argv[1:] if argv is None else list(argv)
  # Absl's own help tells of whatever program was started, here `lumiere`.
  if {"-h", "-help", "--help"} & {*argv}:
    print(f"{__doc__}\n{flags.FLAGS.module_help(sys.modules[__name__])}")
    return
  logging.set_verbosity(logging.INFO)
  logging.use_absl_handler()
  logging.get_absl_handler().setFormatter(None)
  logging.get_absl_handler().addFilter(_is_worth_a_line)
  py_logging.getLogger("asyncio").setLevel(py_logging.CRITICAL)
  sys.unraisablehook = _tell
  app.run(
    lambda rest: exits.run(_run, rest),
    argv=["lumiere train", *argv],
    flags_parser=lambda words: exits.run(parse, words),
  )


if __name__ == "__main__":
  main()
