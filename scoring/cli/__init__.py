"""The `scoring` command.

- `app`: registers all commands; error messages and exit codes
- `commands`: one module per command; `serving`: the commands `lab` and `panel`; `server_process`: their servers
- `tables`: the tables that commands print; `export`: write tables and plots to files
- `opening`, `holdout_options`, `tune_request`: options and loading that commands share
- `progress`: progress output of long commands; `signals`: handling of Ctrl-C and SIGTERM
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments (None: those of the process) and exit.

    Exit codes: 0 success, 1 an error, 2 an invalid command line, 3 a run that its gate holds back, 130 stopped by
    Ctrl-C, 143 stopped by SIGTERM.
    """
    # Rare garbage collections, and none at exit, save 0.6 s of a run: 0.3 s of 1.3 s of imports, 0.3 s at exit.
    gc.set_threshold(1_000_000)
    try:
        from scoring.cli.app import app
        from scoring.cli.signals import Terminated, stops
    except KeyboardInterrupt:  # during imports
        raise SystemExit(130) from None
    stops.listen()
    try:
        app(args=None if arguments is None else list(arguments), prog_name="scoring")
    except KeyboardInterrupt as stop:  # before the command started
        raise SystemExit(143 if isinstance(stop, Terminated) else 130) from None
    finally:
        gc.freeze()
