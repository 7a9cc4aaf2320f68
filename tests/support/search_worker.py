"""A small search problem, identical in every process, and a process that searches."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from scoring.dataset import Dataset
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.metrics import NDCG
from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.storage.file_lock import FileLock
from scoring.synthetic import make_market
from scoring.tuning.problem import Problem
from scoring.tuning.space import Space
from scoring.tuning.trial_journal import open_journal
from scoring.tuning.trial_search import Sampler, run_trials

__all__ = ["FIRST", "die_with_lock", "problem_of", "search"]

MODEL = load_model("standard").with_weights(
    # no component with factors: each process would train them
    {"fee": 0.2, "wage": 0.2, "freshness": 0.2, "location": 0.2, "category": 0.2}
)
FIRST = (MODEL, MODEL.with_weights({"location": 1.0}))


def problem_of(model: ScoringModel = MODEL) -> Problem:
    """Return a problem with about 30 users and 200 jobs."""
    holdout = by_time(Dataset(make_market(100, 200, 6_000, seed=6).tables), days=14)
    return Problem(Space(model), Evaluator(holdout, metrics=(NDCG(10),), k=10, workers=1))


def search(
    pipe: Connection, storage: Path, n_trials: int, worker: int, samplers: Sequence[Sampler], pause: float
) -> None:
    """For each sampler, send "ready", wait for an answer and search. Send the number of trials after each one.

    The pause in seconds after each trial gives other processes a turn. Each warning is an error.
    """
    warnings.simplefilter("error")

    def progress(done: int, total: int) -> None:
        pipe.send(done)
        time.sleep(pause)

    problem = problem_of()
    for sampler in samplers:
        pipe.send("ready")
        pipe.recv()
        run_trials(problem, n_trials, first=FIRST, progress=progress, sampler=sampler, storage=storage, worker=worker)


def die_with_lock(pipe: Connection, storage: Path) -> None:
    """Kill this process while it holds the lock of the storage. Each warning is an error."""
    warnings.simplefilter("error")
    open_journal(storage)
    FileLock(storage).acquire()
    os.kill(os.getpid(), signal.SIGKILL)
