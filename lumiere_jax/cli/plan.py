r"""Compiles a recipe for TPUs that are not here, and says how it would go.

  lumiere plan --config=configs/base_128.py --topology=v5e:16x16
  lumiere plan --config=configs/base_128.py --topology=v5p:4x4x8 --slices=2
  lumiere plan --config=configs/ssr_1024.py --topology=v6e:2x4 --program=sample
  lumiere plan --config=configs/base_128.py --topology=v5e:16x16 --search
  lumiere plan --config=configs/if_64.py --topology=v5e:2x4 --program=embed

It is the real TPU compiler, so that what fits here fits there; its times are
its own estimates. Any field of the recipe is a flag, as in `lumiere train`.
Needs `pip install "lumiere-jax[tpu]"`, no TPU.
"""

import json
import os
import pathlib
import sys

from absl import app
from absl import flags
from absl import logging

from lumiere_jax import errors
from lumiere_jax import models
from lumiere_jax.aot import plan as plans
from lumiere_jax.aot import report
from lumiere_jax.aot import scale
from lumiere_jax.aot import search
from lumiere_jax.aot import topology
from lumiere_jax.aot import work
from lumiere_jax.cli import exits
from lumiere_jax.cli import train

_TOPOLOGY = flags.DEFINE_string(
  "topology", None, "Slice of TPUs, such as v5e:16x16 or v5p:4x4x8."
)
_SLICES = flags.DEFINE_integer("slices", 1, "How many of them.")
_PROGRAM = flags.DEFINE_string(
  "program",
  "train",
  "train; sample; or embed, the text encoder, with --captions a device.",
)
_FRONT = flags.DEFINE_string(
  "front",
  None,
  "pmap or sharded, when sampling; by default pmap, and sharded where a chip "
  "cannot hold the network.",
)
_CAPTIONS = flags.DEFINE_integer(
  "captions", 32, "Captions that a device embeds at once."
)
_FRAMES = flags.DEFINE_integer("frames", 80, "Frames of a sampled clip.")
_EFFORT = flags.DEFINE_string(
  "effort", "low", "How hard the compiler tries: low or full."
)
_SEARCH = flags.DEFINE_bool(
  "search", False, "Try knobs, and list what nothing else beats."
)
_OUT = flags.DEFINE_string("out", None, "Write the plan here, as JSON.")
_SAVE = flags.DEFINE_string(
  "save", None, "Write the compiled step here, for `lumiere train --compiled`."
)
_TABLE = flags.DEFINE_string(
  "table", None, "Folder of plans to make FOLDER.md of; compiles nothing."
)


def _run(argv: list[str]) -> None:
  if len(argv) > 1:
    raise errors.ConfigError(
      f"unexpected argument {argv[1]!r}; every field is given as "
      "--config.FIELD=VALUE."
    )
  if _TABLE.value:
    print(scale.write(pathlib.Path(_TABLE.value)))
    return
  config = flags.FLAGS["config"].value
  if not config or not _TOPOLOGY.value:
    raise errors.ConfigError(
      "--config or --topology is missing; for example: lumiere plan "
      "--config=configs/base_128.py --topology=v5e:16x16."
    )
  errors.require_one_of("program", _PROGRAM.value, work.PROGRAMS)
  recipe = json.loads(config.to_json_best_effort())
  errors.require_one_of("stage to plan", recipe["stage"], models.BUILDERS)
  where = topology.parse(_TOPOLOGY.value, _SLICES.value)
  found = plan(recipe, where)
  for one in found:
    print(report.text(one))
  if _OUT.value:
    report.write(found, pathlib.Path(_OUT.value))


def plan(recipe, where: topology.Topology) -> list[plans.Plan]:
  """The plans that the flags ask for, the last one first told."""
  if _SEARCH.value:
    return search.pareto(recipe, where, effort=_EFFORT.value, tell=print)
  if _PROGRAM.value == "sample":
    return _sampler(recipe, where)
  if _PROGRAM.value == "embed":
    encoder = work.embedding(recipe, where, _CAPTIONS.value)
    return [plans.make(encoder, where, _EFFORT.value)[0]]
  made, compiled = plans.make(
    work.training(recipe, where), where, _EFFORT.value
  )
  if compiled is None:
    return [made, *search.fitting(recipe, where, made, tell=print)]
  if _SAVE.value:
    report.save_program(compiled, pathlib.Path(_SAVE.value))
  return [made]


def _sampler(recipe, where) -> list[plans.Plan]:
  fronts = [_FRONT.value] if _FRONT.value else ["pmap", "sharded"]
  found = []
  for front in fronts:
    one, _ = plans.make(
      work.sampling(recipe, where, front, _FRAMES.value), where, _EFFORT.value
    )
    found.append(one)
    if one.fits:
      break
  return found


def main(argv: list[str] | None = None) -> None:
  """Runs the command; `argv` without the program's name."""
  argv = sys.argv[1:] if argv is None else list(argv)
  if {"-h", "-help", "--help"} & {*argv}:
    print(f"{__doc__}\n{flags.FLAGS.module_help(sys.modules[__name__])}")
    return
  # The TPU compiler needs no TPU, and looking for one takes a minute.
  os.environ.setdefault("JAX_PLATFORMS", "cpu")
  logging.set_verbosity(logging.ERROR)
  app.run(
    lambda rest: exits.run(_run, rest),
    argv=["lumiere plan", *argv],
    flags_parser=lambda words: exits.run(train.parse, words),
  )


if __name__ == "__main__":
  main()
