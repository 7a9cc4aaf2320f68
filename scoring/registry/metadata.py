"""Metadata of a saved profile: the `profile` section of its file."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from scoring.errors import ConfigurationError, shorten_repr

__all__ = ["SPLITS", "Metric", "Parent", "ProfileMetadata", "TuningData", "parse_metrics", "to_utc", "validate_section"]

T = TypeVar("T", bound=BaseModel)

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Text = Annotated[str, Field(max_length=10_000)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(_Section):
    """A metric value. The interval and n, the number of averaged users or other units, are optional."""

    value: float
    low: float | None = None
    high: float | None = None
    n: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _interval(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval needs both `low` and `high`")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"the interval from {self.low:g} to {self.high:g} is empty")
        return self


class Parent(_Section):
    """The origin of the weights: a profile version, a shipped model, or a model known only by its digest."""

    name: Text | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    digest: Digest

    def __str__(self) -> str:
        if self.name is None:
            return self.digest
        return self.name if self.version is None else f"{self.name}@{self.version}"


class TuningData(_Section):
    """The fingerprint and the `as_of` time of the data that the weights were tuned on."""

    fingerprint: Text
    as_of: AwareDatetime


class ProfileMetadata(_Section):
    """The `profile` section. The fields are in the order in which the file contains them."""

    name: str
    version: Annotated[int, Field(ge=1)]
    saved_at: AwareDatetime
    author: Text | None = None
    note: Text = ""
    model: Text
    """Name of the model that was saved."""
    digest: Digest
    parent: Parent | None = None
    found_on: TuningData | None = None
    code_version: Text
    metrics: dict[Split, dict[Text, Metric]] = {}

    @property
    def reference(self) -> str:
        """NAME@VERSION."""
        return f"{self.name}@{self.version}"

    def as_dict(self) -> dict[str, Any]:
        """Return the content for YAML in field order, with times in UTC and without empty fields."""
        content = self.model_dump(exclude_none=True)
        for section in (content, content.get("found_on", {})):
            for key, value in section.items():
                if isinstance(value, datetime):
                    section[key] = to_utc(value)
        return {key: value for key, value in content.items() if value or key not in ("note", "metrics")}


def to_utc(time: datetime) -> datetime:
    """Return the time in UTC as a plain `datetime`, because YAML cannot write a pandas Timestamp.

    Raises
    ------
    ConfigurationError: If the time has no time zone.
    """
    if time.tzinfo is None:
        raise ConfigurationError(f"The time {time} has no time zone. Add one, such as datetime.now(UTC).", key=("at",))
    utc = time.astimezone(UTC)
    return datetime.combine(utc.date(), utc.time(), UTC)


def parse_metrics(given: Mapping[str, Mapping[str, Any]] | None) -> dict[str, dict[str, Metric]]:
    """Return split → name → `Metric`. A given value is a `Metric`, a number or a mapping of `Metric` fields.

    Raises
    ------
    ConfigurationError: If a split is unknown or a metric is invalid.
    """
    result: dict[str, dict[str, Metric]] = {}
    for split, metrics in (given or {}).items():
        if split not in SPLITS:
            raise ConfigurationError(f"metrics: {shorten_repr(split)} is not a split. Use one of: {', '.join(SPLITS)}.")
        result[split] = {}
        for name, value in metrics.items():
            place = f"metrics of {split}, {shorten_repr(name)}"
            if isinstance(value, Metric):
                result[split][name] = value
                continue
            parts = dict(value) if isinstance(value, Mapping) else {"value": value}
            result[split][name] = validate_section(
                Metric, {key: _convert_number(part) for key, part in parts.items()}, place
            )
    return {split: result[split] for split in SPLITS if split in result}


def _convert_number(value: Any) -> Any:
    """Convert a NumPy number to a Python number."""
    if isinstance(value, bool | str) or value is None:
        return value
    try:
        return operator.index(value)
    except TypeError:
        return float(value) if hasattr(value, "__float__") else value


def validate_section(kind: type[T], content: Mapping[str, Any], place: str) -> T:
    """Return an instance of `kind`.

    Raises
    ------
    ConfigurationError: If the content is invalid. The message contains `place`, the key and the problem.
    """
    try:
        return kind(**content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        problem = f"`{key}`: {message} (value: {shorten_repr(first['input'])})" if key else message
        raise ConfigurationError(f"{place}: {problem}.", key=tuple(map(str, first["loc"]))) from error
