"""`~` in the paths of all options and arguments. A shell does not expand it in `--out=~/runs`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import typer
from typer.models import CommandInfo

from scoring.errors import ConfigurationError

__all__ = ["expand_paths", "require_no_blank_paths"]


def expand_paths(app: typer.Typer) -> None:
    """Let all commands of an application expand the paths that they get."""
    for info in _list_commands(app):
        if info.callback is not None:
            info.callback = _expand_values(info.callback)


def require_no_blank_paths(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Check that no path option of a command line has a blank value, which would mean the current folder.

    Raises
    ------
    ConfigurationError: If a path option is blank. The error names the option.
    """
    if all(argument.strip() and not argument.rstrip().endswith("=") for argument in arguments):
        return
    names = {name for info in _list_commands(app) for name in _list_path_options(info)}
    for place, argument in enumerate(arguments):
        name, separator, value = argument.partition("=")
        value = value if separator else "".join(arguments[place + 1 : place + 2]) or ""
        is_last = not separator and place + 1 == len(arguments)
        if name in names and not is_last and not value.strip():
            raise ConfigurationError(f"{name} is blank. Give the path of a file or folder.", key=(name,))


def _list_commands(app: typer.Typer) -> Iterator[CommandInfo]:
    yield from app.registered_commands
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _list_commands(group.typer_instance)


def _list_path_options(info: CommandInfo) -> Iterator[str]:
    """Yield the names of the path options of a command."""
    if info.callback is None:
        return
    for parameter in inspect.signature(info.callback, eval_str=True).parameters.values():
        kind, *details = get_args(parameter.annotation) or (None,)
        options = [option for option in details if isinstance(option, typer.models.OptionInfo)]
        if options and (kind is Path or Path in get_args(kind) or list[Path] in get_args(kind)):
            # in `typer.Option("--map")`, the name is the first parameter, which is the default elsewhere
            stated = [
                name
                for name in (options[0].default, *(options[0].param_decls or ()))
                if isinstance(name, str) and name.startswith("--")
            ]
            yield from stated or [f"--{parameter.name.replace('_', '-')}"]


def _expand_values(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def call(*arguments: Any, **options: Any) -> Any:
        return command(*arguments, **{name: _expand(value) for name, value in options.items()})

    return call


def _expand(value: Any) -> Any:
    if isinstance(value, Path):
        try:
            return value.expanduser()
        except RuntimeError:  # the user after the `~` does not exist
            return value
    return [_expand(item) for item in value] if isinstance(value, list) else value
