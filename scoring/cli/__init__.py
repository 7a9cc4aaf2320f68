"""The `scoring` command.

- `app`: all commands, errors as one sentence, exit codes
- `commands`: one module for each command; `serving`: `lab` and `panel`, whose servers run in `server_process`
- `tables`: the tables that commands print; `export`: the same as files
- `opening`, `holdout_options`, `tune_request`: options and loading that commands share
- `progress`: what is shown during long work; `signals`: Ctrl-C and SIGTERM
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command with these arguments (None: the process's own) and exits.

    Exit codes: 0 done, 1 an error, 2 a command line that cannot be understood, 3 a run that its
    gate keeps aside, 130 and 143 stopped by Ctrl-C, SIGTERM.
    """
    # a process of one command: looking for garbage through all that its imports made, seldom and not once more at
    # the end, saves 0.6 s of a run (0.3 of 1.3 s of imports, and 0.3 as the interpreter ends)
    gc.set_threshold(1_000_000)
    try:
        from scoring.cli.app import app
        from scoring.cli.signals import Terminated, stops
    except KeyboardInterrupt:  # while modules load
        raise SystemExit(130) from None
    stops.listen()
    try:
        app(args=None if arguments is None else list(arguments), prog_name="scoring")
    except KeyboardInterrupt as stop:  # before the command was at work
        raise SystemExit(143 if isinstance(stop, Terminated) else 130) from None
    finally:
        gc.freeze()
