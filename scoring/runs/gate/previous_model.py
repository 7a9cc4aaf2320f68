"""Rebuild the model of an earlier run from its recorded definition, to rank the data of the new run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from scoring.catalog import component_kinds
from scoring.errors import ModelError
from scoring.model import Component, ScoringModel, parse_model
from scoring.runs.publishers import RunInfo

__all__ = ["rebuild_model"]


def rebuild_model(night: RunInfo, own: Sequence[type[Component]]) -> ScoringModel:
    """Return the model of an earlier run. `own` are components from outside this package.

    Raises
    ------
    ModelError: If the run did not record its model, a component does not exist, or a component has changed since.
    """
    if not night.definition:
        raise ModelError("its run did not note it.")
    # JSON is valid YAML: the YAML parser reads and checks it
    model = parse_model(json.dumps(night.definition), component_kinds(own), source=night.model)
    if model.digest != night.model_digest:
        raise ModelError("its components are others by now.")
    return model
