"""The `scoring` command.

- `app`: registers all commands; error messages and exit codes; `error_pages`: the page that an error names
- `commands`: one module per command, named after the verb that the user types
- `tables`: the tables that commands print; `result_export`, `mlflow_run`: write tables to files and to MLflow
- `options`, `holdout_options`, `slice_options`, `list_file_options`, `tune_options`: types and defaults of options
- `evaluate_request`, `backtest_request`, `job_request`, `tune_request`: the options of a command, and what they ask for
- `input_loader`: data, models and components from the values of options; `evaluation_log_entry`: looks at test users
- `path_expansion`: `~` in the paths of all options
- `output_failures`: encoding and failures of stdout and stderr, and the exit code then
- `progress`: progress output of long commands; `signals`: handling of Ctrl-C and SIGTERM
- `jupyter_server`: the server of `lab` and `panel`
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence

__all__ = ["main"]

# in pointers, so that the interpreter allocates 1 MiB: the smallest power of two of bytes above it
FRAME_SIZE = 70_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments (None: those of the process) and exit.

    Exit codes: 0 success, 1 an error, 2 an invalid command line, 3 a run that its gate holds back, 4 a time
    limit that was reached (the best result so far is printed), 130 stopped by
    Ctrl-C, 141 a pipe whose reader has closed it before the result was printed, 143 stopped by SIGTERM.
    """
    # Rare garbage collections, and none at exit, save 0.6 s of a run: 0.3 s of 1.3 s of imports, 0.3 s at exit.
    gc.set_threshold(1_000_000)
    try:
        _call_in_large_frame(lambda: _run(arguments))
    finally:
        gc.freeze()


def _run(arguments: Sequence[str] | None) -> None:
    try:
        from scoring.cli.output_failures import open_closed_descriptors

        open_closed_descriptors()
        from scoring.cli.app import app
        from scoring.cli.signals import TerminatedError, stop_signals
    except KeyboardInterrupt:  # during imports
        raise SystemExit(130) from None
    stop_signals.listen()
    try:
        app(args=None if arguments is None else list(arguments), prog_name="scoring")
    except KeyboardInterrupt as stop:  # before the command started
        raise SystemExit(143 if isinstance(stop, TerminatedError) else 130) from None


def _call_in_large_frame(function: Callable[[], None]) -> None:
    """Call a function with room for the frames of all its calls in one piece of the interpreter's frame stack.

    CPython takes frames from pieces of 16 KiB. A call that crosses the end of a piece allocates the next one, and its
    return frees it. Code that runs just there is up to 30 times slower, and nested imports are deep enough to reach
    several ends: without this a run starts 0.12 s later. One frame that declares a large stack, which it does not use,
    makes the current piece 1 MiB.
    """
    function()


_call_in_large_frame.__code__ = _call_in_large_frame.__code__.replace(co_stacksize=FRAME_SIZE)
