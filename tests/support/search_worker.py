"""A small search problem, identical in every process. Run as a program, the module is one search worker."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from scoring.catalog import load_model
from scoring.dataset import Dataset
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.metrics import NDCG
from scoring.model import ScoringModel
from scoring.synthetic import make_market
from scoring.tuning.problem import Problem
from scoring.tuning.search import run_trials
from scoring.tuning.space import Space

__all__ = ["FIRST", "problem_of"]

MODEL = load_model("standard").with_weights(
    # no component with factors: each process would train them
    {"fee": 0.2, "wage": 0.2, "freshness": 0.2, "location": 0.2, "category": 0.2}
)
FIRST = (MODEL, MODEL.with_weights({"location": 1.0}))


def problem_of(model: ScoringModel = MODEL) -> Problem:
    """Return a problem with about 30 users and 200 jobs."""
    holdout = by_time(Dataset(make_market(100, 200, 6_000, seed=6).tables), days=14)
    return Problem(Space(model), Evaluator(holdout, metrics=(NDCG(10),), k=10, workers=1))


def main(storage: str, n_trials: str, worker: str, samplers: str, pause: str) -> None:
    """Run a worker that prints "trial" after each trial and pauses, so that a test can follow or kill it."""

    def print_progress(what: str) -> None:
        sys.stdout.write(what + "\n")
        sys.stdout.flush()

    def progress(done: int, total: int) -> None:
        print_progress(f"trial {done}")
        time.sleep(float(pause))

    problem, where = problem_of(), {"storage": Path(storage), "worker": int(worker)}
    for sampler in samplers.split(","):
        print_progress("ready")
        sys.stdin.readline()
        run_trials(problem, int(n_trials), first=FIRST, progress=progress, sampler=sampler, **where)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
