"""The options of `scoring evaluate --cuts`, and the lines that the command prints before the tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self

import typer

from scoring.cli.holdout_options import HoldoutOptions, UserSplit
from scoring.errors import pluralize

if TYPE_CHECKING:
    from scoring.array_types import Longs
    from scoring.cli.progress import Progress
    from scoring.dataset import Dataset
    from scoring.evaluation import Backtest
    from scoring.evaluation.measure_values import Measure
    from scoring.model import ScoringModel

__all__ = ["BacktestRequest", "CutsOption", "EveryOption", "print_cuts"]

CutsOption = Annotated[
    int,
    typer.Option(
        "--cuts", metavar="N", min=1, help="With --holdout time: number of holdouts, of which --cut is the newest."
    ),
]
EveryOption = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="TIME",
        show_default="--days",
        help="With --cuts: time between two cuts, such as 14d or 2w.",
    ),
]

_DAYS: Final = {"h": 1 / 24, "d": 1.0, "w": 7.0}


@dataclass(frozen=True)
class BacktestRequest:
    """Number of cuts, and days between two of them."""

    cuts: int
    every: float
    options: HoldoutOptions

    @classmethod
    def parse(
        cls, cuts: int, every: str | None, options: HoldoutOptions, unsupported: Mapping[str, object]
    ) -> Self | None:
        """Return the request of --cuts and --every; None for one holdout. `unsupported`: option → its value.

        Raises
        ------
        BadParameter: If an option is invalid, or does not work with several cuts.
        """
        if cuts == 1:
            if every is not None:
                raise typer.BadParameter("--every requires --cuts of 2 or more.")
            return None
        if options.kind != "time":
            raise typer.BadParameter("--cuts requires --holdout time.")
        for option, value in unsupported.items():
            if value:
                raise typer.BadParameter(f"{option} works with one holdout only. Omit --cuts or {option}.")
        return cls(cuts, options.days if every is None else _parse_days(every), options)

    @staticmethod
    def select_users(data: Dataset, on: UserSplit, seed: int) -> Longs:
        """Return the ids of the users of a split.

        The split depends on each id alone, so it contains the users that a single holdout would evaluate.
        """
        from scoring.evaluation import split_users

        user_id = data.users.user_id
        users: Longs = user_id if on == "all" else getattr(split_users(user_id, seed=seed), on)
        return users

    def run(
        self,
        data: Dataset,
        models: Mapping[str, ScoringModel],
        *,
        users: Longs,
        on: UserSplit,
        k: int,
        level: float,
        seed: int,
        goals: Sequence[Measure],
        factor_cache: Path | None,
        progress: Progress,
    ) -> Backtest:
        """Return the backtest of these models for these users, which belong to the split `on`.

        Raises
        ------
        ConfigurationError: If no cut has a relevant job.
        """
        from scoring.evaluation import APPLICATIONS, Backtest
        from scoring.statistics.factors import default_cache

        with progress.bar(f"evaluating users of {on}", "cuts") as advance:
            return Backtest.of(
                data,
                models,
                cuts=self.cuts,
                every=self.every,
                days=self.options.days,
                newest=self.options.cutoff,
                gains=self.options.parse_gains() or APPLICATIONS,
                users=users,
                k=k,
                factor_cache=factor_cache or default_cache(),
                level=level,
                seed=seed,
                goals=goals,
                advance=advance,
            )


def _parse_days(text: str) -> float:
    """Return the days of a time such as 14d, 2w or 36h."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([hdw])", text.strip().lower())
    days = float(match[1]) * _DAYS[match[2]] if match else 0.0
    if not days > 0:
        raise typer.BadParameter(f"--every {text}: not a time above 0. Use a number with d, w or h, such as 14d.")
    from scoring.argument_checks import MAX_DAYS, MIN_INTERVAL, check_interval

    return check_interval("--every", days, MIN_INTERVAL, MAX_DAYS)


def print_cuts(backtest: Backtest, request: BacktestRequest, progress: Progress) -> None:
    """Print the size of each holdout, the skipped cuts, and the caveats."""
    for cut in backtest.cuts:
        left_out = sum(cut.left_out.values())
        excluded = f"; {pluralize(left_out, 'pair')} of all users excluded" if left_out else ""
        sizes = f"{pluralize(cut.n_relevant, 'relevant job')} of {pluralize(len(cut.user_id), 'user')}"
        progress.print_line(f"{cut.name}: {sizes}{excluded}")
    for at, reason in backtest.skipped.items():
        progress.print_line(f"warning: the cut of {at:%Y-%m-%d} is left out. {reason}")
    if request.every < request.options.days:
        progress.print_line(
            "note: held-out periods of neighbouring cuts overlap. Their results are not independent of each other."
        )
    for note in backtest.notes:
        progress.print_line(f"note: {note}")
