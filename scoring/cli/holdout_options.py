"""Options shared by `evaluate` and `tune`: the holdout and the evaluated users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scoring.argument_checks import MAX_DAYS, MAX_SEED
from scoring.errors import pluralize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Holdout, Split

__all__ = [
    "CountsOption",
    "CutOption",
    "DaysOption",
    "HeldOption",
    "HoldoutOption",
    "HoldoutOptions",
    "SeedOption",
    "UserSplit",
    "WindowDaysOption",
    "print_holdout",
    "select_users",
    "split_holdout_users",
]

HoldoutKind = Literal["time", "last", "newcomers"]
UserSplit = Literal["train", "validation", "test", "all"]

HoldoutOption = Annotated[
    HoldoutKind,
    typer.Option(
        "--holdout",
        help="Actions to predict. time: those of the last days; last: the last jobs of each user; newcomers: all "
        "actions of some users.",
    ),
]
DaysOption = Annotated[
    int,
    typer.Option(
        "--days",
        metavar="DAYS",
        min=1,
        max=MAX_DAYS,
        help="With --holdout time: length of the holdout in days.",
    ),
]
CutOption = Annotated[
    str | None,
    typer.Option(
        "--cut",
        metavar="TIME",
        show_default="--days before the newest action",
        help="With --holdout time: start of the holdout, such as 2025-06-16.",
    ),
]
HeldOption = Annotated[
    int,
    typer.Option(
        "--held",
        metavar="N",
        min=1,
        help="With --holdout last or newcomers: number of relevant jobs per user.",
    ),
]
WindowDaysOption = Annotated[
    int,
    typer.Option(
        "--window-days",
        metavar="DAYS",
        min=0,
        max=MAX_DAYS,
        help="With --holdout last or newcomers: days added to the period in which candidate jobs are open.",
    ),
]
CountsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--counts",
        metavar="KIND=GAIN",
        show_default="application=1",
        help="Kind of action that makes a job relevant, and its gain. May be repeated.",
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Seed of the user split and the trials.")
]


@dataclass(frozen=True)
class HoldoutOptions:
    """The values of the holdout options."""

    kind: HoldoutKind = "time"
    days: int = 14
    cutoff: str | None = None
    jobs_per_user: int = 1
    window_days: int = 0
    counts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the options before data are loaded.

        Raises
        ------
        BadParameter, ConfigurationError: If an option is invalid.
        """
        from scoring.dataset.dataset import parse_clock
        from scoring.evaluation.action_log import check_gains

        if self.counts:
            check_gains(self.parse_gains())
        parse_clock(self.cutoff, "--cut")
        if self.cutoff is not None and self.kind != "time":
            raise typer.BadParameter("--cut requires --holdout time.")

    def make_holdout(self, data: Dataset, after: pd.Timestamp | None = None) -> Holdout:
        """Return the holdout of the data. With `after`, only later actions are relevant.

        Raises
        ------
        ConfigurationError: If the holdout is empty.
        """
        from scoring.evaluation import APPLICATIONS, by_time, cold_start, last_n

        gains = self.parse_gains() or APPLICATIONS
        if self.kind == "time":
            return by_time(data, self.cutoff, days=self.days, gains=gains, after=after)
        if self.kind == "last":
            return last_n(data, self.jobs_per_user, gains=gains, window_days=self.window_days, after=after)
        return cold_start(data, self.jobs_per_user, gains=gains, window_days=self.window_days, after=after)

    def parse_gains(self) -> dict[str, float]:
        """Return kind of action → gain.

        Raises
        ------
        BadParameter: If a value of --counts is invalid.
        """
        gains = {}
        for text in self.counts:
            kind, _, gain = text.partition("=")
            try:
                gains[kind.strip()] = float(gain) if gain else 1.0
            except ValueError as error:
                raise typer.BadParameter(
                    f"--counts {text}: {gain!r} is not a number. Use KIND=GAIN, such as click=0.1."
                ) from error
        return gains


def split_holdout_users(holdout: Holdout, seed: int) -> Split:
    """Return the split of the users: half for training, a quarter for validation, a quarter for test.

    Raises
    ------
    ConfigurationError: If the users cannot be split.
    """
    from scoring.evaluation import split_users

    return split_users(holdout.user_id, seed=seed)


def select_users(holdout: Holdout, split: UserSplit, seed: int) -> NDArray[np.int64]:
    """Return the ids of the users in a split."""
    return holdout.user_id if split == "all" else getattr(split_holdout_users(holdout, seed), split)


def print_holdout(holdout: Holdout, progress: Progress) -> None:
    """Print the sizes of the holdout and its caveats."""
    progress.print_line(f"{holdout.name}: {len(holdout.relevance):,} relevant jobs of {len(holdout.user_id):,} users")
    for reason, pairs in holdout.left_out.items():
        if pairs:
            progress.print_line(f"excluded: {pluralize(pairs, 'pair')} of user and job ({reason})")
    for note in holdout.notes:
        progress.print_line(f"note: {note}")
