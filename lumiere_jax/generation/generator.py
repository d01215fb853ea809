"""A cascade of loaded stages that turns requests into clips.

prompt -+-> base -> guard -+-> ssr -> guard -> Result
        +------------------+
"""

from collections.abc import Mapping, Sequence
import copy
import dataclasses
import os
import pathlib
from typing import Any, Self

import jax
import numpy as np

from lumiere_jax import errors
from lumiere_jax import models
from lumiere_jax import shipped
from lumiere_jax.generation import given as givens
from lumiere_jax.generation import guard
from lumiere_jax.generation import painter
from lumiere_jax.generation import plans
from lumiere_jax.generation import progress
from lumiere_jax.generation import request as requests
from lumiere_jax.generation import result as results
from lumiere_jax.provenance import run_record
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import styles
from lumiere_jax.stages import weights


class Generator:
  """Paints clips with one stage, or with two.

  Attributes:
    weights: where they were loaded from, as the person wrote it.
    stages: the stages, first to last; the second upsamples.
  """

  def __init__(self, stages: Sequence[painter.Loaded], weights: str = ""):
    self.weights = weights
    self.stages = tuple(loaded.stage for loaded in stages)
    self._painters = [painter.Painter(loaded) for loaded in stages]

  def styled(self, style: str | os.PathLike, alpha: float) -> Self:
    """The same cascade, its first stage in a style.

    What a style changes is the image network's; what was learned about motion,
    and super-resolution, stay as they are, and nothing is compiled again.

    Args:
      style: see `stages.styles.load`.
      alpha: how much of it: 0 none, 1 all.

    Raises:
      ConfigError: `alpha` is out of range.
      WeightsError: there is no such style, or it fits another network.
    """
    if not 0 <= alpha <= 1:
      raise errors.ConfigError(
        f"alpha is {alpha}; it lies from 0, no style, to 1, all of it."
      )
    first, *others = self._painters
    loaded = first.loaded
    network = loaded.params["network"]
    change, digest = styles.load(style, network, self.weights)
    network = models.style.blend(network, change, alpha)
    params = loaded.params | {
      "network": jax.tree.map(lambda x: np.asarray(x, np.float32), network)
    }
    digest = f"{loaded.digest} + {alpha:g} x {digest}"
    styled = copy.copy(self)
    styled._painters = [first.with_weights(params, digest), *others]
    return styled

  def advising(self, settings: Mapping[str, Mapping[str, Any]]) -> Self:
    """The same cascade, sampled as a record says, not as its weights advise.

    Args:
      settings: stage name -> see `plans.advising`; other stages stay.
    """
    stages = [
      one._replace(stage=plans.advising(one.stage, settings[one.stage.name]))
      if settings.get(one.stage.name)
      else one
      for one in self.loaded
    ]
    return type(self)(stages, self.weights)

  @property
  def loaded(self) -> list[painter.Loaded]:
    """The stages with their weights, first to last."""
    return [one.loaded for one in self._painters]

  @property
  def digests(self) -> dict[str, str]:
    """Stage name -> digest of its weights."""
    return {one.stage.name: one.digest for one in self.loaded}

  @property
  def fps(self) -> int:
    """Frames a second of the clips."""
    return self.stages[0].recipe["data"]["fps"]

  def shape(self, request: requests.Request) -> tuple[int, int, int]:
    """(T, H, W) of the clips of a completed request."""
    last = self.stages[-1 if request.ssr else 0]
    return request.num_frames, *last.frame_shape[1:3]

  def complete(self, request: requests.Request) -> requests.Request:
    """Returns the request with all that it leaves open filled in.

    Raises:
      ConfigError: a negative prompt that guidance 1 would ignore, or an
        overlap that does not fit the window.
    """
    for stage in self.stages:
      request = request.complete(plans.defaults(stage))
    request = dataclasses.replace(
      request, ssr=request.ssr and len(self.stages) > 1
    )
    if request.negative_prompt and request.guidance_scale == 1:
      raise errors.ConfigError(
        "a negative prompt has no effect at guidance_scale 1; raise the scale "
        "above 1 or leave the negative prompt out."
      )
    return request

  def __call__(
    self,
    request: requests.Request,
    on_step: progress.OnStep | None = None,
    *,
    indices: Sequence[int] | None = None,
    given: givens.Given | None = None,
    source: givens.Source | None = None,
  ) -> results.Result:
    """Paints the clips of a request.

    Args:
      request: what to paint.
      on_step: told after each denoising step of each stage (on simulated
        devices after each stage alone); watching copies the clips to the host
        at each step.
      indices: which of the request's clips to paint; all unless given. A clip
        is the same whatever is painted with it.
      given: pixels to keep, at the size of the result; of networks that were
        trained to be told of them.
      source: a clip for the first stage to start from, rather than from noise.

    Raises:
      WeightsError: pixels are given to networks that cannot be told.
      QualityError: a stage painted no video and `request.guard` is on.
      ConfigError: see `complete`.
      ShapeError: a length that the networks or windows do not take.
    """
    request = self.complete(request)
    self._require_told(given, request)
    if indices is None:
      indices = range(request.num_videos)
    told = dict(given=given, source=source, on_step=on_step)
    runs = [self.paint(request, indices, **told)]
    warnings = _inspect(runs[0], request.guard)
    if request.ssr:
      low_res = runs[0].clips
      runs.append(
        self.upsample(request, indices, low_res, given=given, on_step=on_step)
      )
      warnings += _inspect(runs[1], request.guard)
    return results.Result(
      request=request,
      indices=tuple(indices),
      fps=self.fps,
      stages=tuple(runs),
      weights=self.weights,
      device=f"{jax.devices()[0].device_kind} x {jax.local_device_count()}",
      warnings=tuple(warnings),
    )

  def paint(
    self,
    request: requests.Request,
    indices: Sequence[int],
    *,
    given: givens.Given | None = None,
    source: givens.Source | None = None,
    on_step: progress.OnStep | None = None,
  ) -> results.StageRun:
    """Runs the first stage alone and unguarded, on a completed request."""
    told = dict(given=given, source=source, on_step=on_step)
    return self._painters[0](request, indices, **told)

  def upsample(
    self,
    request: requests.Request,
    indices: Sequence[int],
    low_res: np.ndarray,
    *,
    given: givens.Given | None = None,
    size: tuple[int, int] | None = None,
    on_step: progress.OnStep | None = None,
  ) -> results.StageRun:
    """Runs super-resolution alone and unguarded, on a completed request.

    Args:
      request: what the clips show; its length gives way to `low_res`'s.
      indices: B numbers, which clips' noise to use.
      low_res: [B, T, h, w, 3] float32 in [-1, 1].
      given: see `__call__`.
      size: (H, W) to upsample to; the stage's own unless given.
      on_step: likewise.

    Raises:
      WeightsError: the weights have no such stage.
    """
    if self.stages[-1].name != stages.SUPER_RESOLUTION:
      raise errors.WeightsError(
        f"{self.weights} holds stage {self.stages[0].name!r} only, and "
        "upsampling needs a second; give a folder that holds base/ and ssr/."
      )
    request = dataclasses.replace(request, num_frames=low_res.shape[1])
    return self._painters[-1](
      *(request, indices),
      low_res=low_res,
      given=given,
      size=size,
      on_step=on_step,
    )

  def _require_told(self, given: givens.Given | None, request) -> None:
    """Refuses pixels for networks that were never told of any."""
    if given is None:
      return
    for stage in self.stages[: 2 if request.ssr else 1]:
      if not stage.network.spec.given:
        raise errors.WeightsError(
          f"stage {stage.name!r} of {self.weights} was not trained to be given "
          "pixels; use weights of a conditional recipe (model.given=true)."
        )


def load(
  path: str | os.PathLike, *, is_conditional: bool = False, paints: bool = True
) -> Generator:
  """Loads a training run, a folder of runs, or weights that ship with us.

  A folder of runs holds base/ (or t2i/) and ssr/, and conditional/ where
  networks may be given pixels.

  Exported weights stand in for a run: base.safetensors for base/.

  Args:
    path: where, or the name of weights that ship with us.
    is_conditional: whether pixels will be given; then conditional/ comes before
      base/.
    paints: whether clips will be made; else super-resolution alone will do.

  Raises:
    WeightsError: there are no weights there; the message says what is.
  """
  folder = shipped.find(path)
  if _is_run(folder):
    runs = [folder]
  else:
    names = ("base", "conditional", "t2i")
    if is_conditional:
      names = ("conditional", "base")
    first = [run for name in names for run in _runs(folder, name)]
    # The image stage is there for the base to start from, once there is one.
    runs = first[:1] + _runs(folder, "ssr")[:1]
  loaded = [
    painter.Loaded(*weights.load(run), export.record(run).datasets)
    for run in runs
  ]
  is_ssr = bool(loaded) and loaded[0].stage.name == stages.SUPER_RESOLUTION
  if is_ssr and paints:
    raise errors.WeightsError(
      f"{path} is super-resolution alone, and there is no clip to enlarge; "
      "give a folder that holds it as ssr/ and base/ or t2i/ beside it, or a "
      "clip to lumiere upscale."
    )
  if not loaded:
    raise errors.WeightsError(
      f"no weights to start from in {path}: {_contents(folder)}. Give a "
      f"training run's folder (it holds {run_record.FILE}) of stage base or "
      "t2i, or a folder that holds such runs as base/ and ssr/."
    )
  if loaded[0].stage.name in stages.PAINTLESS:
    raise errors.WeightsError(
      f"{path} is a run of stage {loaded[0].stage.name!r}, which paints "
      "nothing; give one of stage base or t2i."
    )
  return Generator(loaded, str(path))


def _is_run(path: pathlib.Path) -> bool:
  return (path / run_record.FILE).is_file() or export.is_export(path)


def _runs(folder: pathlib.Path, name: str) -> list[pathlib.Path]:
  """What in a folder holds the weights of a stage, the preferred first."""
  paths = [folder / name, folder / f"{name}{export.SUFFIX}"]
  return [path for path in paths if _is_run(path)]


def _contents(folder: pathlib.Path) -> str:
  """Says what stands at a path."""
  if not folder.exists():
    return "there is no such folder"
  if not folder.is_dir():
    return "it is a file"
  names = sorted(entry.name for entry in folder.iterdir())
  more = f" and {len(names) - 8} more" if len(names) > 8 else ""
  return f"it holds {', '.join(names[:8]) or 'nothing'}{more}"


def _inspect(run: results.StageRun, is_strict: bool) -> list[str]:
  """Refuses a stage's clips, or returns what is wrong with them."""
  try:
    guard.check(run.name, run.clips)
  except errors.QualityError as error:
    if is_strict:
      raise
    return [str(error)]
  return []
