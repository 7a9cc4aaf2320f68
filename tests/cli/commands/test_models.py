"""`scoring models`."""

from __future__ import annotations

from tests.cli.command import (
    Call,
)


def test_models_lists_shipped_models(scoring: Call) -> None:
    done = scoring("models")
    assert {"standard", "classic", "collaborative"} <= set(done.stdout.split())
