"""`scoring models`: list the shipped models."""

from __future__ import annotations

__all__ = ["models"]


def models() -> None:
    """List the shipped models.

    Prints the components, weights, parameters and rules of each model.
    """
    from scoring.catalog import load_model, preset_names
    from scoring.cli.progress import make_console
    from scoring.cli.tables.models import render_model

    console = make_console()
    for name in preset_names():
        model = load_model(name)
        console.print(f"\n[bold]{model.name}[/bold]  {model.description}")
        console.print(render_model(model))
