"""`scoring models`: list the shipped models."""

from __future__ import annotations

__all__ = ["models"]


def models() -> None:
    """List the shipped models.

    Prints the components, weights, parameters and rules of each model.
    """
    from scoring.catalog import load_model, preset_names
    from scoring.cli.progress import make_console
    from scoring.cli.tables.models import render_models

    make_console().print(render_models(load_model(name) for name in preset_names()))
