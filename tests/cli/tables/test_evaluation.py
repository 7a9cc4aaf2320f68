"""Sentences below the tables of an evaluation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from scoring.cli.tables.evaluation import render_prices
from scoring.evaluation.measure_info import MEASURES


def test_warning_contains_every_price() -> None:
    """A promotion depends on them, so no limit of the length of a line applies."""
    names = [f"{label}@40" for label in MEASURES]
    rows = pd.DataFrame({"measure": names, "difference": -0.5, "relative": -0.5, "significant": False})
    board: Any = SimpleNamespace(baseline="standard", currency="yen", prices=lambda model: rows)
    (warning,) = render_prices(board, ["standard", "night\x1b[2J"])
    assert all(name in warning.plain for name in names)
    assert "\x1b" not in warning.plain
