"""How the lists of all users change: kept jobs, gains and losses of places, and groups of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import pandas as pd

from scoring.evaluation import Comparison, make_slicings
from scoring.evaluation.exposure_changes import ATTRIBUTES, name_attribute
from scoring.evaluation.slices import FEWEST_USERS
from scoring.model_report.example_users import ExampleUser, select_examples

__all__ = ["ExposureTable", "ListChanges"]

BINS: Final = 10
"""Number of bars of the histogram of kept jobs."""


@dataclass(frozen=True)
class ExposureTable:
    """The values of an attribute of jobs that gain or lose places, from `Comparison.exposure`."""

    label: str
    plural: str
    changes: pd.DataFrame

    def select_gains(self, most: int = 5) -> pd.DataFrame:
        """Return the rows with the largest gains, the largest first."""
        return self.changes[self.changes["change"] > 0].nlargest(most, "change")

    def select_losses(self, most: int = 5) -> pd.DataFrame:
        """Return the rows with the largest losses, the largest first."""
        return self.changes[self.changes["change"] < 0].nsmallest(most, "change")


@dataclass(frozen=True)
class ListChanges:
    """Facts of a comparison of two lists of each user."""

    n_users: int
    length: int
    """Length of the longest list."""
    as_of: pd.Timestamp
    mean_overlap: float
    share_changed: float
    share_first_changed: float
    histogram: tuple[int, ...]
    """Number of users by the share of kept jobs, in `BINS` equal parts from 0 to 1; the last part includes 1."""
    measures: pd.DataFrame
    """The frame of `Comparison.measures`."""
    currency: str
    exposure: tuple[ExposureTable, ...]
    groups: pd.DataFrame
    """One row per group of at least 30 users: slicing · slice · n · overlap · first_changed."""
    n_small_groups: int
    examples: tuple[ExampleUser, ...]

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """Return the facts of a comparison."""
        users, board = comparison.frame(), comparison.inputs.board
        part = (users["overlap"].to_numpy() * BINS).astype(int).clip(0, BINS - 1)
        counts = pd.Series(part).value_counts()
        groups, n_small = _compare_groups(comparison, users)
        return cls(
            n_users=len(users),
            length=int(max(comparison.before.count.max(), comparison.after.count.max())),
            as_of=comparison.inputs.dataset.as_of,
            mean_overlap=comparison.mean_overlap,
            share_changed=comparison.share_changed,
            share_first_changed=comparison.share_first_changed,
            histogram=tuple(int(counts.get(number, 0)) for number in range(BINS)),
            measures=comparison.measures(),
            currency=board.currency,
            exposure=tuple(ExposureTable(*name_attribute(by, board), comparison.exposure(by)) for by in ATTRIBUTES),
            groups=groups,
            n_small_groups=n_small,
            examples=select_examples(comparison),
        )

    @property
    def is_same(self) -> bool:
        """Whether no list changed."""
        return self.share_changed == 0


def _compare_groups(comparison: Comparison, users: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the groups of users with their mean overlap, and the number of groups that are too small to show."""
    rows, n_small = [], 0
    ids = users["user_id"].to_numpy()
    for slicing in make_slicings(comparison.inputs):
        of_users = slicing.of_users(ids)
        for label, mask in zip(of_users.labels, of_users.masks, strict=True):
            n = int(mask.sum())
            if n < FEWEST_USERS:
                n_small += n > 0
                continue
            overlap, first = users.loc[mask, ["overlap", "first_changed"]].mean()
            rows.append((slicing.name, label, n, float(overlap), float(first)))
    return pd.DataFrame(rows, columns=["slicing", "slice", "n", "overlap", "first_changed"]), n_small
