"""docs/comparison.md, written from what `lumiere compare peers` found."""

from collections.abc import Mapping
from typing import Any

from lumiere_jax.comparison import peer_cases
from lumiere_jax.comparison import peer_report

# Numbers of the inflation as it starts -> what they say.
NUMERICS = {
  "down_of_constant": "temporal downsample of a still clip, times the still",
  "down_error": "temporal downsample against keeping every second frame",
  "up_of_constant": "temporal upsample of a still clip, times the still",
  "up_error": "temporal upsample against showing each frame twice",
  "constant_error": "down and up again: constant in, constant out",
  "block_error": "convolution block against changing nothing",
  "attention_error": "attention block against changing nothing",
  "every_nth_frame_error": "`STUNet(z)[:, ::8]` against `T2I(z[:, ::8])`",
  "norm_over_channels": "spread of the mean square of channels after the norm",
  "norm_over_last_axis": "the same along the last axis, which is no channel",
}

# What there is -> (ours, lumiere-pytorch 0.0.24, diffusers).
FEATURES = {
  "Space-time U-Net of section 3.1": (
    "yes",
    "inflation of a given U-Net",
    "no",
  ),
  "Text-to-image U-Net of Imagen's kind": (
    "yes",
    "the user's own",
    "yes, DeepFloyd IF",
  ),
  "Spatial super-resolution along time": ("yes", "no", "by frame"),
  "MultiDiffusion over windows": ("yes", "no", "no"),
  "Schedules, losses, training loop": ("yes", "no", "schedules; examples"),
  "Samplers, guidance, thresholding": ("yes", "no", "yes"),
  "Conditional model of 7 channels, applications": ("yes", "no", "no"),
  "Text encoder": ("T5 family, byte-level", "no", "through transformers"),
  "Import and export of weights": ("diffusers, T5", "no", "its own"),
  "Data preparation, provenance": ("yes", "no", "no"),
  "Evaluation": ("yes", "no", "no"),
  "Many accelerators": (
    "TPU pods: pmap, pjit",
    "the user's own",
    "by accelerate",
  ),
  "Weights that ship": ("nano, of a toy world", "no", "others' on a hub"),
}

MOVING = """\
## Moving to us

From lumiere-pytorch:

| there | here |
|---|---|
| `Lumiere(model, conv_module_names=...)` | a recipe's `model` section; \
`models.build("base", ...)` puts modules by level, not by name |
| `TemporalDownsample`, `TemporalUpsample` | `nn.resample`, with the same \
names; kernels start as the identity, and frames 0, 2, 4... are kept |
| `ConvolutionInflationBlock` | `models.temporal.TemporalConvBlock` |
| `AttentionInflationBlock(depth=n)` | `model.temporal.attention_blocks=n` |
| `lumiere.parameters()` are the temporal ones | `models.inflate.split` |
| video `[B, C, T, H, W]` | `[B, T, H, W, C]`, float32 in [-1, 1] |
| your own loop, loss and sampler | `lumiere train`, `lumiere sample` |

Weights that were trained with its modules do not fit: its kernels begin
elsewhere and its norm is another one. Those of the image network do, once
they are in diffusers' format.

From diffusers:

| there | here |
|---|---|
| `UNet2DConditionModel` of pixels (DeepFloyd IF) | `lumiere import`, then \
`--config.init_from` of `configs/if_64.py` |
| `T5EncoderModel` | imported too; `lumiere embed` runs it once over a dataset |
| `num_inference_steps`, `guidance_scale`, `seed`, `fps`, `num_frames` | the \
same names in `lumiere sample` |
| `timestep` from 0 to 999 | `t` from 0 (clean) to 1, 1000 t = timestep |
| `[B, C, H, W]` | `[B, T, H, W, C]` |

And back: `lumiere export` writes the image part in diffusers' format.
"""

METHOD = """\
Every framework runs in a process of its own; the processes of a case are timed
in turns, in an order that rotates, and compared by medians. "95 %" is a
bootstrap interval of the ratio over rounds. "of CPU s" is the ratio of
processor seconds, which says more where the machine had other work. Peak memory
is VmHWM of the process, compilation among it where programs were not kept from
an earlier run; "running" is its largest size after the first run, when what a
compiler has not given back still counts; with `--device gpu` peak memory is
that of the GPU, by each framework's own count. Networks are matched: parameters
within 2 %, FLOPs within 5 %, each by its own framework's count. Weights are
float32 everywhere; `--dtype bfloat16` shortens what is multiplied, in PyTorch
by its autocast.

lumiere-pytorch wraps `comparison/peer_unet.py`, our image network in PyTorch,
layer for layer. It has no loss, sampler or super-resolution: those lines are
ours, and super-resolution uses its blocks without its wrapper, which refuses a
network without temporal resizes.
"""


def page(found: Mapping[str, Any]) -> str:
  """The page, from what `peers.run` saves."""
  parts = [
    "# Beside other frameworks\n",
    "Written by `lumiere compare peers --page docs/comparison.md`; do not "
    "edit.\n",
    _where(found),
    *([found["note"] + "\n"] if "note" in found else []),
    "## Speed and memory\n",
    METHOD,
    peer_report.table(found["rows"]) + "\n",
    "## Start-up and compilation\n",
    _starts(found["rows"]),
    "## What is there\n",
    _features(),
    "## Numbers as the inflation starts\n",
    _numerics(found.get("numerics", {})),
    MOVING,
  ]
  return "\n".join(parts)


def _where(found: Mapping[str, Any]) -> str:
  machine, versions = found["machine"], {}
  for row in found["rows"]:
    versions |= row.get("versions", {})
  named = ", ".join(f"{k} {v}" for k, v in sorted(versions.items()))
  busy = (
    "\nThe machine had other work in the minute before the start. Where that "
    "went on, seconds of the clock, and ratios of them, say little, and those "
    "of processors more.\n"
  )
  kept = (
    "\nPrograms that an earlier run had compiled were kept: what compiling "
    "takes is not told below for all of them.\n"
  )
  return (
    f"{machine['date']}, {machine['processor']}, {machine['threads']} threads "
    f"on {machine['cores']} cores, load {machine['load']:.1f} at the start; "
    f"OMP_WAIT_POLICY {machine['waiting']}; {named}.\n"
    + (kept if machine["kept"] else "")
    + (busy if machine["load"] > machine["cores"] / 2 else "")
  )


def _starts(rows) -> str:
  lines = ["| work | framework | start-up s | build and first run s |"]
  lines.append("|---|---|---|---|")
  for row in rows:
    if "first" not in row:
      continue
    title = peer_cases.TITLES[row["case"]["task"]]
    lines.append(
      f"| {title}, {peer_report.shape(row['case'])} "
      f"| {row['framework']} {row['mode']} | {row['start_up']:.1f} "
      f"| {row['build'] + row['first']:.1f} |"
    )
  return "\n".join(lines) + "\n"


def _features() -> str:
  lines = [
    "| | ours | lumiere-pytorch 0.0.24 | diffusers |",
    "|---|---|---|---|",
  ]
  lines += [
    f"| {name} | " + " | ".join(has) + " |" for name, has in FEATURES.items()
  ]
  return "\n".join(lines) + "\n"


def _numerics(numerics: Mapping[str, Mapping[str, float]]) -> str:
  if not numerics:
    return "Not measured.\n"
  ours, theirs = (
    numerics.get(name, {}) for name in (peer_cases.OURS, peer_cases.LUMIERE)
  )
  lines = [
    "Lumiere's inflation starts as the image network (section 3.1). Errors are "
    "the largest, over the largest of what it should be.\n",
    "| | ours | lumiere-pytorch |",
    "|---|---|---|",
  ]
  say = lambda found, name: f"{found[name]:.2g}" if name in found else ""
  lines += [
    f"| {said} | {say(ours, name)} | {say(theirs, name)} |"
    for name, said in NUMERICS.items()
  ]
  return "\n".join(lines) + "\n"
