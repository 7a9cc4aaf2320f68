"""`scoring models`: list the shipped models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoring.errors import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scoring.model import ScoringModel

__all__ = ["format_setting", "models", "render_model"]


def models() -> None:
    """List the models that ship: their components, weights and parameters."""
    from scoring.catalog import load_model, preset_names
    from scoring.cli.progress import make_console

    console = make_console()
    for name in preset_names():
        model = load_model(name)
        console.print(f"\n[bold]{model.name}[/bold]  {model.description}")
        console.print(render_model(model))


def render_model(model: ScoringModel) -> RenderableType:
    """Its components, a line each, and its rules."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("group", "component", "weight", "parameters"):
        table.add_column(heading, justify="right" if heading == "weight" else "left", overflow="fold")
    for part, weight in zip(model.parts, model.flat_weights, strict=True):
        parameters = ", ".join(f"{key} {format_setting(value)}" for key, value in part.component.model_dump().items())
        table.add_row(part.group, Text(printable(part.name)), f"{weight:.3f}", Text(printable(parameters, 2000)))
    rules = ", ".join(f"{key} {format_setting(value)}" for key, value in model.eligibility.model_dump().items())
    return Group(table, Text.assemble(("rules", "bold"), f"  {rules}"))


def format_setting(value: object) -> str:
    """A parameter as a reader would say it."""
    if value is None or value is False:
        return "off"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(format_setting, value)) + ")"
    return "on" if value is True else f"{value:g}" if isinstance(value, float) else str(value)
