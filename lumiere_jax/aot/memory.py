"""Bytes that a compiled program needs on each device, and on its host."""

import dataclasses

import jax


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
  """`compiled.memory_analysis()`, in bytes a device.

  Attributes:
    arguments: what the program is given.
    outputs: what it returns, donated arguments included.
    aliased: the part of the outputs that takes the place of arguments.
    temporaries: what it needs in between at its peak.
    code: the program itself.
    host_arguments: as `arguments`, in the memory of the host.
    host_outputs: as `outputs`, there.
    host_aliased: as `aliased`, there.
    host_temporaries: as `temporaries`, there: what is offloaded.
  """

  arguments: int
  outputs: int
  aliased: int
  temporaries: int
  code: int
  host_arguments: int = 0
  host_outputs: int = 0
  host_aliased: int = 0
  host_temporaries: int = 0

  @property
  def total(self) -> int:
    """HBM in use while it runs."""
    return (
      self.arguments
      + self.outputs
      - self.aliased
      + self.temporaries
      + self.code
    )

  @property
  def host_total(self) -> int:
    """Memory of the host in use for each device."""
    return (
      self.host_arguments
      + self.host_outputs
      - self.host_aliased
      + self.host_temporaries
    )


def of(compiled: jax.stages.Compiled) -> Memory:
  """What the compiler says of a program that fits."""
  found = compiled.memory_analysis()
  return Memory(
    arguments=found.argument_size_in_bytes,
    outputs=found.output_size_in_bytes,
    aliased=found.alias_size_in_bytes,
    temporaries=found.temp_size_in_bytes,
    code=found.generated_code_size_in_bytes,
    host_arguments=found.host_argument_size_in_bytes,
    host_outputs=found.host_output_size_in_bytes,
    host_aliased=found.host_alias_size_in_bytes,
    host_temporaries=found.host_temp_size_in_bytes,
  )
