"""The log of looks at test users: what `evaluate` and `tune` record and print about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scoring.errors import pluralize

if TYPE_CHECKING:
    import pandas as pd

    from scoring.cli.holdout_options import UserSplit
    from scoring.cli.progress import Progress
    from scoring.evaluation import Backtest, Scoreboard
    from scoring.model import ScoringModel
    from scoring.registry import Registry
    from scoring.registry.evaluation_log import DeclaredLimit

__all__ = ["log_cuts", "log_test_access"]


def log_test_access(
    registry: Registry,
    board: Scoreboard,
    progress: Progress,
    *,
    split: UserSplit = "test",
    broken_floors: Sequence[str] = (),
    limits: Sequence[DeclaredLimit] = (),
    slices: pd.DataFrame | None = None,
    derived_from: ScoringModel | None = None,
) -> int | None:
    """Log an evaluation on test users as one look. Print a warning if the users were evaluated before.

    Return the number of looks at these users, including this one. None: the split contains no test users.
    """
    if split not in ("test", "all"):
        return None
    looks = registry.log_scoreboard(
        board, split=split, broken_floors=broken_floors, limits=limits, slices=slices, derived_from=derived_from
    )
    if looks > 1:
        _print_look_warning("these users", looks, progress)
    return looks


def log_cuts(
    registry: Registry, backtest: Backtest, models: Mapping[str, ScoringModel], split: UserSplit, progress: Progress
) -> int | None:
    """Log the evaluation as one look at its test users. Print a warning if they were evaluated before.

    Return the number of looks at these users, including this one. None: the split contains no test users.
    """
    if split not in ("test", "all"):
        return None
    looks = registry.log_backtest(backtest, models, split=split)
    if looks > 1:
        _print_look_warning("users of these cuts", looks, progress)
    return looks


def _print_look_warning(subject: str, looks: int, progress: Progress) -> None:
    """Print a warning that users were evaluated before. `looks` is the number of looks, including this one."""
    progress.print_line(
        f"warning: {subject} have been evaluated {pluralize(looks - 1, 'time')} before. Models that were chosen by "
        "earlier evaluations look better than they are. `scoring profiles looks` lists the evaluations. "
        "docs/evaluate_and_tune.md#looks-at-the-test-users describes what to do."
    )
