"""An evaluation in a file, for a report: the comparison of a model with the baseline, and both models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from scoring.errors import ConfigurationError, ModelError
from scoring.model import Component, ScoringModel, parse_model
from scoring.registry.evaluation_log import SavedSlice, TestAccess
from scoring.registry.metadata import Digest, Metric, Text, validate_section
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import describe_os_error

__all__ = ["EVALUATION", "SavedEvaluation", "SavedModel", "SavedSlice", "find_evaluation", "load_evaluation"]

EVALUATION: Final = "evaluation.json"
"""Name of the file in a folder of results."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SavedModel(_Part):
    """A model and its name in the evaluation."""

    name: Text
    digest: Digest
    definition: dict[str, Any]
    """The content of its model file."""

    @classmethod
    def of(cls, name: str, model: ScoringModel) -> SavedModel:
        return cls(name=name, digest=model.digest, definition=model.as_dict())

    def load(self, kinds: Mapping[str, type[Component]], source: str) -> ScoringModel | None:
        """Return the model. None: it needs a component that is not given, or a component was changed."""
        try:
            model = parse_model(json.dumps(self.definition), kinds, source=source)
        except ModelError:
            return None
        return model if model.digest == self.digest else None


class SavedEvaluation(_Part):
    """The comparison of a model with the baseline."""

    format: Literal[1] = 1
    baseline: SavedModel
    model: SavedModel
    access: TestAccess
    """The result of the model."""
    baseline_metrics: dict[Text, Metric] = {}
    n_looks: int | None = None
    """Number of looks at these users. None: they are not test users."""
    level: float
    notes: tuple[Text, ...] = ()
    """Caveats of the holdout and of the intervals."""
    slices: tuple[SavedSlice, ...] = ()

    @classmethod
    def of_records(
        cls,
        records: Sequence[Mapping[str, Any]],
        names: tuple[str, str],
        models: tuple[ScoringModel, ScoringModel],
        *,
        at: Any,
        n_looks: int | None,
        level: float,
        notes: Sequence[str],
        slices: pd.DataFrame | None,
    ) -> SavedEvaluation:
        """Return the evaluation of the last of two records of `describe_scoreboard` or `describe_backtest`."""
        dropped = ("sketch", "sketch_key", "slices")  # the slices of the file have all metrics
        first, last = ({key: value for key, value in record.items() if key not in dropped} for record in records)
        access = validate_section(TestAccess, {**last, "at": at, "look": 1}, "evaluation")
        return cls(
            baseline=SavedModel.of(names[0], models[0]),
            model=SavedModel.of(names[1], models[1]),
            access=access,
            baseline_metrics=first["metrics"],
            n_looks=n_looks,
            level=level,
            notes=tuple(notes),
            slices=() if slices is None else SavedSlice.list_of(slices),
        )

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        missing = self.access.changes.keys() - self.access.metrics.keys()
        if missing:
            raise ValueError(f"access.metrics does not contain {min(missing)}")
        return self

    def dump(self) -> str:
        """Return the content of the file."""
        return self.model_dump_json(by_alias=True, indent=1, exclude={"access": {"sketch", "sketch_key"}}) + "\n"


def find_evaluation(name: str) -> Path | None:
    """Return the file of an evaluation, given as the file or its folder. None: there is none."""
    path = expand_path(name, "name")
    for candidate in (path / EVALUATION, path):
        if candidate.is_file() and candidate.name == EVALUATION:
            return candidate
    return None


def load_evaluation(path: Path) -> SavedEvaluation:
    """Return the evaluation of a file.

    Raises
    ------
    ConfigurationError: If the file cannot be read or is invalid.
    """
    advice = "Write it with `scoring evaluate A B --out DIR`."
    try:
        return SavedEvaluation.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {describe_os_error(error)}. {advice}", path=str(path)
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(
            f"{path} is not an evaluation: {key}: {first['msg']}. {advice}", path=str(path)
        ) from error
