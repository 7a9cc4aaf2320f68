"""Bytes of the job frame in the smallest dtypes, compared with pandas' frame of the same table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import sqlalchemy as sa

from benchmarks.engine_calls import K, require_equal, scorer
from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, at_most
from benchmarks.workspace import Size, Workspace
from scoring import Dataset, Prepared, Statistics, load_model
from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.dataset.smaller_dtypes import optimise
from scoring.profiling.compared_method_lists import ResultsDifferError

READ_BY_SCORES = [
    *("job_id", "company_id", "prefecture_code", "city_code", "station_name", "salary_type", "min_salary", "fee"),
    *("occupation_code", "employment_type_code", "has_daily_payment", "has_no_experience", "has_student_welcome"),
    *("has_remote_work", "posted_at", "expires_at", "is_active"),
]
"""Without `address`: scores only read whether it is present, and the free text hardly repeats."""


def measure(size: Size, work: Workspace) -> Section:
    with Database.open(work.database(size.users, size.jobs, size.actions)) as database:
        with database.connect() as connection:
            plain = pd.read_sql(sa.text("SELECT * FROM jobs"), connection)
        tables = load_tables(database)
    print_progress("smaller dtypes, equal values")
    small = optimise(tables.jobs)
    _require_same(tables.jobs, small)
    _require_same(plain, optimise(plain))
    frames = {name: frame for name, frame in tables.items() if name not in ("jobs", "users")}
    few = np.arange(min(200, len(tables.users)))
    lists = []
    for jobs, users in ((tables.jobs, tables.users), (small, optimise(tables.users))):
        dataset = Dataset.from_frames(jobs=jobs, users=users, **frames)
        prepared = Prepared.of(Statistics(dataset, factor_cache=work.factors), load_model("standard"))
        lists.append(scorer(prepared.plan).top_k(K, few))
    require_equal(*lists, "scores from optimised frames")
    of_plain, of_small = (frame.memory_usage(deep=True, index=False) for frame in (plain, small))
    read = 100 * of_small[READ_BY_SCORES].sum() / of_plain[READ_BY_SCORES].sum()
    whole = 100 * of_small.sum() / of_plain.sum()
    return Section(
        name="frames",
        title="Frames in the smallest dtypes",
        size=f"{len(plain):,} jobs, bytes relative to pandas' `read_sql` of the same table",
        figures=[
            Figure("columns that scores read", read, "%", at_most(30), "values and lists are equal (checked)"),
            Figure("the whole frame, free text included", whole, "%", note="titles, company names and addresses"),
        ],
        details={
            "bytes_plain": {name: int(count) for name, count in of_plain.items()},
            "bytes_optimised": {name: int(count) for name, count in of_small.items()},
        },
    )


def _require_same(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Raise ResultsDifferError unless columns, missing values and values are equal."""
    if before.columns.tolist() != after.columns.tolist():
        raise ResultsDifferError("optimise: columns differ.")
    for name in before.columns:
        old, new = before[name], after[name]
        present = old.notna().to_numpy()
        equal = old[present].astype(object).to_numpy() == new[present].astype(object).to_numpy()
        if not np.array_equal(present, new.notna().to_numpy()) or not np.all(equal):
            raise ResultsDifferError(f"optimise: values of {name} differ.")
