"""`lumiere VERB ...`: finds the verb's module and hands it the arguments.

The module is imported only when its verb is asked for, so that help and
mistakes answer at once.
"""

import importlib
import sys

import lumiere_jax
from lumiere_jax import errors
from lumiere_jax.cli import exits
from lumiere_jax.parallel import machine
from lumiere_jax.parallel import xla_flags

VERBS = {
  "prepare": "make a dataset from a folder of captioned clips",
  "toybox": "render a dataset of a captioned 3-D world",
  "embed": "run a frozen text encoder over a dataset's captions, once",
  "verify": "say whether a dataset is still what was sealed",
  "prove": "prove that a clip is in a dataset, or check such a proof",
  "audit": "say whether a clip was in the training set of a run",
  "train": "train one stage by a recipe, or go on where a run stopped",
  "report": "say how a run went: loss, speed, where the time went",
  "checkpoint": "list, verify or export the checkpoints of a run",
  "import": "take in weights of other frameworks: DeepFloyd IF, T5",
  "export": "write weights for other frameworks",
  "plan": "compile a recipe for TPUs that are not here",
  "sample": "make a video from a prompt",
  "gallery": "make videos of many prompts and a page of stills",
  "animate": "make a video that begins with a picture",
  "keyframes": "make a video that passes through pictures",
  "cinemagraph": "make a region of a picture move",
  "inpaint": "make a part of a video anew",
  "outpaint": "make a video wider or higher",
  "extend": "make a video longer",
  "edit": "paint a video over by another prompt",
  "upscale": "make a video larger",
  "stylize": "make a video from a prompt, in a style",
  "evaluate": "measure generated clips against real ones",
  "compare": "do the same work in other programs, side by side",
}
# Verbs that Python keeps for itself.
MODULES = {"import": "import_"}
# Verbs that need more than the core dependencies.
EXTRAS = {"evaluate": "eval", "plan": "tpu"}

HELP = f"""\
Text to video with a space-time U-Net.

  lumiere VERB --flag=value ...

verbs
{chr(10).join(f"  {verb:<13}{does}" for verb, does in VERBS.items())}

examples
  lumiere prepare --source clips --out cache/clips
  lumiere train --config=configs/tiny.py:t2i --workdir=out/t2i \\
    --config.data.dataset=cache/clips
  lumiere sample --weights out --prompt "a red ball rolls" --out ball.mp4

`lumiere VERB --help` lists the flags of a verb; `lumiere --version` prints the
version."""


def main(argv: list[str] | None = None) -> None:
  """Runs a verb; `argv` without the program's name."""
  exits.run(_dispatch, sys.argv[1:] if argv is None else argv)


def _dispatch(argv: list[str]) -> None:
  if not argv or argv[0] in ("-h", "--help", "help"):
    print(HELP)
    return
  if argv[0] == "--version":
    print(f"lumiere {lumiere_jax.__version__}")
    return
  verb, *rest = argv
  errors.require_one_of("verb", verb, VERBS)
  machine.avoid_absent_tpu()
  machine.ensure_two_threads()
  xla_flags.apply_cpu()
  _load(verb).main(rest)


def _load(verb: str):
  try:
    return importlib.import_module(f"lumiere_jax.cli.{MODULES.get(verb, verb)}")
  except ModuleNotFoundError as error:
    if error.name.split(".")[0] == "lumiere_jax":
      raise
    extra = f"[{EXTRAS[verb]}]" if verb in EXTRAS else ""
    raise errors.ConfigError(
      f"`lumiere {verb}` needs the package {error.name}, which is not "
      f"installed; run pip install -e '.{extra}' in the repository."
    ) from error


if __name__ == "__main__":
  main()
