"""`scoring component new`: write a component of your own, its test, and a model that uses it."""

from __future__ import annotations

from importlib import resources
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated

import typer

from scoring.cli.next_command import print_next
from scoring.cli.output_failures import note_stored

if TYPE_CHECKING:
    from scoring.model import Component

__all__ = ["app"]

app = typer.Typer(help="Write components of your own.")

SHARE = 0.2
"""Weight of the new component in its group. The other components share the rest in their proportions."""


@app.callback()
def _group() -> None:  # keeps `new` as a command of its own
    pass


@app.command("new")
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the component in model files, such as pay_floor.")
    ],
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Folder of the files. It is created if it does not exist.")
    ] = Path(),
) -> None:
    """Write a component that works, its test, and a model that uses it.

    The model is `standard` with the new component in the group `base`. Existing files are not replaced.
    """
    from scoring.cli.progress import make_console
    from scoring.model_catalog import load_components

    _check_name(name)
    class_name = "".join(word.capitalize() for word in name.split("_"))
    paths = {
        folder / f"{name}.py": "component.py.txt",
        folder / f"test_{name}.py": "test_component.py.txt",
    }
    model = folder / f"{name}.yaml"
    _require_absent([*paths, model])
    console = make_console()
    for path, template in paths.items():
        _write(path, Template(_read_template(template)).substitute(kind=name, class_name=class_name))
        console.print(f"wrote {path}", markup=False)
    component = folder / f"{name}.py"
    _write(model, _format_model(name, load_components(component)[0]))
    note_stored(f"The files of {name} are written.")
    console.print(f"wrote {model}", markup=False)
    console.print(f"Test it: python -m pytest {folder / f'test_{name}.py'}", markup=False, soft_wrap=True)
    print_next("evaluate", "standard", model, component=(component, None))


def _check_name(name: str) -> None:
    from scoring.model_catalog import get_component_kinds

    if not name.isidentifier() or not name.isascii() or name != name.lower() or iskeyword(name):
        raise typer.BadParameter(
            f"{name!r} is not the name of a component. Use lower-case letters, digits and _, such as pay_floor."
        )
    if name in get_component_kinds():
        raise typer.BadParameter(f"the component {name} is shipped with the package. Use another name.")


def _require_absent(paths: list[Path]) -> None:
    for path in paths:
        if path.exists():
            raise typer.BadParameter(f"{path} exists. Remove it, or use another name or --folder.")


def _read_template(name: str) -> str:
    return (resources.files("scoring.cli") / "templates" / name).read_text("utf-8")


def _write(path: Path, text: str) -> None:
    from scoring.errors import OutputError
    from scoring.storage.os_errors import describe_os_error

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{path}: {describe_os_error(error)}. Use another --folder."
        raise OutputError(message, path=str(path), errno=error.errno) from error


def _format_model(name: str, component: type[Component]) -> str:
    """Return the model file: `standard` with the component."""
    from dataclasses import replace

    from scoring.model import GROUPS, Part, WeightProfile, dump_model
    from scoring.model_catalog import load_model

    standard = load_model("standard")
    base = {part: round(weight * (1 - SHARE), 12) for part, weight in standard.weights.components["base"].items()}
    weights = WeightProfile(standard.weights.groups, {**standard.weights.components, "base": base | {name: SHARE}})
    parts = (*standard.parts, Part(name, "base", component()))
    model = replace(
        standard,
        name=f"standard_with_{name}",
        description=f"standard, and the component {name}",
        parts=tuple(sorted(parts, key=lambda part: GROUPS.index(part.group))),
        weights=weights,
    )
    return dump_model(model)
