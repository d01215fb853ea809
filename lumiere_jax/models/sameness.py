"""Whether two image networks make the same of the same weights.

Shapes do not tell: an activation more or less, heads of another size, sums that
are divided leave all of them as they are, and every picture wrong.
"""

import dataclasses
from typing import Any

from lumiere_jax.models import spec as specs


def explicit(spec: specs.UNetSpec, text_width: int) -> specs.UNetSpec:
  """The same network, with what is left to defaults said."""
  levels, variant = range(spec.num_levels), spec.variant
  pool = variant.pool_head_dim or min(spec.head_dim, text_width)
  at = lambda way: {
    "head_dims": tuple(spec.head_dim_at(k, way) for k in levels),
    "attention": tuple(k for k in levels if spec.attends(k, way)),
    "strided": tuple(k for k in levels if spec.resize_at(k, way) == "strided"),
    "text_only": tuple(
      k for k in levels if spec.attention_kind_at(k, way) == "cross"
    ),
  }
  down, up = at("down"), at("up")
  kind = "joint" if spec.attention_kind == "cross" else spec.attention_kind
  scale = variant.middle_scale
  return dataclasses.replace(
    spec,
    attention=down["attention"],
    attention_kind=kind,
    head_dim=down["head_dims"][-1],
    text_width=spec.text_width or max(spec.widths),
    resize="pooled",
    variant=dataclasses.replace(
      variant,
      head_dims=down["head_dims"],
      up_head_dims=up["head_dims"],
      up_attention=up["attention"],
      text_only=down["text_only"],
      up_text_only=up["text_only"],
      middle_text_only=spec.attention_kind_at(levels[-1], "middle") == "cross",
      down_strided=down["strided"],
      up_strided=up["strided"],
      middle_scale=variant.residual_scale if scale is None else scale,
      noise_level=spec.told_noise_level,
      pool_head_dim=pool if spec.pooled_text else None,
    ),
  )


def differences(
  one: specs.UNetSpec, other: specs.UNetSpec
) -> dict[str, tuple[Any, Any]]:
  """Field -> (of one, of the other) wherever two specs differ.

  Args:
    one: explicit.
    other: likewise.
  """
  pairs = [("", one, other), ("variant.", one.variant, other.variant)]
  found = {}
  for prefix, a, b in pairs:
    for field in dataclasses.fields(a):
      values = getattr(a, field.name), getattr(b, field.name)
      if field.name != "variant" and values[0] != values[1]:
        found[f"{prefix}{field.name}"] = values
  return found
