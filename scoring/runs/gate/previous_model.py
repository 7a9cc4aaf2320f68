"""Rebuild the model of an earlier run from its recorded definition, to rank the data of the new run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from scoring.errors import ModelError
from scoring.model import Component, ScoringModel, parse_model
from scoring.model_catalog import get_component_kinds
from scoring.runs.publishers import RunInfo

__all__ = ["rebuild_model"]


def rebuild_model(run: RunInfo, components: Sequence[type[Component]]) -> ScoringModel:
    """Return the model of an earlier run. `components` are those from outside this package.

    Raises
    ------
    ModelError: If the run did not record its model, a component does not exist, or a component has changed since.
    """
    if not run.definition:
        raise ModelError(f"run {run.run_id} did not record its model.")
    # JSON is valid YAML: the YAML parser reads and checks it
    model = parse_model(json.dumps(run.definition), get_component_kinds(components), source=run.model)
    if model.digest != run.model_digest:
        raise ModelError(f"the components of the model {run.model} have changed since run {run.run_id}.")
    return model
