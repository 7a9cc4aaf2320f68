"""Tune weights on some users, and evaluate them on the next views of other users.

    python examples/jobviews_us_2014/evaluate.py FOLDER [--trials 200] [--save tuned.yaml]

FOLDER contains `Job_Views.csv` and `Positions_Of_Interest.csv`. Each run evaluates the test users once more.
"""

# ruff: noqa: T201  # a script prints its results

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import optuna
import pandas as pd
from job_view_components import JobLooks, ViewedNearby, ViewedShare
from title_likeness import TitleLikeness

import scoring
from scoring.database.database import Database
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout import Holdout
from scoring.evaluation.holdout_splits import last_n
from scoring.evaluation.metrics import MRR, NDCG, HitRate
from scoring.evaluation.scoreboard import Scoreboard
from scoring.evaluation.significance import Resamples
from scoring.evaluation.user_splits import split_users
from scoring.importing import import_mapping
from scoring.model import dump_model
from scoring.tuning.ablation import ablation
from scoring.tuning.goals import MetricGoal
from scoring.tuning.logistic_fit import fit_pairwise
from scoring.tuning.problem import Problem
from scoring.tuning.space import Parameter, Space
from scoring.tuning.tune import Tuning, tune

HERE = Path(__file__).parent
COMPONENTS = (ViewedShare, ViewedNearby, TitleLikeness, JobLooks)
METRICS = (HitRate(40), MRR(40), NDCG(40))

PARAMETERS = (
    Parameter("surroundings", "prior", 0.01, 10, log=True),
    Parameter("title", "half_life", 0.3, 30, log=True),
)


@dataclass(frozen=True)
class Parts:
    """The users by purpose."""

    train: Evaluator
    validation: Evaluator
    test: Evaluator


def model_of(name: str) -> scoring.ScoringModel:
    """Return a model from a file next to this script."""
    return scoring.load_model(HERE / name, COMPONENTS)


def import_data(folder: Path) -> scoring.Dataset:
    """Import the data with the mapping."""
    with TemporaryDirectory() as temporary, Database.open(Path(temporary) / "views.db") as database:
        database.create()
        import_mapping(database, HERE / "mapping.yaml", folder, refused_to=Path(temporary))
        return scoring.Dataset.from_database(database.engine)


def hold_out(data: scoring.Dataset) -> Holdout:
    """Hold out the last job of each user who viewed two or more; candidates are open then or in the 7 days after."""
    return last_n(data, gains={"click": 1}, window_days=7)


def split_evaluators(holdout: Holdout) -> Parts:
    """Split the users: half for training, a quarter for validation, a quarter for the test."""
    users, statistics = split_users(holdout.user_id), scoring.Statistics(holdout.data)
    one, other, last = (
        Evaluator(holdout, users=some, metrics=METRICS, statistics=statistics)
        for some in (users.train, users.validation, users.test)
    )
    return Parts(one, other, last)


def search_weights(parts: Parts, n_trials: int, parameters: tuple[Parameter, ...] = PARAMETERS) -> Tuning:
    """Search for the best NDCG@40."""
    space = Space(model_of("by_hand.yaml"), parameters=parameters)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return tune(Problem(space, parts.train, (MetricGoal(NDCG(40)),)), parts.validation, n_trials)


def cross_fit(holdout: Holdout, statistics: scoring.Statistics, n_folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """Return one row per metric: weights by hand, and a direct fit to the users of the other folds.

    This removes the chance of a single split. It does not remove the effect of having chosen the components while
    looking at most of these users.
    """
    model, ids = model_of("by_hand.yaml"), holdout.user_id
    fold = np.random.default_rng(seed).permutation(len(ids)) % n_folds
    by_hand, fitted = (np.full((len(METRICS), len(ids)), np.nan) for _ in range(2))
    for this in range(n_folds):
        theirs, others = (
            Evaluator(holdout, users=ids[some], metrics=METRICS, statistics=statistics)
            for some in (fold == this, fold != this)
        )
        for values, tried in ((by_hand, model), (fitted, fit_pairwise(Space(model), others))):
            values[:, fold == this] = list(theirs.evaluate(tried).values.values())
    resamples, rows = Resamples.of(ids), []
    for metric, one, other in zip(METRICS, by_hand, fitted, strict=True):
        found, (low, high) = resamples.compare(one, other), resamples.interval(other)
        means = {"by hand": found.mean_a, "direct fit": found.mean_b, "low": low, "high": high}
        change = {"difference": found.difference, "difference_low": found.low, "difference_high": found.high}
        rows.append({"measure": metric.name, **means, **change, "p": found.p})
    return pd.DataFrame(rows)


def compare_without_rule(users: Evaluator, model: scoring.ScoringModel) -> Scoreboard:
    """Compare a model with the same model without rules of its own."""
    return Scoreboard.of(users, {"with the rule": model, "without": model.with_eligibility(rules=())})


def candidates_per_user(holdout: Holdout) -> np.ndarray:
    """Return (n_users,) numbers of candidates; one of them is the held-out job."""
    rows = np.searchsorted(holdout.data.users.user_id, holdout.user_id)
    return holdout.candidates.matrix(rows).sum(axis=1)


def viewed_jobs(holdout: Holdout) -> np.ndarray:
    """Return (n_users,) numbers of different jobs that each user viewed before."""
    seen = holdout.data.tables.actions.groupby("user_id")["job_id"].nunique()
    return seen.reindex(holdout.user_id, fill_value=0).to_numpy()


def metrics_frame(board: Scoreboard) -> pd.DataFrame:
    """Return the metrics of a scoreboard, one row per model and metric."""
    frame = board.frame()
    hidden = ["n", "detectable", "relative", "declared", "n_tests"]
    return frame[frame["measure"].isin([metric.name for metric in METRICS])].drop(columns=hidden)


def print_holdout(data: scoring.Dataset, holdout: Holdout, parts: Parts) -> None:
    """Print the number of users, what is known about them, and the number of their candidates."""
    active = data.tables.actions["user_id"].nunique()
    viewed, candidates = viewed_jobs(holdout), candidates_per_user(holdout)
    viewed_range = f"{viewed.min()} to {viewed.max()}"
    all_users = Evaluator(holdout, metrics=METRICS, statistics=parts.test.statistics)
    by_rule = all_users.count_unreachable(model_of("by_hand.yaml"))
    print(f"{len(data.users):,} users, {active:,} with a view; {len(data.jobs):,} jobs; {len(data.actions):,} views")
    print(f"{len(holdout.user_id):,} users in the holdout; excluded: {dict(holdout.left_out)}")
    print(f"viewed jobs per user: median {np.median(viewed):.0f}, mean {viewed.mean():.1f}, {viewed_range}")
    print(f"candidates per user: median {np.median(candidates):,.0f}, mean {candidates.mean():,.0f}")
    print(f"held-out jobs that a rule excludes from every list: {sum(by_rule.values())} {by_rule or ''}")
    print(", ".join(f"{len(part.user_id):,} {name}" for name, part in vars(parts).items()), "users")
    for note in holdout.notes:
        print(f"note: {note}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--save", type=Path, help="the file to write the tuned model to")
    arguments = parser.parse_args()

    data = import_data(arguments.folder)
    holdout = hold_out(data)
    parts = split_evaluators(holdout)
    print_holdout(data, holdout, parts)

    tuning = search_weights(parts, arguments.trials)
    for note in tuning.notes[len(holdout.notes) :]:
        print(f"note: {note}")
    print("\nFlat weights and parameters\n", tuning.weights().round(3).to_string())
    print("\nAblation on the validation users")
    print(ablation(parts.validation, tuning.winner, NDCG(40)).frame().round(4).to_string())
    print("\nWithout the rule that excludes viewed jobs, on the validation users")
    print(metrics_frame(compare_without_rule(parts.validation, tuning.winner)).round(4).to_string(index=False))
    print("\nMetrics on the test users")
    print(metrics_frame(tuning.test(parts.test)).round(4).to_string(index=False))
    print("\nMetrics on all users, with weights from other folds")
    print(cross_fit(holdout, parts.test.statistics).round(4).to_string(index=False))
    if arguments.save:
        found = replace(tuning.winner, name="job views, tuned", description="Tuned for NDCG@40 by evaluate.py.")
        arguments.save.write_text(dump_model(found), encoding="utf-8")


if __name__ == "__main__":
    main()
