"""Log of looks: evaluations on test users. Each one makes later results on these users less independent.

A command evaluates one or more models at once: that is one look. The log has one line per model of a look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from scoring.registry.held_out_pair_sketch import share_pairs
from scoring.registry.metadata import Digest, Metric, Text

__all__ = [
    "Change",
    "DeclaredLimit",
    "SavedSlice",
    "TestAccess",
    "count_looks",
    "find_same_users",
    "make_access_frame",
]


class Change(BaseModel):
    """The difference of a measure from the baseline of the evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    difference: float
    low: float | None = None
    high: float | None = None
    relative: float | None = None
    """The difference as a share of the baseline's value. None: that value is 0."""
    is_significant: bool = False
    is_good: bool | None = None
    """Whether the difference is an improvement. None: the measure has no good direction, or does not change."""

    @property
    def has_test(self) -> bool:
        """Whether the difference has an interval and a test. Some measures over several cuts have none."""
        return self.low is not None


class DeclaredLimit(BaseModel):
    """A limit of a measure that a search declared before its evaluation on test users, such as `mean fee@40 >= 90%`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measure: Text
    text: Text
    is_kept: bool
    """Whether the value on the test users satisfies the limit."""


class SavedSlice(BaseModel):
    """The difference of a metric in a slice with enough users for a test. Smaller ones could identify a user."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    metric: Text
    slicing: Text
    slice: Text
    n: int = Field(ge=0)
    mean_a: float | None = None
    mean_b: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    worse: bool
    better: bool

    @classmethod
    def list_of(cls, slices: pd.DataFrame) -> tuple[Self, ...]:
        """Return the tested rows of a frame of `Scoreboard.slices`."""
        rows = slices.loc[slices["tested"], list(cls.model_fields)].to_dict("records")
        return tuple(cls(**{str(key): _drop_nan(value) for key, value in row.items()}) for row in rows)


def _drop_nan(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


class TestAccess(BaseModel):
    """An evaluation of one model on test users. Fields without a value are missing in lines of version 0.1."""

    __test__ = False  # pytest must not collect this class

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    at: AwareDatetime
    look: int
    """Number of the look at this holdout. The first is 1."""
    holdout: Text
    """Digest of the data and the held-out pairs."""
    profile: Text | None = None
    """Name of the model, such as NAME@VERSION."""
    digest: Digest
    """Digest of the model."""
    metrics: dict[Text, Metric] = {}
    split: Literal["train", "validation", "test", "all"] = "test"
    """The evaluated users. The log contains evaluations on test users only: test or all."""
    n_users: Annotated[int, Field(ge=0)] | None = Field(default=None, alias="users")
    n_fitted_users: Annotated[int, Field(ge=0)] | None = Field(default=None, alias="fitted_users")
    """Number of evaluated users that the model was fitted or selected on."""
    held_out: Text | None = None
    """Description of the held-out actions."""
    n_cuts: Annotated[int, Field(ge=1)] | None = None
    """Number of cuts of a backtest. None: one holdout."""
    since: AwareDatetime | None = None
    """Start of the held-out period. None: actions of any time are held out."""
    baseline: Text | None = None
    baseline_digest: Digest | None = None
    goals: tuple[Text, ...] = ()
    """Measures that were declared as goals before the evaluation."""
    broken_floors: tuple[Text, ...] = ()
    limits: tuple[DeclaredLimit, ...] | None = None
    """Limits that the search declared for its goals. None: none, in a form that earlier versions can read."""
    changes: dict[Text, Change] = {}
    worse_slices: tuple[Text, ...] | None = None
    """Slices in which the model is significantly worse. None: they were not compared."""
    n_slices: Annotated[int, Field(ge=0)] | None = None
    n_tested_slices: Annotated[int, Field(ge=0)] | None = None
    """Number of slices with enough users for a test. None: not recorded."""
    slices: tuple[SavedSlice, ...] | None = None
    """Differences of one metric by slice: of the first goal, or else of the first metric. None: not recorded."""
    currency: Text | None = None
    """The unit of amounts of money; empty if it is not known. None: that of the default board."""
    sketch: tuple[Text, ...] = ()
    """The smallest hashes of the held-out pairs of user and job, as hexadecimal text."""
    sketch_key: Text | None = None
    """Name of the key of the hashes. None: they have no key."""


def count_looks(
    accesses: Sequence[TestAccess], holdout: str, sketch: Sequence[str] = (), sketch_key: str | None = None
) -> int:
    """Return the number of looks at the same holdout, or at another one that shares many held-out pairs."""
    same = (access for access in accesses if _is_same(access, holdout, sketch, sketch_key))
    return len({(access.holdout, access.look) for access in same})


def find_same_users(accesses: Sequence[TestAccess], access: TestAccess) -> list[TestAccess]:
    """Return the evaluations on the same holdout, or on another one that shares many held-out pairs."""
    return [other for other in accesses if _is_same(other, access.holdout, access.sketch, access.sketch_key)]


def _is_same(access: TestAccess, holdout: str, sketch: Sequence[str], sketch_key: str | None) -> bool:
    return access.holdout == holdout or (access.sketch_key == sketch_key and share_pairs(access.sketch, sketch))


def make_access_frame(accesses: Sequence[TestAccess]) -> pd.DataFrame:
    """Return one row per evaluation, oldest first: at · look · holdout · profile · digest · one column per metric."""
    columns = ["at", "look", "holdout", "profile", "digest"]
    rows = [
        {name: getattr(access, name) for name in columns}
        | {name: metric.value for name, metric in access.metrics.items()}
        for access in accesses
    ]
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    return frame.assign(at=pd.to_datetime(frame["at"], utc=True)).astype({"look": "int64"})
