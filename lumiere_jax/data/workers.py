"""Shards by several processes at once, none of which outlives the first.

A worker that went on after the command was killed would write into the folder
that the next command works in.
"""

from collections.abc import Callable, Iterator, Sequence
import concurrent.futures
import contextlib
import multiprocessing
import os
import pathlib
import signal
import threading

from lumiere_jax import errors
from lumiere_jax.data import making

# (files done, files to do, path of the last or "") now and then.
OnFile = Callable[[int, int, str], None]
_POLL = 0.2  # seconds between looks at what the workers have done


def make_all(
  tasks: Sequence[making.Task], count: int, on_file: OnFile | None = None
) -> None:
  """Makes the shards that are not there yet.

  Args:
    tasks: all shards.
    count: processes; 1 works in this one; 0 as many as there are cores.
    on_file: told how far it is, at the beginning too.

  Raises:
    LumiereError: as `making.make`, or a worker process died.
  """
  todo = [task for task in tasks if not task.is_done]
  total, done = sum(len(task.files) for task in todo), 0
  count = min(count or os.cpu_count() or 1, len(todo))
  if on_file and todo:
    on_file(0, total, "")
  if count > 1:
    _in_processes(todo, count, total, on_file)
    return

  def one_more(file) -> None:
    nonlocal done
    done += 1
    if on_file:
      on_file(done, total, file.path)

  for task in todo:
    making.make(task, one_more)


def _in_processes(todo, count: int, total: int, on_file) -> None:
  for left in todo[0].folder.glob("at-*"):
    left.unlink()
  fresh = multiprocessing.get_context("spawn")
  done, stop = fresh.Value("l", 0), fresh.Event()
  pool = concurrent.futures.ProcessPoolExecutor(
    count, fresh, initializer=_begin, initargs=(done, stop)
  )
  with pool:
    with _deaf():
      waiting, told = {pool.submit(_make, task) for task in todo}, 0
    try:
      while waiting:
        ready, waiting = concurrent.futures.wait(
          waiting,
          timeout=_POLL,
          return_when=concurrent.futures.FIRST_COMPLETED,
        )
        if on_file and done.value > told:
          told = done.value
          on_file(told, total, "")
        for future in ready:
          future.result()
    except concurrent.futures.process.BrokenProcessPool as error:
      raise _died(todo[0].folder) from error
    finally:
      stop.set()  # each worker ends after the file it is at
      pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
  """Starts processes that do not hear Ctrl-C: the first one tells them.

  It is the terminal that tells all of them, also one that has only begun and
  would answer with a traceback; so they inherit what they are to ignore.
  """
  if threading.current_thread() is not threading.main_thread():
    yield
    return
  before = signal.signal(signal.SIGINT, signal.SIG_IGN)
  try:
    yield
  finally:
    signal.signal(signal.SIGINT, before)


def _died(folder: pathlib.Path) -> errors.DataError:
  at = sorted(path.read_text() for path in folder.glob("at-*"))
  return errors.DataError(
    f"a worker process died at one of {', '.join(at) or 'the first files'}: it "
    "was killed, perhaps for want of memory, or a file crashes the decoder. "
    "Run the same command again to go on, with fewer --workers; take the file "
    "out if it happens again."
  )


def _begin(done, stop) -> None:
  """Sets up a worker process."""
  threading.Thread(target=_die_with_parent, daemon=True).start()
  _make.done, _make.stop = done, stop


def _die_with_parent() -> None:
  multiprocessing.parent_process().join()
  os._exit(1)  # whoever waits for this process is gone


def _make(task: making.Task) -> None:
  at = task.folder / f"at-{os.getpid()}"

  def on_begin(file) -> None:
    at.write_text(file.path, encoding="utf-8", errors="backslashreplace")

  def on_file(_) -> None:
    with _make.done.get_lock():
      _make.done.value += 1

  with contextlib.suppress(making.StoppedError):
    making.make(task, on_file, _make.stop.is_set, on_begin)
  at.unlink()
