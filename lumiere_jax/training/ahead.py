"""The next batches on their way to the device while the current one trains.

A thread draws and places them, so that a step never waits for the bus.  The
place that is saved with a checkpoint is that of the last batch handed out,
not of the last one drawn: what was drawn ahead is drawn again after a stop.
"""

from collections.abc import Callable, Iterator
import queue
import threading
from typing import Any, Protocol

from lumiere_jax.types import VideoBatch

# Two: one that the device copies while the other waits for the host.
DEPTH = 2
_POLL = 0.1  # seconds after which a thread looks whether it is still wanted


class ClipSource(Protocol):
  """An iterator of this process's batches that knows its place."""

  def __next__(self) -> VideoBatch:
    """The next batch, numpy arrays."""

  def get_state(self) -> Any:
    """Its place, as JSON."""

  def set_state(self, state: Any) -> None:
    """Continues from a place."""


class Ahead(Iterator[VideoBatch]):
  """Batches on the device, up to `depth` of them ahead of who asks.

  Attributes:
    batches: where they come from; touched by the thread alone once it runs.
    place: assembles this process's part into global arrays.
    depth: batches that are ready at most.
  """

  def __init__(
    self,
    batches: ClipSource,
    place: Callable[[VideoBatch], VideoBatch],
    depth: int = DEPTH,
  ):
    self.batches, self.place, self.depth = batches, place, depth
    self._state = batches.get_state()
    self._thread = None

  def __next__(self) -> VideoBatch:
    """Waits for a batch; raises what drawing it raised."""
    if self._thread is None:
      self._start()
    batch, state, error = self._ready.get()
    if error is not None:
      self.close()
      raise error
    self._state = state
    return batch

  def get_state(self) -> Any:
    """The place behind the last batch handed out."""
    return self._state

  def set_state(self, state: Any) -> None:
    """Continues from a place; what was drawn ahead is dropped."""
    self.close()
    self.batches.set_state(state)
    self._state = state

  def close(self) -> None:
    """Ends the thread; the next batch starts it where it was."""
    if self._thread is None:
      return
    self._stop.set()
    self._thread.join()
    self._thread = None
    self.batches.set_state(self._state)

  def _start(self) -> None:
    self._ready: queue.Queue = queue.Queue(self.depth)
    self._stop = threading.Event()
    self._thread = threading.Thread(
      target=self._draw, args=(self._ready, self._stop), daemon=True
    )
    self._thread.start()

  def _draw(self, ready: queue.Queue, stop: threading.Event) -> None:
    while not stop.is_set():
      try:
        batch = self.place(next(self.batches))
        item = batch, self.batches.get_state(), None
      except BaseException as error:  # handed to who waits for the batch
        item = None, None, error
      while not stop.is_set():
        try:
          ready.put(item, timeout=_POLL)
          break
        except queue.Full:
          continue
      if item[2] is not None:
        return
