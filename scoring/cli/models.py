"""`scoring models`: what ships."""

from __future__ import annotations

__all__ = ["models"]


def models() -> None:
    """List the models that ship: their components, weights and parameters."""
    from rich.table import Table

    from scoring.catalog import load_model, preset_names
    from scoring.cli.progress import output

    console = output()
    for name in preset_names():
        model = load_model(name)
        console.print(f"\n[bold]{model.name}[/bold]  {model.description}")
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("group", "component", "weight", "parameters"):
            table.add_column(heading, justify="right" if heading == "weight" else "left", overflow="fold")
        for part, weight in zip(model.parts, model.flat_weights, strict=True):
            parameters = ", ".join(f"{key} {_plain(value)}" for key, value in part.component.model_dump().items())
            table.add_row(part.group, part.name, f"{weight:.3f}", parameters)
        console.print(table)
        rules = ", ".join(f"{key} {_plain(value)}" for key, value in model.eligibility.model_dump().items())
        console.print(f"[bold]rules[/bold]  {rules}")


def _plain(value: object) -> str:
    if value is None or value is False:
        return "off"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return "on" if value is True else f"{value:g}" if isinstance(value, float) else str(value)
