"""A command gets the values of the options that name a model as one source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from scoring.cli.model_options import add_model_options
from scoring.cli.options import DEFAULT_PROFILES
from scoring.cli.promoted_model import ModelSource


def test_source_has_the_values_of_the_options() -> None:
    found: list[tuple[str, ModelSource, int]] = []

    @add_model_options
    def show(user: str, *, source: ModelSource, size: Annotated[int, typer.Option("--size")] = 3) -> None:
        """Show a user."""
        found.append((user, source, size))

    app = typer.Typer()
    app.command()(show)
    call = CliRunner().invoke
    assert call(app, ["U-1"]).exit_code == 0
    options = ["--model", "m", "--weights", "w.yaml", "--profile", "p@1", "--profiles", "f", "--component", "c.py"]
    assert call(app, ["U-2", *options, "--component", "d.py", "--size", "5"]).exit_code == 0
    assert found == [
        ("U-1", ModelSource(None, None, None, DEFAULT_PROFILES, None), 3),
        ("U-2", ModelSource("m", Path("w.yaml"), "p@1", Path("f"), [Path("c.py"), Path("d.py")]), 5),
    ]
    assert "Show a user." in call(app, ["--help"]).stdout
