"""The table of a model: components, weights, parameters and rules."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoring.errors import make_printable
from scoring.model import ScoringModel
from scoring.model.setting_text import describe_settings

__all__ = ["make_records", "render_model", "render_models"]


def render_models(models: Iterable[ScoringModel]) -> RenderableType:
    """Return each model with its name and description."""
    body: list[RenderableType] = []
    for model in models:
        title = Text.assemble((make_printable(model.name), "bold"), "  ", make_printable(model.description, 1000))
        body += [Text(), title, render_model(model)]
    return Group(*body)


def make_records(models: Iterable[ScoringModel]) -> pd.DataFrame:
    """Return one row per model and component: model · group · component · kind · weight · parameters · rules."""
    rows = [
        {
            "model": model.name,
            "group": part.group,
            "component": part.name,
            "kind": part.component.kind,
            "weight": float(weight),
            "parameters": part.component.model_dump(mode="json"),
            "rules": model.eligibility.model_dump(mode="json"),
        }
        for model in models
        for part, weight in zip(model.parts, model.flat_weights, strict=True)
    ]
    return pd.DataFrame(rows)


def render_model(model: ScoringModel) -> RenderableType:
    """Return one row per component, and the eligibility rules."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("group", "component", "weight", "parameters"):
        table.add_column(heading, justify="right" if heading == "weight" else "left", overflow="fold")
    for part, weight in zip(model.parts, model.flat_weights, strict=True):
        parameters = Text(make_printable(describe_settings(part.component), 2000))
        table.add_row(part.group, Text(make_printable(part.name)), f"{weight:.3f}", parameters)
    rules = describe_settings(model.eligibility)
    own = [
        Text.assemble(("rule ", "bold"), "  ", make_printable(rule.describe(), 1000))
        for rule in model.eligibility.rules
    ]
    return Group(table, Text.assemble(("rules", "bold"), f"  {rules}"), *own)
