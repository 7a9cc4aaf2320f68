"""Register all commands, and print errors on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from scoring.cli.commands import (
    audience,
    check,
    cluster,
    compare,
    component,
    evaluate,
    explain,
    import_,
    init,
    lab,
    learned,
    live,
    models,
    panel,
    profiles,
    reach,
    report,
    run,
    runs,
    tune,
)
from scoring.cli.error_pages import find_page
from scoring.cli.output_failures import OutputGuard
from scoring.cli.path_expansion import expand_paths, require_no_blank_paths
from scoring.cli.signals import TerminatedError
from scoring.errors import ScoringError, make_printable
from scoring.storage.os_errors import describe_os_error

__all__ = ["StoppedError", "app"]

T = TypeVar("T")

# depending on its version, typer raises the class of its own copy of click, or that of click
_UsageError: type[Any] = typer.BadParameter.__mro__[1]
_NoSuchOption: type[Any] = vars(sys.modules[_UsageError.__module__])["NoSuchOption"]


class _UnknownCommandError(_UsageError):
    """A command that does not exist. `names` are commands of groups with its name, such as `profiles promote`."""

    def __init__(self, message: str, context: Any, names: Sequence[str]) -> None:
        super().__init__(message, context)
        self.names = names


class StoppedError(Exception):
    """Ctrl-C or SIGTERM. Typer handles KeyboardInterrupt itself, so it is raised as this class."""

    def __init__(self, code: int) -> None:
        self.code = code


class _CommandGroup(TyperGroup):
    """Prints each error as one line and exits with a code. With `--debug`, anywhere, errors are raised."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except _UsageError as error:
            name = args[0] if args else ""
            found = [f"{group} {name}" for group, command in self.commands.items() if name in _list_commands(command)]
            if not found:
                raise
            raise _UnknownCommandError(f"No such command '{name}'.", ctx, found) from error

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
        end = arguments.index("--") if "--" in arguments else len(arguments)  # after it, all words are values
        debug = "--debug" in arguments[:end]
        arguments = [argument for argument in arguments[:end] if argument != "--debug"] + arguments[end:]
        if not debug:
            # SQLAlchemy's pool logs a traceback if Ctrl-C arrives while a connection is returned to it. The exception
            # itself propagates and is handled below.
            logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
        main = super().main

        def call() -> Any:
            require_no_blank_paths(app, arguments)
            return main(arguments, prog_name or "scoring", standalone_mode=False, **extra)

        with OutputGuard() as output:
            code = output.finish(_run_and_report(call, debug))
        sys.exit(code)


def _run_and_report(function: Callable[[], Any], debug: bool) -> int:
    """Call a function, print its error, and return the exit code."""
    try:
        code = function()
        return code if isinstance(code, int) else 0
    except StoppedError as stop:
        _print_line("Stopped. Unfinished results are not published.")
        return stop.code
    except _UsageError as error:
        path = error.ctx.command_path if error.ctx else "scoring"
        text = error.format_message().rstrip(".?").replace(". Did you", "; did you").replace("Value error, ", "")
        advice = f"See `{path} --help`."
        if isinstance(error, _UnknownCommandError):
            advice = f"Did you mean {' or '.join(f'`{path} {name}`' for name in error.names)}? {advice}"
        if isinstance(error, _NoSuchOption) and not error.option_name.startswith("--") and _takes_values(error.ctx):
            advice = f"If it is an id or a name, write the options first, then `--`, then the values. {advice}"
        _print_error(f"{path}: {text}. {advice}")
        return int(error.exit_code)
    except Exception as error:  # the outermost layer: report every error as a sentence
        if debug:
            raise
        _print_error(_format_error(error))
        return 1


def _list_commands(command: Any) -> Sequence[str]:
    return tuple(getattr(command, "commands", ()))


def _takes_values(context: Any) -> bool:
    """Return whether the command of a context has values that are not those of options."""
    return context is not None and any(part.param_type_name == "argument" for part in context.command.params)


def _format_error(error: Exception) -> str:
    if isinstance(error, ScoringError):
        message, page = str(error), find_page(error)
        return message if page is None or "docs/" in message else f"{message} See {page}."
    if isinstance(error, MemoryError):
        return "Not enough memory. Nothing is published. Use fewer users or smaller chunks."
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{describe_os_error(error)}."
    summary = f"{type(error).__name__}: {error}".splitlines()[0]
    return f"Internal error ({summary}). Run with --debug for a traceback."


def _print_error(message: str) -> None:
    _print_line(f"error: {message}")


def _print_line(line: str) -> None:
    print(make_printable(line, 2000), file=sys.stderr)  # noqa: T201


app = typer.Typer(
    name="scoring",
    cls=_CommandGroup,
    help="Rank jobs for users, explain the scores, and tune the weights.",
    epilog="Documentation: docs/index.md",
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(init.init)
app.command("import")(import_.import_)
app.command("check")(check.check)
app.command("run")(run.run)
app.command("explain")(explain.explain)
app.command("reach")(reach.reach)
app.command("audience")(audience.audience)
app.command("compare")(compare.compare)
app.command("evaluate")(evaluate.evaluate)
app.command("tune")(tune.tune)
app.command("report")(report.report)
app.command("models")(models.models)
app.command("lab")(lab.lab)
app.command("panel")(panel.panel)
app.command("live")(live.live)
app.add_typer(cluster.app, name="cluster")
app.add_typer(component.app, name="component")
app.add_typer(learned.app, name="learned")
app.add_typer(profiles.app, name="profiles")
app.add_typer(runs.app, name="runs")
expand_paths(app)

_GUIDES = {
    "init": "tutorial",
    "import": "your_data",
    "check": "your_data",
    "run": "nightly_run",
    "explain": "shipped_components",
    "reach": "evaluate_and_tune",
    "audience": "evaluate_and_tune",
    "compare": "evaluate_and_tune",
    "evaluate": "evaluate_and_tune",
    "tune": "evaluate_and_tune",
    "report": "evaluate_and_tune",
    "models": "models",
    "lab": "notebooks",
    "panel": "panel",
    "live": "live",
    "cluster": "cluster",
    "component": "components",
    "learned": "learned",
    "profiles": "evaluate_and_tune",
    "runs": "nightly_run",
}
"""Command, or group of commands → the page in `docs` that describes it."""


def _name_guides(commands: typer.Typer, page: str | None = None) -> None:
    """End the help of each command with the path of its page."""
    for command in commands.registered_commands:
        command.epilog = f"Documentation: docs/{page or _GUIDES[str(command.name)]}.md"
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            group.epilog = f"Documentation: docs/{_GUIDES[str(group.name)]}.md"
            _name_guides(group.typer_instance, _GUIDES[str(group.name)])


_name_guides(app)


@app.callback(invoke_without_command=True)
def _global_options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print tracebacks of errors. Allowed anywhere.")] = False,
) -> None:
    if version:
        # importing the package here would make this layer depend on all of its modules
        typer.echo(f"scoring {sys.modules['scoring'].__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
