"""How a command ends: our errors are one sentence, bugs keep a traceback."""

from collections.abc import Callable, Sequence
import os
import select
import sys
from typing import Any

from lumiere_jax import errors


def run(main: Callable[..., Any], argv: Sequence[str] | None = None) -> Any:
  """Runs a command; leaves with code 2 on an error a person can act on.

  Args:
    main: the command; called without arguments where there is no `argv`.
    argv: its arguments.
  """
  try:
    try:
      return main() if argv is None else main(argv)
    finally:
      sys.stdout.flush()
  except BrokenPipeError:
    # Who read what is printed has left, as `lumiere ... | head` does; any other
    # pipe that breaks is a bug.
    if not _nobody_reads():
      raise
    raise SystemExit(141) from None
  except errors.LumiereError as error:
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(2) from error
  except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
    raise SystemExit(130) from None


def _nobody_reads() -> bool:
  """Whether standard output is closed; if so what is left goes nowhere."""
  out = sys.stdout.fileno()
  poll = select.poll()
  poll.register(out, 0)
  if not any(event & select.POLLERR for _, event in poll.poll(0)):
    return False
  os.dup2(os.open(os.devnull, os.O_WRONLY), out)
  return True
