"""The model of an earlier night, built again from what its run noted: it ranks tonight's data as it ranked then."""

from __future__ import annotations

import json
from collections.abc import Sequence

from scoring.catalog import component_kinds
from scoring.errors import ModelError
from scoring.model import Component, ScoringModel, parse_model
from scoring.runs.publishers import RunInfo

__all__ = ["model_of"]


def model_of(night: RunInfo, own: Sequence[type[Component]]) -> ScoringModel:
    """`own` are components that do not ship.

    Raises ModelError: the run did not note it, a component is not there, or it is another one by now.
    """
    if not night.definition:
        raise ModelError("its run did not note it.")
    # JSON is YAML: one reader, and its checks, for both
    model = parse_model(json.dumps(night.definition), component_kinds(own), source=night.model)
    if model.digest != night.model_digest:
        raise ModelError("its components are others by now.")
    return model
