"""A gate compares a run with the published one: it holds back broken data and publishes normal changes."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from scoring.catalog import load_model
from scoring.database.database import Database
from scoring.dataset import Dataset, Tables
from scoring.ranking import Prepared
from scoring.runs import memory_budget, runner, shards
from scoring.runs.gate import Gate, GateFailedError, GateLimits, Measure, Verdict
from scoring.runs.gate.console_table import table
from scoring.runs.history import list_runs
from scoring.runs.publishers import (
    DatabasePublisher,
    FramePublisher,
    ParquetPublisher,
    Publisher,
    published_runs,
    read_manifest,
    read_results,
)
from scoring.runs.report import Report, render
from scoring.runs.retention import prune
from scoring.runs.run_reader import read_run
from scoring.synthetic import make_market
from scoring.telemetry import fault_injection

K = 10
NO_LIMITS = GateLimits(**dict.fromkeys(GateLimits.model_fields))
MARKET = make_market(150, 1_500, 6_000, seed=4)


class Broken(BaseException):
    """Stop a run at the point where a process would be killed."""


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write shards of 30 users with 10 jobs each."""
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 300)


def prepared(tables: Tables, model: str = "standard") -> Prepared:
    return Prepared.of(Dataset(tables), load_model(model))


@pytest.fixture(scope="module")
def yesterday() -> Prepared:
    """Return the market one day earlier, without the actions, jobs and users of the last day."""
    tables, cut = MARKET.tables, MARKET.as_of - pd.Timedelta(days=1)
    return prepared(
        tables.with_tables(
            actions=tables.actions[tables.actions["occurred_at"] <= cut],
            jobs=tables.jobs[~(tables.jobs["posted_at"] > cut)],
            users=tables.users[~(tables.users["registered_at"] > cut)],
        )
    )


@pytest.fixture(scope="module")
def tonight() -> Prepared:
    return prepared(MARKET.tables)


@pytest.fixture(scope="module")
def emptied() -> Prepared:
    return prepared(no_actions(MARKET.tables))


@pytest.fixture(scope="module")
def last_night(yesterday: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate") / "runs"
    run(yesterday, parquet(folder))
    return folder


@pytest.fixture
def out(last_night: Path, tmp_path: Path) -> Path:
    """Return a folder with a published run that `latest` points to."""
    return Path(shutil.copytree(last_night, tmp_path / "runs", symlinks=True))


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    with Database.open(sqlite_url) as database:
        database.create()
        yield database


def parquet(folder: Path) -> ParquetPublisher:
    return ParquetPublisher(folder, by_run_id=True, latest="latest")


def run(market: Prepared, *sinks: Publisher, gate: Gate | None = None, **settings: Any) -> runner.RunResult:
    return runner.run(market, **({"k": K, "sinks": sinks, "gate": gate} | settings))


def kept_aside(market: Prepared, *sinks: Publisher, gate: Gate | None = None, **settings: Any) -> Verdict:
    with pytest.raises(GateFailedError) as caught:
        run(market, *sinks, gate=gate or Gate(), **settings)
    return caught.value.verdict


def used(folder: Path) -> str:
    return os.readlink(folder / "latest")


# Broken data


def no_actions(tables: Tables) -> Tables:
    return tables.with_tables(actions=tables.actions.iloc[:0])


def with_jobs(tables: Tables, **columns: Any) -> Tables:
    return tables.with_tables(jobs=tables.jobs.assign(**columns))


def thousandfold(tables: Tables, share: float) -> Tables:
    jobs = tables.jobs
    factor = np.where(np.random.default_rng(3).random(len(jobs)) < share, 1000.0, 1.0)
    return with_jobs(tables, min_salary=jobs["min_salary"] * factor, max_salary=jobs["max_salary"] * factor)


def half_of(tables: Tables, table: str, key: str) -> Tables:
    frame = getattr(tables, table)
    frame = frame[np.random.default_rng(3).random(len(frame)) < 0.5]
    actions = tables.actions[tables.actions[key].isin(frame[key])]
    return tables.with_tables(**{table: frame}, actions=actions)


def others_lists(tables: Tables) -> Tables:
    ids = np.random.default_rng(3).permutation(tables.users["user_id"].to_numpy())
    return tables.with_tables(users=tables.users.assign(user_id=ids))


DISASTERS: dict[str, tuple[Callable[[Tables], Tables], set[str]]] = {
    "actions emptied": (no_actions, {"actions"}),
    "all jobs closed": (
        lambda tables: with_jobs(tables, is_active=False),
        {"empty_lists", "short_lists", "jobs_kept", "lists_rewritten", "coverage", "jobs_dropped", "jobs_ranked",
         "mean_score", "score_50", "last_score", "hourly_wage", "fee"},
    ),
    "half of the users gone": (lambda tables: half_of(tables, "users", "user_id"), {"users_dropped"}),
    "half of the jobs gone": (lambda tables: half_of(tables, "jobs", "job_id"), {"jobs_dropped", "jobs_ranked"}),
    "wages a thousandfold": (lambda tables: thousandfold(tables, 1.0), {"hourly_wage"}),
    "wages of some a thousandfold": (lambda tables: thousandfold(tables, 0.4), {"lists_rewritten"}),
    "wages missing": (lambda tables: with_jobs(tables, min_salary=np.nan), {"mean_score", "hourly_wage"}),
    "lists of other users": (others_lists, {"jobs_kept", "rank_biased_overlap", "lists_rewritten"}),
}  # fmt: skip


@cache
def planted(name: str) -> Prepared:
    return prepared(DISASTERS[name][0](MARKET.tables))


@pytest.mark.parametrize("name", DISASTERS)
def test_a_disaster_is_kept_aside_by_the_measure_that_names_it(out: Path, name: str) -> None:
    expected = DISASTERS[name][1]
    before = used(out)
    verdict = kept_aside(planted(name), parquet(out))
    assert expected <= {measure.key for measure in verdict.beyond}, verdict
    assert used(out) == before
    assert [path.name for path in published_runs(out)] == [before]
    # these cases exceed only the limits listed above
    if name in ("wages a thousandfold", "half of the users gone"):
        assert {measure.key for measure in verdict.beyond} == expected, verdict


def test_another_model_is_kept_aside_and_named(out: Path) -> None:
    verdict = kept_aside(prepared(MARKET.tables, "classic"), parquet(out))
    assert {"mean_score", "last_score"} <= {measure.key for measure in verdict.beyond}
    assert "the model changed (standard → classic)" in verdict.notes


# A promoted model

PROMOTED = "found@1 was promoted on 2026-11-23 (more people apply)"
CHURN = ("jobs_kept", "rank_biased_overlap", "lists_rewritten", "coverage", "mean_score", "last_score",
         "score_10", "score_50", "score_90")  # fmt: skip


def by_key(verdict: Verdict) -> dict[str, Measure]:
    return {measure.key: measure for measure in verdict.measures}


def test_a_promoted_model_is_published_in_its_first_night(out: Path, tonight: Prepared) -> None:
    """Limits apply to the new data ranked by the published model. The expected figures come from such a run."""
    verdict = run(tonight, ParquetPublisher(out, by_run_id=True), gate=Gate()).verdict  # does not move `latest`
    assert verdict is not None
    as_usual, promoted = by_key(verdict), Gate(promoted=PROMOTED)
    market = tonight.with_model(load_model("classic"))
    result = run(market, parquet(out), gate=promoted)
    assert result.verdict is not None
    measures = by_key(result.verdict)
    assert result.verdict.outcome == "passed"
    for key in CHURN:
        held = measures[f"{key}_as_before"]
        assert (held.before, held.after, held.limit) == (
            as_usual[key].before,
            pytest.approx(as_usual[key].after, abs=0.02),
            as_usual[key].limit,
        )
        assert measures[key].limit is None
        assert measures[key].said == "–"
    assert measures["jobs_kept"].after != measures["jobs_kept_as_before"].after
    assert {key for key in as_usual if measures[key].limit != as_usual[key].limit} == set(CHURN)
    assert (
        f"{PROMOTED}: how it changes lists and scores is held to no limit, how the data do is" in result.verdict.notes
    )
    assert used(out) == result.metadata.run_id
    text = shown(table(result.verdict))
    assert max(map(len, text.splitlines())) <= 80
    assert "Tonight's data ranked by last night's model" in text
    assert "jobs kept, mean of users by last night's model" in result.verdict.line()
    # the next run with this model has no extra measures
    again = run(market, parquet(out), gate=promoted)
    assert again.verdict is not None
    assert not any(measure.as_before for measure in again.verdict.measures)
    assert again.verdict.notes == ()


@pytest.mark.parametrize("name", DISASTERS)
def test_a_disaster_is_kept_aside_in_the_first_night_of_a_promoted_model(out: Path, name: str) -> None:
    market, expected = planted(name).with_model(load_model("classic")), DISASTERS[name][1]
    verdict = kept_aside(market, parquet(out), gate=Gate(promoted=PROMOTED))
    beyond = {measure.key.removesuffix("_as_before") for measure in verdict.beyond}
    assert expected <= beyond, verdict
    assert not {measure.key for measure in verdict.beyond} & set(CHURN)


@pytest.mark.parametrize("what", ["not noted", "a component that is not here", "another component by now"])
def test_where_last_nights_model_cannot_be_built_limits_hold_for_all(out: Path, tonight: Prepared, what: str) -> None:
    manifest = read_manifest(out / "latest")
    if what == "not noted":
        del manifest["definition"]
    elif what == "a component that is not here":
        manifest["definition"]["groups"]["base"]["components"]["charm"] = {"weight": 0.0}
    else:
        manifest["model_digest"] = "0" * 32
    (out / "latest" / "_manifest.json").write_text(json.dumps(manifest))
    market = tonight.with_model(load_model("classic"))
    verdict = kept_aside(market, parquet(out), gate=Gate(promoted=PROMOTED))
    assert {"mean_score", "last_score"} <= {measure.key for measure in verdict.beyond}
    assert any(note.startswith(f"{PROMOTED}; what that changes cannot be told") for note in verdict.notes)


def test_where_memory_is_short_for_two_models_limits_hold_for_all(
    out: Path, tonight: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = tonight.with_model(load_model("classic"))
    with monkeypatch.context() as short:
        judge = Gate.judge

        def with_little(gate: Gate, tonight: Any) -> Verdict:
            short.setattr(memory_budget, "measure_available", lambda: 1_000)
            return judge(gate, tonight)

        short.setattr(Gate, "judge", with_little)
        verdict = kept_aside(market, parquet(out), gate=Gate(promoted=PROMOTED))
    assert any("what that changes cannot be told from what the data changed: Ranking by" in note
               for note in verdict.notes)  # fmt: skip


def test_a_database_keeps_the_model_too(database: Database, yesterday: Prepared, tonight: Prepared) -> None:
    run(yesterday, DatabasePublisher(database))
    market = tonight.with_model(load_model("classic"))
    verdict = run(market, DatabasePublisher(database), gate=Gate(promoted=PROMOTED)).verdict
    assert verdict is not None
    assert verdict.outcome == "passed"
    assert any(measure.as_before for measure in verdict.measures)


# Normal changes


def test_a_normal_night_is_published(out: Path, tonight: Prepared) -> None:
    result = run(tonight, parquet(out), gate=Gate())
    assert result.verdict is not None
    assert result.verdict.outcome == "passed"
    assert result.verdict.notes == ()
    assert used(out) == result.metadata.run_id
    assert read_manifest(out / "latest")["gate"] == json.loads(json.dumps(result.verdict.record()))
    frame = result.verdict.frame()
    assert not frame["beyond"].any()
    assert 0.7 < frame.loc["jobs kept, mean of users", "tonight"] < 1  # a day of changes


def test_the_figures_are_those_of_the_lists(out: Path, last_night: Path, tonight: Prepared) -> None:
    frame = run(tonight, parquet(out), gate=Gate()).verdict.frame()  # type: ignore[union-attr]
    old, new = (read_run(folder / "latest") for folder in (last_night, out))
    before, after = ({user: set(part["job_id"]) for user, part in one.groupby("user_id")} for one in (old, new))
    ranked = set(tonight.plan.user_id[tonight.active_users])
    kept = [len(before[user] & after.get(user, set())) / K for user in before if user in ranked]
    assert frame.loc["jobs kept, mean of users", "tonight"] == pytest.approx(np.mean(kept))
    assert frame.loc["users dropped", "tonight"] == len(before.keys() - ranked) / len(before)
    assert frame.loc["different jobs listed"].iloc[:2].tolist() == [old["job_id"].nunique(), new["job_id"].nunique()]
    means = [one["total_score"].astype("float64").mean() for one in (old, new)]
    assert frame.loc["mean score"].iloc[:2].tolist() == pytest.approx(means)
    may = set(tonight.plan.job_id[tonight.plan.exclusions.open_to_all])
    gone = set(old["job_id"]) - may
    assert frame.loc["listed jobs gone or left out", "tonight"] == len(gone) / old["job_id"].nunique()


def test_nothing_to_compare_with(tonight: Prepared, tmp_path: Path) -> None:
    for sinks in ([parquet(tmp_path / "runs")], [FramePublisher()], [ParquetPublisher(tmp_path / "alone")], []):
        result = run(tonight, *sinks, gate=Gate())
        assert result.verdict is not None
        assert result.verdict.line() == "passed: nothing to compare with"
        assert result.verdict.measures == ()


def test_other_lengths_are_compared_as_far_as_both_go(out: Path, tonight: Prepared, yesterday: Prepared) -> None:
    same = run(yesterday, parquet(out), gate=Gate(), k=K + 5).verdict
    assert same is not None
    assert same.frame().loc["jobs kept, mean of users", "tonight"] == 1
    assert same.notes == (f"lists were of {K} jobs and are of {K + 5}: the first {K} are compared",)
    shorter = run(tonight, parquet(out), gate=Gate(), k=3).verdict
    assert shorter is not None
    assert "users with fewer than 3 jobs" in shorter.frame().index


def test_a_run_over_some_users_neither_is_compared_nor_compared_with(out: Path, tonight: Prepared) -> None:
    before, some = used(out), tonight.plan.user_id[tonight.active_users][:20]
    result = run(tonight, parquet(out), gate=Gate(), users=some)
    assert result.verdict is None
    assert used(out) == before
    (out / "latest").unlink()  # the gate then takes the newest run over all users
    assert run(tonight, parquet(out), gate=Gate()).verdict.against.run_id == before  # type: ignore[union-attr]


# Held back, forced, resumed


def test_what_was_kept_aside_is_published_without_ranking_again(
    yesterday: Prepared, emptied: Prepared, database: Database, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    places = lambda: [DatabasePublisher(database), parquet(out)]  # noqa: E731 - a sink serves one run
    run(yesterday, *places())
    lists = read_results(database)
    verdict = kept_aside(emptied, *places())
    aside = verdict.tonight.run_id
    pd.testing.assert_frame_equal(read_results(database), lists)
    found = list_runs(out, database).set_index("run_id")
    assert found.loc[aside, "status"] == "kept aside"
    assert "actions 5" in found.loc[aside, "gate"]
    assert found[["folder", "database"]].all(axis=None)

    again = kept_aside(emptied, *places(), resume=True)  # a scheduler retries
    assert again.tonight.run_id == aside
    result = run(emptied, *places(), resume=True, gate=Gate(force="the log was cleared"))
    assert result.metadata.run_id == aside == used(out)
    assert result.users_resumed == len(emptied.active_users)
    assert result.pairs_ranked == 0
    pd.testing.assert_frame_equal(read_results(database), emptied.top_k(K).frame().sort_values(
        ["user_id", "rank"], ignore_index=True))  # fmt: skip
    manifest = read_manifest(out / "latest")
    assert (manifest["gate"]["outcome"], manifest["gate"]["reason"]) == ("forced", "the log was cleared")
    for known in (list_runs(out), list_runs(out, database)):
        assert known.set_index("run_id").loc[aside, "gate"].startswith("forced (the log was cleared), against run ")
    assert list_runs(out, database).loc[0, "status"] == "in use"


def test_other_limits_let_it_through(out: Path, emptied: Prepared) -> None:
    kept_aside(emptied, parquet(out))
    result = run(emptied, parquet(out), resume=True, gate=Gate(NO_LIMITS))
    assert result.verdict is not None
    assert result.verdict.outcome == "passed"
    assert used(out) == result.metadata.run_id


def test_without_a_gate_it_is_published_and_says_so(out: Path, emptied: Prepared) -> None:
    kept_aside(emptied, parquet(out))
    assert run(emptied, parquet(out), resume=True).verdict is None
    assert read_manifest(out / "latest")["gate"] is None


def test_a_newer_run_takes_its_turn(out: Path, emptied: Prepared, tonight: Prepared) -> None:
    aside = kept_aside(emptied, parquet(out)).tonight.run_id
    result = run(tonight, parquet(out), gate=Gate())
    assert result.verdict.against.run_id != aside  # type: ignore[union-attr]
    assert prune(out, None, 1).unfinished == [aside]
    assert sorted(path.name for path in out.iterdir()) == sorted([result.metadata.run_id, "latest"])


# Interrupted


@pytest.mark.parametrize("point", ["verdict committed", "verdict noted", "all sealed", "database publishing",
                                   "database published", "folder published"])  # fmt: skip
@pytest.mark.parametrize("force", [None, "I know"])
def test_a_stop_between_gate_and_publishing_changes_nothing(
    yesterday: Prepared, tonight: Prepared, emptied: Prepared, database: Database, tmp_path: Path, point: str,
    force: str | None,
) -> None:  # fmt: skip
    out, market = tmp_path / "runs", tonight if force is None else emptied
    run(yesterday, DatabasePublisher(database), parquet(out))
    before = used(out)
    gate = Gate(force=force)
    with fault_injection.arm(point, 1, Broken()), pytest.raises(Broken):
        run(market, DatabasePublisher(database), parquet(out), gate=gate, resume=True)
    assert used(out) == before
    # a run that one place has published has passed the gate: resuming it needs no reason
    begun = point in ("database published", "folder published")
    result = run(
        market, DatabasePublisher(database), parquet(out), gate=Gate() if begun else gate, resume=True
    )  # fmt: skip
    assert used(out) == result.metadata.run_id
    assert (result.verdict is None) == begun
    assert read_manifest(out / "latest")["gate"]["reason"] == force
    pd.testing.assert_frame_equal(read_results(database), read_run(out / "latest"))


# Damaged runs


def test_a_damaged_run_is_told_of_and_the_one_before_is_taken(
    out: Path, tonight: Prepared, yesterday: Prepared
) -> None:
    older = used(out)
    damaged = run(yesterday, parquet(out)).metadata.run_id
    part = next((out / damaged).glob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    verdict = run(tonight, parquet(out), gate=Gate()).verdict
    assert verdict is not None
    assert verdict.against is not None
    assert verdict.against.run_id == older
    assert f"run {damaged} is damaged and was not compared with" in verdict.line()


@pytest.mark.parametrize("damage", ["manifest", "part gone", "no counts"])
def test_damage_alone_is_nothing_to_compare_with(out: Path, tonight: Prepared, damage: str) -> None:
    if damage == "part gone":
        next((out / "latest").glob("*.parquet")).unlink()
    else:
        wrong = {} if damage == "manifest" else read_manifest(out / "latest") | {"counts": {}}
        (out / "latest" / "_manifest.json").write_text(json.dumps(wrong))
    verdict = run(tonight, parquet(out), gate=Gate()).verdict
    assert verdict is not None
    assert verdict.outcome == "passed"
    assert verdict.line().startswith("passed: nothing to compare with; run ")


def test_the_database_stands_in_for_damaged_files(
    yesterday: Prepared, tonight: Prepared, database: Database, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    last = run(yesterday, DatabasePublisher(database), parquet(out)).metadata.run_id
    whole = run(tonight, FramePublisher(), DatabasePublisher(database), gate=Gate(force="unused")).verdict
    assert whole is not None
    assert whole.outcome == "passed"
    with database.begin() as connection:  # undo the second run
        connection.exec_driver_sql("UPDATE current_runs SET run_id = ?", (last,))
        connection.exec_driver_sql("DELETE FROM results WHERE run_id <> ?", (last,))
        connection.exec_driver_sql("DELETE FROM runs WHERE run_id <> ?", (last,))
    next((out / "latest").glob("*.parquet")).unlink()
    verdict = run(tonight, DatabasePublisher(database), parquet(out), gate=Gate()).verdict
    assert verdict is not None
    assert verdict.against is not None
    assert verdict.against.run_id == last
    assert "results of run" in verdict.place
    pd.testing.assert_frame_equal(verdict.frame(), whole.frame())


def test_a_run_of_before_there_were_facts(out: Path, emptied: Prepared) -> None:
    manifest = read_manifest(out / "latest")
    del manifest["facts"], manifest["gate"]
    (out / "latest" / "_manifest.json").write_text(json.dumps(manifest))
    verdict = run(emptied, parquet(out), gate=Gate(GateLimits(lists_rewritten=None))).verdict
    assert verdict is not None
    assert np.isnan(verdict.frame().loc["actions", "last_night"])
    assert [one.said for one in verdict.measures if one.key == "actions"] == ["not measured"]


# Table and report


def shown(thing: Any) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(thing)
    return console.export_text()


def test_the_table_and_the_report(out: Path, tonight: Prepared, emptied: Prepared) -> None:
    verdict = kept_aside(emptied, parquet(out))
    text = shown(table(verdict))
    assert max(map(len, text.splitlines())) <= 80
    assert len([line for line in text.splitlines() if "BEYOND" in line]) == len(verdict.beyond)
    assert "at most 50 % less" in text
    assert repr(verdict).startswith("Verdict(kept aside, against run ")
    assert "<table" in verdict._repr_html_()
    result = run(tonight, parquet(out), gate=Gate())
    assert "passed against run" in shown(render(Report.of(result)))
    assert Report.of(run(tonight, FramePublisher())).gate == "none"
    assert "let through before" in Report.of(run(tonight, parquet(out), gate=Gate(), resume=True)).gate
