"""The names that examples in docstrings use: one small market, and files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import scoring
from scoring.database import Database
from scoring.database.writers import save_tables
from scoring.evaluation import NDCG, Evaluator, by_time
from tests.learning.model_files import write_model

MAPPING = """
sources: {offers: jobs.csv, people: users.csv}
tables:
  jobs: {from: offers, columns: {job_id: number, title: headline}}
  users: {from: people, columns: {user_id: login}}
"""

COMPONENT = '''
from typing import ClassVar

from scoring.model import Component, Inputs, JobTerm, Pair, Reason, Value


class PayFloor(Component):
    """The same value for all jobs."""

    kind: ClassVar[str] = "pay_floor"

    def terms(self, inputs: Inputs) -> Value:
        return Value((JobTerm(inputs.jobs.fee * 0.0 + 50.0),))

    def explain(self, pair: Pair) -> Reason:
        return Reason(50.0)
'''


def make_names(folder: Path) -> dict[str, Any]:
    """Return the names, and write the files that examples read to the folder."""
    (folder / "jobs.csv").write_text("number,headline\n1,Cook\n2,Waiter\n", "utf-8")
    (folder / "users.csv").write_text("login\n1\n2\n", "utf-8")
    (folder / "mapping.yaml").write_text(MAPPING, "utf-8")
    (folder / "pay_floor.py").write_text(COMPONENT, "utf-8")
    write_model(folder / "own.txt")
    tables = scoring.make_market(60, 400, 3_000, seed=1).tables
    with Database.open(folder / "market.db") as database:
        save_tables(database, tables)
    data = scoring.Dataset(tables)
    model = scoring.load_model("standard")
    holdout = by_time(data, days=14)
    return {
        "np": np,
        "pd": pd,
        "scoring": scoring,
        "folder": folder,
        "tables": tables,
        "data": data,
        "model": model,
        "ready": scoring.Prepared.of(data, model),
        "holdout": holdout,
        "evaluator": Evaluator(holdout, k=10, metrics=[NDCG(10)]),
    }
