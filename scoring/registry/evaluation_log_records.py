"""Records of a scoreboard or a backtest for the log of evaluations on test users: one record per model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scoring.array_types import Longs
from scoring.columns.board_definition import DEFAULT_BOARD
from scoring.model import ScoringModel
from scoring.registry.evaluation_log import Change, DeclaredLimit, SavedSlice
from scoring.registry.held_out_pair_sketch import identify_key, sketch_pairs
from scoring.registry.metadata import parse_metrics, to_utc

if TYPE_CHECKING:
    from scoring.evaluation import Backtest, Scoreboard

__all__ = ["FindUsers", "describe_backtest", "describe_scoreboard"]

FindUsers = Callable[[ScoringModel], Longs]
"""Returns the ids of the users that a model was fitted or selected on."""


def describe_scoreboard(
    board: Scoreboard,
    split: str,
    broken_floors: Sequence[str],
    find_users: FindUsers,
    key: bytes,
    limits: Sequence[DeclaredLimit] = (),
    slices: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """Return the fields of a `TestAccess` for each model. Lists of other systems are not described.

    `broken_floors` are floors that the last model does not keep, and `limits` those declared for it. `key` is that of
    the sketch. `slices` is the frame of `Scoreboard.slices` for the last model; None: that of the usual slices.
    """
    holdout, frame = board.evaluator.holdout, board.frame()
    baseline = board.evaluations[board.baseline]
    is_model = not baseline.is_external
    shared = {
        "holdout": holdout.digest,
        "split": split,
        "currency": _find_other_currency(board.currency),
        "n_users": len(holdout.user_id),
        "held_out": holdout.name,
        "since": to_utc(holdout.data.as_of) if holdout.candidates is None else None,
        "sketch": sketch_pairs(holdout.relevance.user_id, holdout.relevance.job_id, key),
        "sketch_key": identify_key(key),
    }
    compared = {
        "baseline": baseline.model.name if is_model else board.baseline,
        "baseline_digest": baseline.model.digest if is_model else None,
    }
    last = list(board.evaluations)[-1]
    records = []
    for name, evaluation in board.evaluations.items():
        if evaluation.is_external:
            continue
        record = shared | _describe_model(evaluation.model, holdout.user_id, find_users)
        if is_model and name != board.baseline and evaluation.model.name == baseline.model.name:
            record["profile"] = name  # a search does not rename its models, so their name does not identify them
        record["metrics"] = _collect_metrics(frame[(frame["model"] == name) & frame["mean"].notna()])
        if name != board.baseline:
            usual = board.slices(name)
            goals = [goal.name for goal in board.goals]
            record |= compared | {
                "goals": tuple(goals) if name == board.candidate else (),
                "broken_floors": tuple(broken_floors) if name == last else (),
                "limits": (tuple(limits) or None) if name == board.candidate else None,
                "changes": _collect_changes(frame[(frame["model"] == name) & frame["difference"].notna()]),
                **_describe_slices(usual),
                "slices": _save_slices(usual if slices is None or name != last else slices, goals),
            }
        records.append(record)
    return records


def describe_backtest(
    backtest: Backtest, models: Mapping[str, ScoringModel], split: str, find_users: FindUsers, key: bytes
) -> list[dict[str, Any]]:
    """Return the fields of a `TestAccess` for each model, over all cuts. `key` is that of the sketch."""
    frame, first, last = backtest.pooled(), backtest.cuts[0], backtest.cuts[-1]
    users, jobs = (
        np.concatenate(pairs) for pairs in zip(*((cut.pair_user, cut.pair_job) for cut in backtest.cuts), strict=True)
    )
    shared = {
        "holdout": _digest_cuts(backtest),
        "split": split,
        "currency": _find_other_currency(backtest.currency),
        "n_users": backtest.n_users,
        "held_out": first.name if first is last else f"{first.name}, …, {last.name}",
        "n_cuts": len(backtest.cuts),
        "since": to_utc(first.at),
        "sketch": sketch_pairs(users, jobs, key),
        "sketch_key": identify_key(key),
    }
    baseline = models[backtest.baseline]
    compared = {"baseline": baseline.name, "baseline_digest": baseline.digest}
    records = []
    for name, model in models.items():
        record = shared | _describe_model(model, backtest.user_id, find_users)
        rows = frame[frame["model"] == name]
        record["metrics"] = _collect_metrics(rows[rows["mean"].notna()])
        if name != backtest.baseline:
            record |= compared | {
                "goals": tuple(goal.name for goal in backtest.goals) if name == backtest.candidate else (),
                "changes": _collect_changes(rows[rows["difference"].notna()]),
            }
        records.append(record)
    return records


def _digest_cuts(backtest: Backtest) -> str:
    """Return a digest of the holdouts of all cuts."""
    return blake2b(" ".join(cut.digest for cut in backtest.cuts).encode(), digest_size=16).hexdigest()


def _describe_model(model: ScoringModel, user_id: Longs, find_users: FindUsers) -> dict[str, Any]:
    n_known = int(np.isin(user_id, find_users(model)).sum())
    return {"profile": model.name, "digest": model.digest, "n_fitted_users": n_known}


def _collect_metrics(rows: pd.DataFrame) -> dict[str, Any]:
    """Return measure → value, interval and number of users of one model's rows of a scoreboard."""
    metrics = {}
    for row in rows.to_dict("records"):
        metric = {"value": row["mean"], "n": int(row["n"])}
        if not math.isnan(row["low"]):
            metric |= {"low": row["low"], "high": row["high"]}
        metrics[str(row["measure"])] = metric
    return parse_metrics({"test": metrics})["test"]


def _collect_changes(rows: pd.DataFrame) -> dict[str, Change]:
    """Return measure → change from the baseline of one model's rows of a scoreboard."""
    return {row["measure"]: _make_change(row) for row in rows.to_dict("records")}


def _make_change(row: Mapping[Any, Any]) -> Change:
    from scoring.evaluation.measure_info import find_good_sign

    difference, sign = float(row["difference"]), find_good_sign(str(row["measure"]))
    return Change(
        difference=difference,
        low=_parse_finite(row["difference_low"]),
        high=_parse_finite(row["difference_high"]),
        relative=_parse_finite(row["relative"]),
        is_significant=bool(row["significant"]),
        is_good=None if sign == 0 or difference == 0 else difference * sign > 0,
    )


def _find_other_currency(currency: str) -> str | None:
    """Return a currency; None for that of the default board, which earlier versions can read."""
    return None if currency == DEFAULT_BOARD.currency else currency


def _parse_finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _save_slices(slices: pd.DataFrame, goals: Sequence[str]) -> tuple[SavedSlice, ...]:
    """Return the rows of the first goal, or else of the first metric."""
    metrics = slices["metric"].unique().tolist()
    metric = next((goal for goal in goals if goal in metrics), metrics[0] if metrics else "")
    return SavedSlice.list_of(slices[slices["metric"] == metric])


def _describe_slices(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the slices in which the model is significantly worse, such as `NDCG@10:tenure:newcomer`, and numbers."""
    worse = frame[frame["worse"]]
    tested = frame.groupby(["slicing", "slice"])["tested"].any()
    return {
        "worse_slices": tuple(f"{row['metric']}:{row['slicing']}:{row['slice']}" for row in worse.to_dict("records")),
        "n_slices": len(tested),
        "n_tested_slices": int(tested.sum()),
    }
