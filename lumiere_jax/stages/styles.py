"""Styles that were trained: runs, exported weights, or one of those that ship.

See `models.style` for what a style is.
"""

import os
import pathlib

from lumiere_jax import errors
from lumiere_jax import shipped
from lumiere_jax.models import style as styles
from lumiere_jax.stages import export
from lumiere_jax.stages import stage as stages
from lumiere_jax.stages import weights
from lumiere_jax.types import Params


def load(
  name: str | os.PathLike, network: Params, of: str | os.PathLike
) -> tuple[styles.Change, str]:
  """Loads a style for a network.

  Args:
    name: folder or file of a run of `trainable="style"`, of one of stage t2i
      that was trained whole, or the name of a style that ships with `of`.
    network: parameters of the network that is to be stylised.
    of: weights of that network, as the person named them.

  Returns:
    What is added to the network at alpha 1, and the digest of the style.

  Raises:
    WeightsError: there is no such style, or it is of another network.
  """
  path = shipped.find_style(name, of)
  if not path.exists():
    known = ", ".join(shipped.styles(of)) or "none"
    raise errors.WeightsError(
      f"there is no style {name}; give the folder of a run of configs/"
      f"nano.py:style, or a style that ships with {of}: {known}."
    )
  params = _params(path)
  if stages.STYLE in params:
    change = styles.change(params[stages.STYLE], network)
    return change, weights.digest(params[stages.STYLE])
  return styles.difference(params["network"], network), weights.digest(params)


def _params(path: pathlib.Path) -> Params:
  if export.is_export(path):  # of a style it holds the style alone
    params, record = export.read(path)
    stage = record.recipe["stage"]
  else:
    loaded, params, _ = weights.load(path)
    stage = loaded.name
  if stage != stages.IMAGES and stages.STYLE not in params:
    raise errors.WeightsError(
      f"{path} is a run of stage {stage!r}; a style is one of stage t2i, or of "
      f'trainable="{stages.STYLE}".'
    )
  return params
