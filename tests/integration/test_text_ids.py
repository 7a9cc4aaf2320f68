"""An id may be given as a number or as its external id wherever an id is accepted. Results contain both."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from scoring.backends.reference import ReferenceBackend
from scoring.cli.app import app
from scoring.database.database import Database
from scoring.database.readers import load_actions, load_jobs, load_users
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, UnknownIdError
from scoring.evaluation import Comparison, Evaluator, last_n, waterfall
from scoring.evaluation.external_lists import ExternalLists
from scoring.evaluation.job_rank import find_full_rank
from scoring.evaluation.list_writer import write_lists
from scoring.evaluation.relevance_judgements import Relevance
from scoring.facade import ScoringEngine
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.runs.publishers import read_results
from scoring.tuning import audience
from scoring.tuning.list_reach.reachability import reach
from tests.support.errors import raises_at
from tests.support.text_id_market import FIRST, JOBS, USERS, ZEROS, text_id_tables

STANDARD = load_model("standard")
PAIRS = list(zip(USERS, JOBS, strict=True))
EXTERNAL = ["user_external_id", "job_external_id"]

Market = SimpleNamespace


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    data = Dataset(text_id_tables())
    path = tmp_path_factory.mktemp("text_ids") / "board.db"
    ready = Prepared.of(data, STANDARD, backend=ReferenceBackend)
    other = ready.with_model(STANDARD.with_weights({"location": 0.5, "wage": 0.5}))
    holdout = last_n(data, 1)
    with Database.open(f"sqlite:///{path}") as database:
        save_tables(database, data.tables)
        yield Market(
            path=path,
            data=data,
            ready=ready,
            other=other,
            holdout=holdout,
            comparison=Comparison.of(ready, other, 5, users=list(USERS.values())),
            database=database,
            engine=ScoringEngine(data, keep_factors=False),
            stored=ScoringEngine(database.engine, keep_factors=False),
        )


def wait(result: Any) -> Any:
    return asyncio.run(result)


Entry = Callable[[Market, Any, Any], Any]

ENTRIES: dict[str, Entry] = {
    "find": lambda m, u, j: (m.data.find_user(u), m.data.find_job(j)),
    "rows": lambda m, u, j: (m.ready.user_rows(u).tolist(), m.ready.job_rows([j]).tolist()),
    "explain": lambda m, u, j: repr(m.ready.explain(u, j).frame()),
    "for_rows": lambda m, u, j: Prepared.for_rows(m.data, STANDARD, user_ids=u, job_ids=j).explain(u, j).total,
    "top_k": lambda m, u, j: m.ready.top_k(3, [u]).frame(),
    "top_k of one": lambda m, u, j: m.ready.top_k(3, u).frame(),
    "full rank": lambda m, u, j: find_full_rank(m.ready, u, j).score,
    "waterfall": lambda m, u, j: waterfall(m.ready, m.other, u, j).summary(),
    "audience": lambda m, u, j: audience(m.ready, j, 5, users=[u]).summary(),
    "reach": lambda m, u, j: reach(m.ready, u, j, k=40, seconds=1).rank_before,
    "comparison": lambda m, u, j: m.comparison.movements(u),
    "relevance": lambda m, u, j: Relevance.of([u], [j], data=m.data).frame(),
    "holdout": lambda m, u, j: m.holdout.of_users([u]).relevance.frame(),
    "total": lambda m, u, j: wait(m.engine.calculate_total_score({"job_id": j, "fee": 900}, {"user_id": u}, u)),
    "total of user": lambda m, u, j: wait(
        m.engine.calculate_total_score({"job_id": j}, {"user_id": u}, {"user_id": m.data.find_user(u)})
    ),
    "personal": lambda m, u, j: wait(m.engine.calculate_personal_score({"job_id": j}, u)),
    "explanation": lambda m, u, j: wait(m.engine.get_score_explanation({"job_id": j}, {"user_id": u}, u)),
    "pairs": lambda m, u, j: wait(m.engine.batch_calculate_scores([({"job_id": j}, {"user_id": u}, u)])),
    "batch": lambda m, u, j: wait(
        m.engine.process_scoring_batch(pd.DataFrame({"user_id": [u]}), pd.DataFrame({"job_id": [j]}))
    ),
    "users": lambda m, u, j: wait(m.engine._batch_load_users_optimized(u)),
    "jobs": lambda m, u, j: wait(m.engine._batch_load_jobs_optimized([j])),
    "history": lambda m, u, j: wait(m.engine._batch_load_user_history([u])).frame(),
    "stored users": lambda m, u, j: wait(m.stored._batch_load_users_optimized(user_ids=[u])),
    "stored jobs": lambda m, u, j: wait(m.stored._batch_load_jobs_optimized(j)),
    "stored history": lambda m, u, j: wait(m.stored._batch_load_user_history([u])).frame(),
    "readers": lambda m, u, j: (
        load_users(m.database, u)["user_id"].tolist(),
        load_jobs(m.database, j)["job_id"].tolist(),
        load_actions(m.database, u)["job_id"].tolist(),
    ),
}


def assert_equal(found: Any, wanted: Any) -> None:
    if isinstance(wanted, pd.DataFrame):
        pd.testing.assert_frame_equal(found, wanted)
    else:
        assert found == wanted


@pytest.mark.parametrize("entry", ENTRIES)
def test_text_and_number_give_the_same_result(market: Market, entry: str) -> None:
    call = ENTRIES[entry]
    for user, job in PAIRS:
        wanted = call(market, USERS[user], JOBS[job])
        assert_equal(call(market, user, job), wanted)
        assert_equal(call(market, f" {user}\u200b", f"\ufeff{job} "), wanted)


def test_each_id_finds_its_own_row(market: Market) -> None:
    assert [market.data.find_user(text) for text in USERS] == list(USERS.values())
    assert market.data.user_lookup.find_ids([*USERS, 1, 3.0, np.int64(FIRST), str(ZEROS)]).tolist() == [
        *USERS.values(), 1, 3, FIRST, ZEROS,
    ]  # fmt: skip
    assert load_users(market.database, list(USERS))["user_id"].tolist() == sorted(USERS.values())
    assert load_users(market.database, ["1", "U-9"])["user_id"].tolist() == []


@pytest.mark.parametrize(
    ("text", "hint"),
    [("1", "external_id A-1"), ("u-1", "Did you mean U-1"), ("U-11", "Did you mean U-1"), ("007", "12 users")],
)
def test_unknown_text_is_reported_with_a_hint(market: Market, text: str, hint: str) -> None:
    with pytest.raises(UnknownIdError, match=hint) as said:
        market.ready.top_k(3, [text])
    assert (said.value.kind, said.value.unknown_id) == ("user", text)


@pytest.mark.parametrize("value", [None, True, 1.5, " ", b"U-1"])
def test_value_that_is_not_an_id_is_rejected(market: Market, value: object) -> None:
    with pytest.raises(ConfigurationError) as said:
        market.data.find_user(value)  # type: ignore[arg-type]
    assert said.value.key == ("user_id",)


def test_external_id_of_two_rows_is_rejected() -> None:
    tables = text_id_tables()
    users = tables.users.assign(external_id=pd.Series(["X"] * 2 + [None] * (len(tables.users) - 2), dtype="str"))
    with raises_at(ConfigurationError, "user_id"):
        Dataset(tables.with_tables(users=users)).find_user("X")


def test_lists_are_written_and_read_with_external_ids(market: Market, tmp_path: Path) -> None:
    ranking = market.ready.top_k(5, list(USERS))
    write_lists(tmp_path, {"ours": ranking}, Relevance.of(list(USERS), list(JOBS), data=market.data))
    ranking.frame().to_csv(tmp_path / "ours.csv", index=False)
    listed = {line.split()[0] for line in (tmp_path / "ours.run").read_text().splitlines()}
    assert listed == set(ranking.external_ids.make_user_words(ranking.user_id[ranking.count > 0]))
    assert "U-1" in listed
    assert [line.split()[0::2] for line in (tmp_path / "qrels.txt").read_text().splitlines()] == sorted(
        ([user, job] for user, job in PAIRS), key=lambda pair: USERS[pair[0]]
    )
    for name in ("ours.run", "ours.json", "ours.csv"):
        lists = ExternalLists.read(tmp_path / name, market.data)
        again = lists.ranking(ranking.user_id, market.data.jobs.job_id, 5)
        assert again.job_id.tolist() == ranking.job_id.tolist()


def test_evaluator_accepts_external_ids(market: Market) -> None:
    users = market.holdout.user_id[:2]
    names = [market.data.user_lookup.name(user) for user in users.tolist()]
    assert Evaluator(market.holdout, users=names, k=5).user_id.tolist() == users.tolist()


@pytest.fixture(scope="module")
def run(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("runs")
    done = CliRunner().invoke(app, ["run", "--db", str(market.path), "--out", str(folder), "--top-k", "4"])
    assert done.exit_code == 0, done.output
    return SimpleNamespace(folder=folder, output=done.stdout)


def test_run_publishes_external_ids_in_files_and_database(market: Market, run: Any) -> None:
    stored = pd.read_parquet(run.folder / "latest")
    assert stored.columns[-2:].tolist() == EXTERNAL
    pd.testing.assert_frame_equal(stored, read_results(market.database))
    for kind, ids in (("user", USERS), ("job", JOBS)):
        text_of = {number: text for text, number in ids.items() if text != str(number)}
        expected = stored[f"{kind}_id"].map(text_of).rename(f"{kind}_external_id").astype("str")
        pd.testing.assert_series_equal(stored[f"{kind}_external_id"], expected)
    with closing(sqlite3.connect(market.path)) as connection:
        view = pd.read_sql("SELECT * FROM results ORDER BY user_id, rank", connection)
    assert view["user_external_id"].fillna("").tolist() == stored["user_external_id"].fillna("").tolist()
    assert view["job_id"].tolist() == stored["job_id"].tolist()
    assert f"Top jobs of user {stored['user_external_id'].iloc[0]}" in run.output


def test_explain_prints_external_ids(market: Market) -> None:
    done = CliRunner().invoke(app, ["explain", "U-1", "00012345", "--db", str(market.path), "--json"])
    first = json.loads(done.stdout)[0]
    assert [first[key] for key in ("user_id", "job_id", *EXTERNAL)] == [FIRST, ZEROS, "U-1", "00012345"]
    done = CliRunner().invoke(app, ["explain", "A-1", "12345", "--db", str(market.path)])
    assert done.stdout.startswith("user A-1")
    assert "user_id 1" in done.stdout
    done = CliRunner().invoke(app, ["explain", "1", "12345", "--db", str(market.path)])
    assert done.exit_code == 1
    assert "external_id A-1" in done.stderr


def test_all_pairs_on_disk_contain_external_ids(market: Market, tmp_path: Path) -> None:
    users, jobs = pd.DataFrame({"user_id": [*USERS]}), pd.DataFrame({"job_id": [*JOBS]})
    pairs = wait(market.engine.process_scoring_batch(users, jobs, out=tmp_path / "pairs", chunk_size=2))
    frame = pairs.read()
    assert list(frame)[-2:] == list(pairs.columns)[-2:] == EXTERNAL
    pd.testing.assert_frame_equal(frame[[*pairs.columns[:-2]]], wait(market.engine.process_scoring_batch(users, jobs)))
    best = wait(market.engine.process_scoring_batch(users, jobs, top_k=len(JOBS)))
    columns = ["user_id", "job_id", *EXTERNAL]
    listed = frame[frame["eligible"]][columns].sort_values(columns[:2], ignore_index=True)
    pd.testing.assert_frame_equal(best[columns].sort_values(columns[:2], ignore_index=True), listed)


@pytest.fixture(scope="module")
def board_of_options(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database in which U-1 is named -5x and J-1 --debug."""
    tables = text_id_tables()
    texts = {"U-1": "-5x", "J-1": "--debug"}
    frames = {
        name: frame.assign(external_id=frame["external_id"].replace(texts)) if name in ("users", "jobs") else frame
        for name, frame in tables.items()
    }
    path = tmp_path_factory.mktemp("options") / "board.db"
    with Database.open(path) as database:
        save_tables(database, tables.with_tables(**frames))
    return path


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["explain", "--json", "--", "-5x", "--debug"], '"user_external_id": "-5x"'),
        (["explain", "--", "-5x"], "user -5x"),
        (["reach", "--seconds", "1", "--", "-5x", "--debug"], "--debug"),
        (["audience", "--nearest", "1", "--", "--debug"], "--debug"),
        (["compare", "standard", "classic", "--user", "-5x"], "-5x"),
    ],
)
def test_ids_that_begin_with_a_minus(board_of_options: Path, words: list[str], shown: str) -> None:
    done = CliRunner().invoke(app, [words[0], "--db", str(board_of_options), *words[1:]])
    assert done.exit_code == 0, done.output
    assert shown in done.stdout
