"""The terms of components as live lists read them: those of trained models for single rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from scoring.array_types import Floats, Longs
from scoring.bundle.pair_formulas import PairColumns
from scoring.components.learned import Learned
from scoring.learning.input_catalogue import InputSpec, InputTables
from scoring.live.leaf_masks import LeafTerm, find_masks
from scoring.live.output_columns import OutputTerm
from scoring.model import Inputs, Part
from scoring.model.terms import JobTerm, UserTerm, Value
from scoring.plan.plan import call_terms

__all__ = ["compute_terms"]


def compute_terms(part: Part, inputs: Inputs, job_of: Mapping[int, int]) -> Value:
    """Return the terms of a part.

    Trees of users and jobs become masks, which do not depend on other rows. Models of pairs become their inputs.

    Parameters
    ----------
    job_of: Job → slot, of all jobs with actions.
    """
    component = part.component
    if not isinstance(component, Learned):
        return call_terms(part, inputs)
    learned, kind = component.learned, component.shape.kind
    masks = None if learned.trees is None else find_masks(learned.trees, learned.inputs)
    predict = learned.predict if masks is None else masks.predict
    if kind == "job":
        return Value((JobTerm(learned.link(predict(_make_rows(inputs, learned.inputs, kind)))),))
    if kind == "user":
        return Value((UserTerm(learned.link(predict(_make_rows(inputs, learned.inputs, kind)))),))
    if kind == "tables" and masks is not None:
        tables = InputTables(inputs, learned.inputs)
        users, jobs = masks.compute("user", tables.user_columns), masks.compute("job", tables.job_columns)
        return Value(cast(Any, (LeafTerm(masks, users, jobs),)), link=learned.link)
    terms = OutputTerm(predict, _find_columns(inputs, learned.inputs), _find_slots(inputs, job_of))
    return Value(cast(Any, (terms,)), link=learned.link)


def _make_rows(inputs: Inputs, specs: Sequence[InputSpec], side: str) -> Floats:
    """Return the rows of a model that reads inputs of one side. Other columns are 0."""
    tables = InputTables(inputs, specs)
    columns = tables.job_columns if side == "job" else tables.user_columns
    rows = np.zeros((len(columns), len(specs)))
    rows[:, [place for place, spec in enumerate(specs) if spec.side == side]] = columns
    return rows


def _find_columns(inputs: Inputs, specs: Sequence[InputSpec]) -> PairColumns:
    """Return the inputs of rows. The vectors of jobs come from the basis: live lists keep them outside of inputs."""
    vectors, has = inputs.basis.job_factors(inputs.jobs.job_id)
    return InputTables(replace(inputs, job_vectors=vectors, job_has_vector=has), specs).columns


def _find_slots(inputs: Inputs, job_of: Mapping[int, int]) -> Longs:
    """Return the slot of each job of the users' actions."""
    return np.array([job_of[job] for job in inputs.history.jobs.job_id.tolist()], dtype=np.int64)
