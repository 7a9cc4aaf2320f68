"""Log of evaluations on test splits. Each evaluation on a split makes later results on it less independent."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict

from scoring.tuning.registry.metadata import Digest, Metric, Text

__all__ = ["TestAccess", "make_access_frame"]


class TestAccess(BaseModel):
    """An evaluation of one model on one test split."""

    __test__ = False  # pytest must not collect this class

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    at: AwareDatetime
    look: int
    """Number of the evaluation on this split. The first is 1."""
    holdout: Text
    profile: Text | None = None
    digest: Digest
    metrics: dict[Text, Metric] = {}


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
