"""Being asked to stop, and stopping at a step that all processes agree on.

A spot machine is told half a minute before it goes, by SIGTERM, and often one
machine of many is told alone.  JAX carries the notice to the others and names
a step that none of them has passed.  Ctrl-C means the same; twice, it means
now.
"""

import os
import signal

import jax
from jax.experimental import multihost_utils


class Stop:
  """Whether somebody asked for a stop; listens from its first use.

  Attributes:
    signal: name of the signal that this process got, or None.
  """

  def __init__(self):
    self.signal: str | None = None
    self._has_company = jax.process_count() > 1
    self._before = {signal.SIGINT: signal.signal(signal.SIGINT, self._hear)}
    if not self._has_company:  # else the signal is JAX's, which tells all
      self._before[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._hear)

  def asked(self, step: int) -> bool:
    """Whether to save and leave now; every process asks before every step."""
    if self._has_company:
      return multihost_utils.reached_preemption_sync_point(step)
    return self.signal is not None

  def close(self) -> None:
    """Gives the signals back."""
    for number, handler in self._before.items():
      signal.signal(number, handler or signal.SIG_DFL)
    self._before = {}

  def _hear(self, number: int, frame) -> None:
    del frame
    is_again = self.signal is not None
    self.signal = signal.Signals(number).name
    if is_again and number == signal.SIGINT:
      raise KeyboardInterrupt
    if self._has_company:
      os.kill(os.getpid(), signal.SIGTERM)
