"""Lists of other systems: every format gives the same lists, and metrics equal those of trec_eval."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, DataError
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.external_lists import ExternalLists
from scoring.evaluation.holdout_splits import by_time, last_n
from scoring.evaluation.list_writer import write_ranx_run, write_trec_qrels, write_trec_run
from scoring.evaluation.metrics import MAP, MRR, NDCG, HitRate, Precision, Recall
from scoring.evaluation.scoreboard import Scoreboard
from scoring.model import Eligibility
from scoring.model_catalog import load_model
from scoring.ranking import Ranking
from scoring.synthetic import make_market
from tests.support.errors import raises_at, raises_data
from tests.support.proof_counts import record_count

STANDARD = load_model("standard")
METRICS = (NDCG(10), Recall(20), Precision(5), MRR(20), MAP(20), HitRate(5))
MEASURES = (
    ir_measures.nDCG @ 10, ir_measures.R @ 20, ir_measures.P @ 5, ir_measures.RR, ir_measures.AP @ 20,
    ir_measures.Success @ 5,
)  # fmt: skip
"""RR without a cutoff: the provider of RR@k breaks ties in another order than trec_eval."""


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset(make_market(150, 500, 9_000, seed=4).tables)


@pytest.fixture(scope="module")
def text_data(data: Dataset) -> Dataset:
    """Return the same market, in which user u has the external id Uu, and job j the external id Jj."""
    tables = data.tables
    users, jobs = (
        frame.assign(external_id=(letter + frame[key].astype(str)).astype("str"))
        for frame, letter, key in ((tables.users, "U", "user_id"), (tables.jobs, "J", "job_id"))
    )
    return Dataset(tables.with_tables(users=users, jobs=jobs))


@pytest.fixture(scope="module")
def evaluator(data: Dataset) -> Evaluator:
    return Evaluator(by_time(data, days=14, gains={"application": 3, "click": 1}), metrics=METRICS, k=20)


@pytest.fixture(scope="module")
def ranking(evaluator: Evaluator) -> Ranking:
    return evaluator.evaluate(STANDARD).ranking


def frame_of(ranking: Ranking) -> pd.DataFrame:
    return ranking.frame().rename(columns={"total_score": "score"})[["user_id", "job_id", "rank", "score"]]


def shuffle(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=0)


def write_with_text_ids(frame: pd.DataFrame, path: Path) -> None:
    texts = frame.assign(user="U" + frame["user_id"].astype(str), item="J" + frame["job_id"].astype(str))
    texts[["position", "item", "user"]].to_csv(path, index=False)


WRITERS: dict[str, Callable[[Ranking, Path], Any]] = {
    "lists.csv": lambda ranking, path: shuffle(frame_of(ranking)).drop(columns="rank").to_csv(path, index=False),
    "lists.parquet": lambda ranking, path: shuffle(frame_of(ranking)).drop(columns="score").to_parquet(path),
    "texts.csv": lambda ranking, path: write_with_text_ids(
        frame_of(ranking).rename(columns={"rank": "position"}), path
    ),
    "lists.trec": lambda ranking, path: write_trec_run(path, ranking),
    "lists.json": lambda ranking, path: write_ranx_run(path, ranking),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_lists(
    name: str, data: Dataset, text_data: Dataset, ranking: Ranking, evaluator: Evaluator, tmp_path: Path
) -> None:
    WRITERS[name](ranking, tmp_path / name)
    lists = ExternalLists.read(tmp_path / name, text_data if name == "texts.csv" else data)
    assert lists.name == name.split(".")[0]
    found = evaluator.evaluate_lists(lists, STANDARD.eligibility)
    assert np.array_equal(found.ranking.job_id, ranking.job_id)
    assert np.array_equal(found.ranking.job_row, ranking.job_row)
    assert np.array_equal(found.ranking.count, ranking.count)
    for metric, values in evaluator.evaluate(STANDARD).values.items():
        assert np.array_equal(values, found.values[metric])
    assert found.is_external
    with raises_at(ConfigurationError, "model"):
        _ = found.model


def assert_equal_to_ir_measures(seed: int, data: Dataset, evaluator: Evaluator, folder: Path) -> None:
    """Compare a run with equal scores, unknown jobs and users, missing users and lists longer than k."""
    rng = np.random.default_rng(seed)
    users = [*rng.permutation(data.users.user_id)[:120].tolist(), "unknown"]
    jobs = [*np.append(data.jobs.job_id, [10**12, -5]).astype(str).tolist(), "X1", "X2"]
    lines = []
    for user in users:
        chosen = rng.permutation(jobs)[: rng.integers(1, 20)]
        relevant = (
            evaluator.holdout.relevance.job_id[evaluator.holdout.relevance.user_id == user] if user in users else []
        )
        listed = dict.fromkeys([*chosen.tolist(), *(str(job) for job in relevant[:2])][-20:])
        lines += [f"{user} Q0 {job} 0 {rng.integers(0, 6) / 3} tag" for job in listed]
    (folder / "a.run").write_text("\n".join(rng.permutation(lines).tolist()))
    write_trec_qrels(folder / "qrels.txt", evaluator.holdout.relevance)
    values = evaluator.evaluate_lists(ExternalLists.read(folder / "a.run", data)).values
    qrels = list(ir_measures.read_trec_qrels(str(folder / "qrels.txt")))
    run = list(ir_measures.read_trec_run(str(folder / "a.run")))
    found = {(m.query_id, m.measure): m.value for m in ir_measures.iter_calc(MEASURES, qrels, run)}
    for metric, measure in zip(METRICS, MEASURES, strict=True):
        for user, value in zip(evaluator.user_id.tolist(), values[metric.name], strict=True):
            assert value == pytest.approx(found.get((str(user), measure), 0.0), abs=1e-9), (metric, user)
            record_count("metrics", "{} values", 1)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_ir_measures(seed: int, data: Dataset, evaluator: Evaluator, tmp_path: Path) -> None:
    assert_equal_to_ir_measures(seed, data, evaluator, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5, 100))
def test_metrics_equal_ir_measures_on_more_runs(seed: int, data: Dataset, evaluator: Evaluator, tmp_path: Path) -> None:
    assert_equal_to_ir_measures(seed, data, evaluator, tmp_path)


def lists_of(data: Dataset, rows: list[tuple[Any, Any, Any]], column: str = "rank", **options: Any) -> ExternalLists:
    return ExternalLists.of(pd.DataFrame(rows, columns=["user", "job", column]), data, **options)


def test_equal_scores_are_ordered_as_in_trec_eval(data: Dataset) -> None:
    user = int(data.users.user_id[0])
    lists = lists_of(data, [(user, 9, 0.5), (user, 10, 0.5), (user, 7, 0.1), (user, 100, 0.5)], "score")
    assert lists.job_id.tolist() == [9, 100, 10, 7]
    assert "2 of 4 entries" in lists.notes[0]


def test_unknown_jobs_keep_their_rank(data: Dataset, evaluator: Evaluator) -> None:
    user = int(evaluator.user_id[0])
    job = int(evaluator.holdout.relevance.job_id[0])
    found = evaluator.evaluate_lists(lists_of(data, [(user, "none", 1), (user, 10**12, 2), (user, job, 3)]))
    assert found.values["MRR@20"][0] == pytest.approx(1 / 3)
    assert found.ranking.job_row[0, :2].tolist() == [-1, -1]
    assert any("2 × job not in the data" in note for note in found.notes)
    facts = evaluator.facts(found)
    assert not set(found.ranking.job_id[0, :2].tolist()) & set(facts.job_id.tolist())


def test_notes_count_what_a_reader_must_know(data: Dataset, evaluator: Evaluator, ranking: Ranking) -> None:
    n = len(evaluator.user_id)
    rows = [(int(evaluator.user_id[0]), int(job), rank) for rank, job in ((1, ranking.job_id[0, 0]), (3, 10**12))]
    notes = " ".join(evaluator.evaluate_lists(lists_of(data, [*rows, ("unknown", 1, 1)], name="old")).notes)
    for part in (
        "The ranks of 1 list of old have gaps",
        "1 user that the data do not contain",
        "The time of old is unknown",
        f"does not contain a list for {n - 1:,} of {n:,} evaluated users",
        "The longest list of old has 2 jobs",
        "1 of 2 entries of old are not eligible: 1 × job not in the data",
    ):
        assert part in notes


def test_ineligible_entries_are_counted_by_rule(data: Dataset, evaluator: Evaluator) -> None:
    prepared = evaluator.prepare(STANDARD)
    users, jobs = evaluator.user_id, data.jobs.job_id
    allowed = prepared.plan.exclusions.matrix(np.arange(len(users)))
    rows = [(int(user), int(job), rank + 1) for user in users[:5] for rank, job in enumerate(jobs[:20])]
    notes = evaluator.evaluate_lists(lists_of(data, rows, name="old"), STANDARD.eligibility).notes
    assert any(f"{int((~allowed[:5, :20]).sum())} of 100 entries of old are not eligible" in note for note in notes)
    rules = Eligibility(open=False, not_applied=False, company_cooldown_days=None)
    assert not any("not eligible" in note for note in evaluator.evaluate_lists(lists_of(data, rows), rules).notes)
    limited = Eligibility(open=False, not_applied=False, company_cooldown_days=None, max_per_company=1)
    companies = data.tables.jobs["company_id"].iloc[:20].dropna()
    notes = evaluator.evaluate_lists(lists_of(data, rows), limited).notes
    assert any(f"{5 * companies.duplicated().sum()} × limit of 1 job per company" in note for note in notes)


def test_scoreboard_compares_models_with_lists(data: Dataset, evaluator: Evaluator, ranking: Ranking) -> None:
    same = ExternalLists.of(frame_of(ranking), data, name="same")
    board = Scoreboard.of(evaluator, {"standard": STANDARD, "same": same})
    frame = board.frame().set_index(["measure", "model"])
    differences = frame.xs("same", level="model")["difference"].dropna()
    assert len(differences) >= len(METRICS)
    assert (differences == 0).all()
    assert len(board.slices("same"))


def test_actions_before_the_time_of_lists_are_not_relevant(data: Dataset) -> None:
    whole = by_time(data, days=14)
    later = whole.starts + pd.Timedelta(days=7)
    lists = lists_of(data, [(int(whole.user_id[0]), 1, 1)], at=str(later))
    with raises_at(ConfigurationError, "at"):
        Evaluator(whole).evaluate_lists(lists)
    rest = by_time(data, days=14, after=later)
    assert rest.starts == later
    counted = by_time(data, later, days=7).relevance.frame()
    kept = set(zip(rest.relevance.user_id, rest.relevance.job_id, strict=True))
    # jobs that were posted between both times are not open at the start of the first holdout
    assert 0 < len(kept) < len(whole.relevance)
    assert kept & set(zip(counted["user_id"], counted["job_id"], strict=True))
    assert len(whole.relevance) - len(kept) == next(n for why, n in rest.left_out.items() if "no action after" in why)
    assert not any("The time of" in note for note in Evaluator(rest).evaluate_lists(lists).notes)
    last = last_n(data, 1, after=later)
    assert len(last.relevance) < len(last_n(data, 1).relevance)
    Evaluator(last).evaluate_lists(lists)


INVALID: dict[str, tuple[list[tuple[Any, Any, Any]], str, str, str]] = {
    "negative rank": ([(1, 1, 1), (1, 2, -1)], "rank", "rank", "row 1"),
    "rank 0": ([(1, 1, 0)], "rank", "rank", "row 0"),
    "text as rank": ([(1, 1, "first")], "rank", "rank", "row 0"),
    "fraction as rank": ([(1, 1, 1.5)], "rank", "rank", "row 0"),
    "missing rank": ([(1, 1, 1), (1, 2, None)], "rank", "rank", "row 1"),
    "equal ranks": ([(1, 1, 1), (1, 2, 2), (1, 3, 1)], "rank", "rank", "row 2"),
    "NaN as score": ([(1, 1, 0.5), (1, 2, math.nan)], "score", "score", "row 1"),
    "infinite score": ([(1, 1, math.inf)], "score", "score", "row 0"),
    "text as score": ([(1, 1, "high")], "score", "score", "row 0"),
    "missing user": ([(None, 1, 1)], "rank", "user", "row 0"),
    "blank job": ([(1, " ", 1)], "rank", "job", "row 0"),
    "duplicate job": ([(1, 1, 1), (1, 2, 2), (1, 1, 3)], "rank", "job", "row 2"),
    "duplicate text id": ([(1, "x", 1), (1, 1, 2), (1, " x", 3)], "rank", "job", "row 2"),
    "only unknown users": ([("x", 1, 1), (10**12, 2, 1)], "rank", "user", "row 0"),
    "only unknown jobs": ([(1, "x", 1), (1, 10**12, 2)], "rank", "job", "row 0"),
    "inexact id": ([(2.0**60, 1, 1)], "rank", "user", "row 0"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_value_raises_with_its_place(case: str, data: Dataset) -> None:
    rows, column, wrong, place = INVALID[case]
    with pytest.raises(DataError) as raised:
        lists_of(data, rows, column)
    assert raised.value.problems is not None
    problem = raised.value.problems.iloc[0]
    assert (problem["column"], problem["first"]) == (wrong, place)


FILES: dict[str, tuple[str, str]] = {
    "short.trec": ("1 Q0 7 1 0.5 a\n\n1 Q0 8 2 0.4\n", "line 3"),
    "score.trec": ("1 Q0 7 1 0.5 a\n1 Q0 8 2 high a\n", "line 2"),
    "short.csv": ("user,job,rank\n1,2,1\n1,2\n", "line 3"),
    "rank.csv": ("user,job,rank\n\n1,2,one\n", "line 3"),
    "score.csv": ("user,job,score\n1,2,\n", "line 2"),
    "columns.csv": ("user,thing,rank\n1,2,1\n", "column job is missing"),
    "unordered.csv": ("user,job\n1,2\n", "column rank or score is missing"),
    "twice.csv": ("user,User,job,rank\n1,1,2,1\n", "duplicate column user"),
    "list.json": ("[1]", "not a ranx run"),
    "entries.json": ('{"1": [2]}', "user 1"),
    "score.json": ('{"1": {"2": null}}', "user 1, job 2"),
    "job.json": ('{"1": {"2": 1, "2": 3}}', "user 1, job 2"),
    "user.json": ('{"1": {"2": 1}, "1": {"3": 3}}', "user 1: duplicate"),
    "broken.json": ("{\n]", "line 2"),
    "deep.json": ("[" * 100_000, "nested too deeply"),
    "digits.json": (f'{{"1": {{"2": {"9" * 5_000}}}}}', "digits"),
    "lists.lz4": ("", "Save the ranx run as .json"),
    "lists.xlsx": ("", "is not a file of lists"),
    "broken.parquet": ("", "cannot be read as a Parquet file"),
}


@pytest.mark.parametrize("name", FILES)
def test_invalid_file_raises_with_its_place(name: str, data: Dataset, tmp_path: Path) -> None:
    text, message = FILES[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as raised:
        ExternalLists.read(tmp_path / name, data)
    assert str(tmp_path / name) in str(raised.value)
    assert message in str(raised.value)


def test_missing_file_or_run_raises(data: Dataset, tmp_path: Path) -> None:
    with raises_data("missing file", path=str(tmp_path / "none.csv")):
        ExternalLists.read(tmp_path / "none.csv", data)
    with raises_data("no published run", path=str(tmp_path)):
        ExternalLists.read(tmp_path, data)


def test_empty_files_give_empty_lists(data: Dataset, evaluator: Evaluator, tmp_path: Path) -> None:
    (tmp_path / "a.run").touch()
    (tmp_path / "a.json").write_text(json.dumps({}))
    (tmp_path / "a.csv").write_text("user,job,rank\n")
    for name in ("a.run", "a.json", "a.csv"):
        found = evaluator.evaluate_lists(ExternalLists.read(tmp_path / name, data))
        assert found.ranking.count.sum() == 0
        assert np.nansum(found.values["NDCG@10"]) == 0
