"""How a network is run, apart from what it computes.

None of this changes a number beyond rounding, nor a parameter's name: what is
recomputed in the backward pass, where the frames live, and when weights that
are cut over devices come together.
"""

from collections.abc import Callable
import dataclasses
import functools

import flax.linen as nn
import jax

from lumiere_jax import errors
from lumiere_jax.nn import saved
from lumiere_jax.nn import softmax_attention
from lumiere_jax.nn import timeline as timelines
from lumiere_jax.types import Params, Timeline

_policies = jax.checkpoint_policies
REMAT = {
  "none": None,
  "blocks": _policies.nothing_saveable,
  "convs": _policies.save_only_these_names(saved.CONVOLVED),
  "offload": _policies.save_and_offload_only_these_names(
    names_which_can_be_saved=[],
    names_which_can_be_offloaded=[saved.BLOCK_INPUT],
    offload_src="device",
    offload_dst="pinned_host",
  ),
}

# (path of a module, its parameters as this device holds them) -> whole ones
Gather = Callable[[tuple[str, ...], Params], Params]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Execution:
  """How a network is run.

  Attributes:
    remat: what the backward pass finds of each block, and computes again
      otherwise: "none" (finds everything), "convs" (results of convolutions),
      "blocks" (inputs of blocks), "offload" (those too, on the host).  One for
      all levels, or one for each, finest first.
    scan: whether blocks of a level that are alike become one loop, which
      compiles once, where nothing is handed across from each of them; their
      weights are then copied into one array.
    timeline: frames on this device -> where the clip's frames live.
    attention_chunk: pixels that ask at a time in attention among them; None
      for all at once. See `nn.softmax_attention`.
    gather: brings a block's weights together just before it runs, and again
      in the backward pass; None where they are whole.
  """

  remat: str | tuple[str, ...] = "none"
  scan: bool = False
  timeline: Callable[[int], Timeline] = timelines.Whole
  attention_chunk: int | None = softmax_attention.CHUNK
  gather: Gather | None = None

  def __post_init__(self):
    if not isinstance(self.remat, str):
      object.__setattr__(self, "remat", tuple(self.remat))
    for each in (self.remat,) if isinstance(self.remat, str) else self.remat:
      errors.require_one_of("remat", each, tuple(REMAT))

  def check(self, num_levels: int) -> None:
    """Refuses a list of remats that is not one a level."""
    if not isinstance(self.remat, str) and len(self.remat) != num_levels:
      raise errors.ConfigError(
        f"remat names {len(self.remat)} levels, {list(self.remat)}, and the "
        f"network has {num_levels}; give one for each, or one word for all."
      )

  def wrap(
    self,
    block: type[nn.Module],
    path: tuple[str, ...],
    level: int,
    static_argnums: tuple[int, ...] = (),
  ) -> type[nn.Module]:
    """A block's class that gathers its weights and recomputes as told."""
    if self.gather is not None:
      block = nn.map_variables(
        block, "params", functools.partial(_gathered, self.gather, path)
      )
    remat = self.remat if isinstance(self.remat, str) else self.remat[level]
    if remat == "none" and self.gather is not None:
      # Or whole weights would be kept for the backward pass.
      return nn.remat(
        block, policy=_all_but_weights, static_argnums=static_argnums
      )
    if remat == "none":
      return block
    return nn.remat(block, policy=REMAT[remat], static_argnums=static_argnums)


def _gathered(gather: Gather, path, variables):
  return {"params": gather(path, variables["params"])}


def _all_but_weights(primitive, *_, **__) -> bool:
  return primitive.name != "all_gather"
