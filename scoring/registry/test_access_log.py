"""Log of evaluations on test users. Each one makes later results on these users less independent.

A command evaluates one or more models at once: that is one look. The log has one line per model of a look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from scoring.array_types import Longs
from scoring.id_hash import hash_ids
from scoring.registry.metadata import Digest, Metric, Text

__all__ = [
    "Change",
    "TestAccess",
    "count_looks",
    "find_same_users",
    "find_sketched",
    "make_access_frame",
    "sketch_pairs",
]

SKETCH_SIZE = 200
"""Number of held-out pairs whose hashes identify a holdout."""

_SHARED = 0.1
"""Two looks are at the same users if their sketches share at least this part of the hashes."""


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
    split: Literal["test", "all"] = "test"
    n_users: Annotated[int, Field(ge=0)] | None = Field(default=None, alias="users")
    n_fitted_users: Annotated[int, Field(ge=0)] | None = Field(default=None, alias="fitted_users")
    """Number of evaluated users that the model was fitted or selected on."""
    held_out: Text | None = None
    """Description of the held-out actions."""
    since: AwareDatetime | None = None
    """Start of the held-out period. None: actions of any time are held out."""
    baseline: Text | None = None
    baseline_digest: Digest | None = None
    goals: tuple[Text, ...] = ()
    """Measures that were declared as goals before the evaluation."""
    broken_floors: tuple[Text, ...] = ()
    changes: dict[Text, Change] = {}
    worse_slices: tuple[Text, ...] = ()
    sketch: tuple[Text, ...] = ()
    """The smallest hashes of the held-out pairs of user and job, as hexadecimal text."""


def sketch_pairs(user_id: Longs, job_id: Longs) -> tuple[str, ...]:
    """Return the smallest `SKETCH_SIZE` hashes of the pairs. They identify the pairs without their ids.

    Broder, On the resemblance and containment of documents, 1997.
    """
    return tuple(f"{value:016x}" for value in np.unique(_hash_pairs(user_id, job_id))[:SKETCH_SIZE])


def find_sketched(sketch: Sequence[str], user_id: Longs, job_id: Longs) -> NDArray[np.bool_]:
    """Return (len(sketch),) whether each hash is that of one of these pairs."""
    return np.isin(np.array([int(text, 16) for text in sketch], dtype=np.uint64), _hash_pairs(user_id, job_id))


def _hash_pairs(user_id: Longs, job_id: Longs) -> NDArray[np.uint64]:
    return hash_ids((hash_ids(user_id) ^ hash_ids(job_id, 1)).view(np.int64))


def count_looks(accesses: Sequence[TestAccess], holdout: str, sketch: Sequence[str] = ()) -> int:
    """Return the number of looks at the same holdout, or at another one that shares many held-out pairs."""
    return len({(access.holdout, access.look) for access in accesses if _is_same(access, holdout, sketch)})


def find_same_users(accesses: Sequence[TestAccess], access: TestAccess) -> list[TestAccess]:
    """Return the evaluations on the same holdout, or on another one that shares many held-out pairs."""
    return [other for other in accesses if _is_same(other, access.holdout, access.sketch)]


def _is_same(access: TestAccess, holdout: str, sketch: Sequence[str]) -> bool:
    if access.holdout == holdout:
        return True
    smallest = sorted({*access.sketch, *sketch})[:SKETCH_SIZE]
    shared = set(access.sketch) & set(sketch) & set(smallest)
    return bool(smallest) and len(shared) >= _SHARED * len(smallest)


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
