"""How a command ends: our errors are one sentence, bugs keep a traceback."""

from collections.abc import Callable, Sequence
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
    return main() if argv is None else main(argv)
  except errors.LumiereError as error:
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(2) from error
  except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
    raise SystemExit(130) from None
