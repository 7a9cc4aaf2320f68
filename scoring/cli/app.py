"""Register all commands, and print errors as one sentence on stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from scoring.cli.commands import (
    compare,
    evaluate,
    explain,
    import_,
    init,
    lab,
    models,
    panel,
    profiles,
    run,
    runs,
    tune,
)
from scoring.cli.signals import TerminatedError
from scoring.errors import ScoringError, printable
from scoring.storage.os_errors import reason

__all__ = ["StoppedError", "app"]

T = TypeVar("T")

# depending on its version, typer raises the class of its own copy of click, or that of click
_UsageError: type[Any] = typer.BadParameter.__mro__[1]


class StoppedError(Exception):
    """Ctrl-C or SIGTERM, past typer, which would swallow it."""

    def __init__(self, code: int) -> None:
        self.code = code


class _CommandGroup(TyperGroup):
    """Ends with one sentence and an exit code, whatever happened; `--debug`, anywhere, lets errors through."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise StoppedError(143 if isinstance(stop, TerminatedError) else 130) from stop

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in arguments
        arguments = [argument for argument in arguments if argument != "--debug"]
        if not debug:
            # SQLAlchemy's pool logs a traceback if Ctrl-C arrives while a connection is returned to it. The exception
            # itself propagates and is handled below.
            logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
        finish = super().main
        sys.exit(_guarded(lambda: finish(arguments, prog_name or "scoring", standalone_mode=False, **extra), debug))


def _guarded(work: Callable[[], Any], debug: bool) -> int:
    """The exit code of some work; says what went wrong."""
    try:
        code = work()
        return code if isinstance(code, int) else 0
    except StoppedError as stop:
        _print_error("Stopped. Nothing that was not finished is published.")
        return stop.code
    except _UsageError as error:
        path = error.ctx.command_path if error.ctx else "scoring"
        _say(f"{path}: {error.format_message().rstrip('.?').replace('. Did you', '; did you')}. See `{path} --help`.")
        return int(error.exit_code)
    except BrokenPipeError:
        # the reader of stdout has closed it; without this, Python reports a second error at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # the outermost layer: report every error as a sentence
        if debug:
            raise
        _say(_sentence(error))
        return 1


def _sentence(error: Exception) -> str:
    if isinstance(error, ScoringError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this. Nothing is published. Score fewer users, or use smaller chunks."
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{reason(error)}."
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"Something went wrong that should not ({what}). Run again with --debug to see where."


def _say(sentence: str) -> None:
    _print_error(f"error: {sentence}")


def _print_error(line: str) -> None:
    print(printable(line, 2000), file=sys.stderr)  # noqa: T201


app = typer.Typer(
    name="scoring",
    cls=_CommandGroup,
    help="Scores every user against every job, and says why.",
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
)
app.command("init")(init.init)
app.command("import")(import_.import_)
app.command("run")(run.run)
app.command("explain")(explain.explain)
app.command("compare")(compare.compare)
app.command("evaluate")(evaluate.evaluate)
app.command("tune")(tune.tune)
app.command("models")(models.models)
app.command("lab")(lab.lab)
app.command("panel")(panel.panel)
app.add_typer(profiles.app, name="profiles")
app.add_typer(runs.app, name="runs")


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say the version and end.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors. May stand anywhere.")] = False,
) -> None:
    if version:
        # importing the package here would make this layer depend on all of its modules
        typer.echo(f"scoring {sys.modules['scoring'].__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
