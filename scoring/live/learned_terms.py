"""The terms of components as live lists read them: those of trained models for single rows."""

from __future__ import annotations

from typing import Any, cast

from scoring.components.learned import Learned
from scoring.errors import ModelError
from scoring.learning.input_catalogue import InputTables
from scoring.live.leaf_masks import LeafTerm, find_masks
from scoring.model import Inputs, Part
from scoring.model.terms import Value
from scoring.plan.plan import call_terms

__all__ = ["compute_terms"]


def compute_terms(part: Part, inputs: Inputs) -> Value:
    """Return the terms of a part. Trees of users and jobs become masks, which do not depend on other rows."""
    component = part.component
    if not isinstance(component, Learned) or component.shape.kind in ("job", "user"):
        return call_terms(part, inputs)
    learned = component.learned
    if component.shape.kind == "tables" and learned.trees is not None:
        tables, masks = InputTables(inputs, learned.inputs), find_masks(learned.trees, learned.inputs)
        users, jobs = masks.compute("user", tables.user_columns), masks.compute("job", tables.job_columns)
        return Value(cast(Any, (LeafTerm(masks, users, jobs),)), link=learned.link)
    raise ModelError(
        f"component {part.name}: live lists do not support a trained model of pairs: {component.shape.reason}. Train a "
        "model without these inputs, or rank with `scoring run`.",
        key=(part.name,),
    )
