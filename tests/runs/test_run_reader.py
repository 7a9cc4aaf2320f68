"""A published run is read back as the ranking that was written."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.errors import ConfigurationError, OutputError, UnknownIdError
from scoring.ranking import Prepared
from scoring.runs import run_reader, runner
from scoring.runs.publishers import ParquetPublisher
from scoring.runs.run_reader import build_ranking, find_open_jobs, read_run
from tests.support.errors import raises_at, raises_with


@pytest.fixture(scope="module")
def ready() -> Prepared:
    tables = scoring.make_market(60, 300, 2000, seed=8).tables
    return Prepared.of(scoring.Dataset(tables), scoring.load_model("standard"))


@pytest.fixture
def run(ready: Prepared, tmp_path: Path) -> Path:
    runner.run(ready, k=7, chunk_size=25, publishers=[ParquetPublisher(tmp_path / "run")])
    return tmp_path / "run"


def test_read_run_returns_the_ranking(ready: Prepared, run: Path) -> None:
    ranking, lists = ready.top_k(7), build_ranking(read_run(run), ready.plan.job_id)
    order = np.argsort(ranking.user_id)
    for name in ("user_id", "job_id", "job_row", "scores", "count"):
        np.testing.assert_array_equal(getattr(lists, name), getattr(ranking, name)[order])


def test_rows_may_have_any_order(ready: Prepared, run: Path) -> None:
    frame = read_run(run)
    shuffled = build_ranking(frame.sample(frac=1, random_state=1), ready.plan.job_id)
    pd.testing.assert_frame_equal(shuffled.frame(), build_ranking(frame, ready.plan.job_id).frame())


def test_lists_may_have_different_lengths(ready: Prepared, run: Path) -> None:
    frame = read_run(run)
    users = frame["user_id"].unique()
    frame = frame[(frame["user_id"] != users[0]) | (frame["rank"] <= 2)]
    lists = build_ranking(frame, ready.plan.job_id)
    assert lists.count[0] == 2
    assert lists.job_id[0, 2:].tolist() == [-1] * 5
    pd.testing.assert_frame_equal(
        lists.take(np.array([1])).cut(1).frame(), lists.frame().iloc[[2]].reset_index(drop=True)
    )


def test_empty_run_has_no_lists(ready: Prepared, run: Path) -> None:
    lists = build_ranking(read_run(run).iloc[:0], ready.plan.job_id)
    assert len(lists.user_id) == 0
    assert lists.frame().empty


def test_ranks_with_a_gap_are_rejected(ready: Prepared, run: Path) -> None:
    frame = read_run(run)
    with raises_at(ConfigurationError, "rank"):
        build_ranking(frame[frame["rank"] != 2], ready.plan.job_id)
    with pytest.raises(UnknownIdError):
        build_ranking(frame, ready.plan.job_id[:1])


def test_open_jobs_of_a_run_follow_its_rules(ready: Prepared, monkeypatch: pytest.MonkeyPatch, run: Path) -> None:
    """They are unknown if a rule reads a column that the data no longer has."""
    np.testing.assert_array_equal(find_open_jobs([run], ready.inputs), ready.plan.exclusions.open_to_all)
    fee = ready.inputs.jobs.fee
    for where, expected in (("job.fee >= 800", np.nan_to_num(fee) >= 800), ("job.gone == 1", None)):
        rules = {"open": False, "min_fee": None, "rules": [{"where": where}]}
        monkeypatch.setattr(run_reader, "read_manifest", lambda _, rules=rules: {"definition": {"eligibility": rules}})
        np.testing.assert_array_equal(find_open_jobs([run], ready.inputs), expected)


def test_damaged_run_is_rejected(run: Path) -> None:
    with raises_with(OutputError, path=str(run.parent), errno=errno.ENOENT):
        read_run(run.parent)
    part = next(run.glob("*.parquet"))
    rows = pd.read_parquet(part)
    rows.iloc[1:].to_parquet(part)
    with raises_with(OutputError, reason="damaged", path=str(run)):
        read_run(run)
    part.write_bytes(b"PAR1 and no more")
    with raises_with(OutputError, reason="unreadable", path=str(run)):
        read_run(run)
    part.unlink()
    with raises_with(OutputError, reason="unreadable", path=str(run)):
        read_run(run)
