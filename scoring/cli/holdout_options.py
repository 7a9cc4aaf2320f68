"""Options shared by `evaluate` and `tune`: the holdout and the evaluated users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    import numpy as np
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
    "split_holdout_users",
    "users_of_split",
]

HoldoutKind = Literal["time", "last", "newcomers"]
UserSplit = Literal["train", "validation", "test", "all"]

HoldoutOption = Annotated[
    HoldoutKind,
    typer.Option(
        "--holdout",
        help="time: what was done in the last days; last: the last jobs of each user; newcomers: all that some did.",
    ),
]
DaysOption = Annotated[float, typer.Option(min=0.01, help="Days that are held out by time.")]
CutOption = Annotated[
    str | None, typer.Option(help="From when on it is held out by time, such as 2025-06-16; else the last days.")
]
HeldOption = Annotated[int, typer.Option(min=1, help="Jobs of a user that are held out, by last and newcomers.")]
WindowDaysOption = Annotated[
    float,
    typer.Option("--window-days", min=0, help="Candidates are open up to so many days after, by last, newcomers."),
]
CountsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--counts", metavar="KIND=GAIN", help="What shows that a job was wanted; else application=1. May be repeated."
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, help="The same seed draws the same users and trials.")]


@dataclass(frozen=True)
class HoldoutOptions:
    """The values of the holdout options."""

    of: HoldoutKind = "time"
    days: float = 14.0
    cut: str | None = None
    held: int = 1
    window_days: float = 0.0
    counts: tuple[str, ...] = ()

    def holdout(self, data: Dataset) -> Holdout:
        """Return the holdout of the data.

        Raises
        ------
        BadParameter: If an option is invalid.
        ConfigurationError: If the holdout is empty.
        """
        from scoring.evaluation import APPLICATIONS, by_time, cold_start, last_n

        gains = self._gains() or APPLICATIONS
        if self.of == "time":
            return by_time(data, self.cut, days=self.days, gains=gains)
        if self.cut is not None:
            raise typer.BadParameter("--cut belongs to --holdout time.")
        if self.of == "last":
            return last_n(data, self.held, gains=gains, window_days=self.window_days)
        return cold_start(data, self.held, gains=gains, window_days=self.window_days)

    def _gains(self) -> dict[str, float]:
        gains = {}
        for text in self.counts:
            kind, _, gain = text.partition("=")
            try:
                gains[kind.strip()] = float(gain) if gain else 1.0
            except ValueError as error:
                raise typer.BadParameter(f"--counts {text}: KIND=GAIN is needed, such as click=0.1.") from error
        return gains


def split_holdout_users(holdout: Holdout, seed: int) -> Split:
    """Return the split of the users: half for training, a quarter for validation, a quarter for test.

    Raises
    ------
    ConfigurationError: If the users cannot be split.
    """
    from scoring.evaluation import split_users

    return split_users(holdout.user_id, seed=seed)


def users_of_split(holdout: Holdout, part: UserSplit, seed: int) -> NDArray[np.int64]:
    """Return the ids of the users in a part of the split."""
    return holdout.user_id if part == "all" else getattr(split_holdout_users(holdout, seed), part)


def print_holdout(holdout: Holdout, progress: Progress) -> None:
    """Print the sizes of the holdout and its caveats."""
    progress.print_line(
        f"{holdout.name}: {len(holdout.relevance):,} jobs of {len(holdout.user_id):,} users are to be found"
    )
    for reason, pairs in holdout.left_out.items():
        if pairs:
            progress.print_line(f"left out: {pairs:,} × {reason}")
    for note in holdout.notes:
        progress.print_line(f"note: {note}")
