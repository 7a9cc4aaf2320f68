"""A gate compares a run with the published one: it holds back broken data and publishes normal changes."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import scoring.runs.gate
from scoring.database.database import Database
from scoring.dataset import Dataset, Tables
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.runs import memory_forecast, runner, shards
from scoring.runs.gate import Gate, GateFailedError, GateLimits, Measure, Verdict
from scoring.runs.gate.console_table import make_table
from scoring.runs.history import list_runs
from scoring.runs.publishers import (
    DatabasePublisher,
    FramePublisher,
    ParquetPublisher,
    PublishedRun,
    Publisher,
    list_published_runs,
    read_manifest,
    read_results,
)
from scoring.runs.report import Report, render
from scoring.runs.retention import prune
from scoring.runs.run_reader import read_run
from scoring.synthetic import make_market
from scoring.telemetry import fault_injection
from tests.support.small_runs import Stopped

K = 10
NO_LIMITS = GateLimits(**dict.fromkeys(GateLimits.model_fields))
MARKET = make_market(150, 1_500, 6_000, seed=4)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write shards of 30 users with 10 jobs each."""
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 300)


def prepared(tables: Tables, model: str = "standard") -> Prepared:
    return Prepared.of(Dataset(tables), load_model(model))


@pytest.fixture(scope="module")
def previous_market() -> Prepared:
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
def current_market() -> Prepared:
    return prepared(MARKET.tables)


@pytest.fixture(scope="module")
def without_actions() -> Prepared:
    return prepared(no_actions(MARKET.tables))


@pytest.fixture(scope="module")
def previous_runs(previous_market: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate") / "runs"
    run(previous_market, parquet(folder))
    return folder


@pytest.fixture
def out(previous_runs: Path, tmp_path: Path) -> Path:
    """Return a folder with a published run that `latest` points to."""
    return Path(shutil.copytree(previous_runs, tmp_path / "runs", symlinks=True))


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    with Database.open(sqlite_url) as database:
        database.create()
        yield database


def parquet(folder: Path) -> ParquetPublisher:
    return ParquetPublisher(folder, by_run_id=True, latest="latest")


def run(market: Prepared, *publishers: Publisher, gate: Gate | None = None, **settings: Any) -> runner.RunResult:
    return runner.run(market, **({"k": K, "publishers": publishers, "gate": gate} | settings))


def assert_held_back(market: Prepared, *publishers: Publisher, gate: Gate | None = None, **settings: Any) -> Verdict:
    with pytest.raises(GateFailedError) as caught:
        run(market, *publishers, gate=gate or Gate(), **settings)
    return caught.value.verdict


def read_current(folder: Path) -> str:
    return os.readlink(folder / "latest")


# Stopped data


def no_actions(tables: Tables) -> Tables:
    return tables.with_tables(actions=tables.actions.iloc[:0])


def with_jobs(tables: Tables, **columns: Any) -> Tables:
    return tables.with_tables(jobs=tables.jobs.assign(**columns))


def multiply_wages(tables: Tables, share: float) -> Tables:
    jobs = tables.jobs
    factor = np.where(np.random.default_rng(3).random(len(jobs)) < share, 1000.0, 1.0)
    return with_jobs(tables, min_salary=jobs["min_salary"] * factor, max_salary=jobs["max_salary"] * factor)


def drop_half(tables: Tables, table: str, key: str) -> Tables:
    frame = getattr(tables, table)
    frame = frame[np.random.default_rng(3).random(len(frame)) < 0.5]
    actions = tables.actions[tables.actions[key].isin(frame[key])]
    return tables.with_tables(**{table: frame}, actions=actions)


def swap_users(tables: Tables) -> Tables:
    ids = np.random.default_rng(3).permutation(tables.users["user_id"].to_numpy())
    return tables.with_tables(users=tables.users.assign(user_id=ids))


BROKEN_DATA: dict[str, tuple[Callable[[Tables], Tables], set[str]]] = {
    "no actions": (no_actions, {"actions"}),
    "all jobs closed": (
        lambda tables: with_jobs(tables, is_active=False),
        {"empty_lists", "short_lists", "jobs_kept", "lists_rewritten", "coverage", "jobs_dropped", "jobs_ranked",
         "mean_score", "score_50", "last_score", "hourly_wage", "fee"},
    ),
    "half of the users missing": (lambda tables: drop_half(tables, "users", "user_id"), {"users_dropped"}),
    "half of the jobs missing": (lambda tables: drop_half(tables, "jobs", "job_id"), {"jobs_dropped", "jobs_ranked"}),
    "wages times 1,000": (lambda tables: multiply_wages(tables, 1.0), {"hourly_wage"}),
    "some wages times 1,000": (lambda tables: multiply_wages(tables, 0.4), {"lists_rewritten"}),
    "wages missing": (lambda tables: with_jobs(tables, min_salary=np.nan), {"mean_score", "hourly_wage"}),
    "lists of other users": (swap_users, {"jobs_kept", "rank_biased_overlap", "lists_rewritten"}),
}  # fmt: skip


@cache
def make_broken(name: str) -> Prepared:
    return prepared(BROKEN_DATA[name][0](MARKET.tables))


@pytest.mark.parametrize("name", BROKEN_DATA)
def test_broken_data_exceeds_the_limits_that_detect_it(out: Path, name: str) -> None:
    expected = BROKEN_DATA[name][1]
    before = read_current(out)
    verdict = assert_held_back(make_broken(name), parquet(out))
    assert expected <= {measure.key for measure in verdict.exceeded}, verdict
    assert read_current(out) == before
    assert [path.name for path in list_published_runs(out)] == [before]
    # these cases exceed only the limits listed above
    if name in ("wages times 1,000", "half of the users missing"):
        assert {measure.key for measure in verdict.exceeded} == expected, verdict


def test_first_run_without_a_listed_job_is_held_back(tmp_path: Path) -> None:
    expired = MARKET.tables.jobs.assign(expires_at=pd.Timestamp("2000-01-01", tz="UTC"))
    empty = prepared(MARKET.tables.with_tables(jobs=expired))
    with pytest.raises(GateFailedError) as raised:
        runner.run(empty, k=K, publishers=[parquet(tmp_path)], gate=Gate())
    verdict = raised.value.verdict
    assert verdict.published is None
    assert [measure.key for measure in verdict.exceeded] == ["rows"]
    assert list_published_runs(tmp_path) == []
    result = runner.run(empty, k=K, publishers=[parquet(tmp_path)], gate=Gate(force="an empty board"), resume=True)
    assert result.verdict is not None
    assert result.verdict.force == "an empty board"
    assert len(list_published_runs(tmp_path)) == 1


def test_other_model_is_held_back_with_a_note(out: Path) -> None:
    verdict = assert_held_back(prepared(MARKET.tables, "classic"), parquet(out))
    assert {"mean_score", "last_score"} <= {measure.key for measure in verdict.exceeded}
    assert "the model changed (standard → classic)" in verdict.notes


# A promoted model

PROMOTED = "found@1 was promoted on 2026-11-23 (more people apply)"
CHANGED_BY_MODELS = ("jobs_kept", "rank_biased_overlap", "lists_rewritten", "coverage", "mean_score", "last_score",
         "score_10", "score_50", "score_90")  # fmt: skip


def by_key(verdict: Verdict) -> dict[str, Measure]:
    return {measure.key: measure for measure in verdict.measures}


def test_first_run_of_promoted_model_is_published(out: Path, current_market: Prepared) -> None:
    """Limits apply to the new data ranked by the published model. The expected figures come from such a run."""
    verdict = run(current_market, ParquetPublisher(out, by_run_id=True), gate=Gate()).verdict  # does not move `latest`
    assert verdict is not None
    usual, promoted = by_key(verdict), Gate(model_change=PROMOTED)
    market = current_market.with_model(load_model("classic"))
    result = run(market, parquet(out), gate=promoted)
    assert result.verdict is not None
    measures = by_key(result.verdict)
    assert result.verdict.outcome == "passed"
    for key in CHANGED_BY_MODELS:
        limited = measures[f"{key}_as_before"]
        assert (limited.published, limited.new, limited.limit) == (
            usual[key].published,
            pytest.approx(usual[key].new, abs=0.02),
            usual[key].limit,
        )
        assert measures[key].limit is None
        assert measures[key].result == "–"
    assert measures["jobs_kept"].new != measures["jobs_kept_as_before"].new
    assert {key for key in usual if measures[key].limit != usual[key].limit} == set(CHANGED_BY_MODELS)
    assert f"{PROMOTED}: limits apply to changes of the data, not to those of the model" in result.verdict.notes
    assert read_current(out) == result.metadata.run_id
    text = render_text(make_table(result.verdict))
    assert max(map(len, text.splitlines())) <= 80
    assert "New data ranked by the published model" in text
    summary = result.verdict.summarize()
    assert re.search(
        r"jobs kept, mean of users by the published model [\d.]+%, by the model of this run [\d.]+%", summary
    )
    assert summary.count("jobs kept") == 1
    # the next run with this model has no extra measures
    again = run(market, parquet(out), gate=promoted)
    assert again.verdict is not None
    assert not any(measure.by_published_model for measure in again.verdict.measures)
    assert again.verdict.notes == ()


@pytest.mark.parametrize("name", BROKEN_DATA)
def test_broken_data_with_promoted_model_is_held_back(out: Path, name: str) -> None:
    market, expected = make_broken(name).with_model(load_model("classic")), BROKEN_DATA[name][1]
    verdict = assert_held_back(market, parquet(out), gate=Gate(model_change=PROMOTED))
    exceeded = {measure.key.removesuffix("_as_before") for measure in verdict.exceeded}
    assert expected <= exceeded, verdict
    assert not {measure.key for measure in verdict.exceeded} & set(CHANGED_BY_MODELS)


@pytest.mark.parametrize("problem", ["not recorded", "unknown component", "changed component"])
def test_all_limits_apply_if_previous_model_cannot_be_built(out: Path, current_market: Prepared, problem: str) -> None:
    manifest = read_manifest(out / "latest")
    if problem == "not recorded":
        del manifest["definition"]
    elif problem == "unknown component":
        manifest["definition"]["groups"]["base"]["components"]["charm"] = {"weight": 0.0}
    else:
        manifest["model_digest"] = "0" * 32
    (out / "latest" / "_manifest.json").write_text(json.dumps(manifest))
    market = current_market.with_model(load_model("classic"))
    verdict = assert_held_back(market, parquet(out), gate=Gate(model_change=PROMOTED))
    assert {"mean_score", "last_score"} <= {measure.key for measure in verdict.exceeded}
    assert any(
        note.startswith(f"{PROMOTED}; all limits apply, because the published model cannot be used: ")
        for note in verdict.notes
    )


def test_all_limits_apply_if_memory_is_short_for_two_models(
    out: Path, current_market: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = current_market.with_model(load_model("classic"))
    with monkeypatch.context() as short:
        judge = Gate.judge

        def judge_with_little_memory(gate: Gate, run: Any) -> Verdict:
            short.setattr(memory_forecast, "measure_available", lambda: 1_000)
            return judge(gate, run)

        short.setattr(Gate, "judge", judge_with_little_memory)
        verdict = assert_held_back(market, parquet(out), gate=Gate(model_change=PROMOTED))
    assert any("the published model cannot be used: Ranking with" in note
               for note in verdict.notes)  # fmt: skip


def test_database_stores_the_model(database: Database, previous_market: Prepared, current_market: Prepared) -> None:
    run(previous_market, DatabasePublisher(database))
    market = current_market.with_model(load_model("classic"))
    verdict = run(market, DatabasePublisher(database), gate=Gate(model_change=PROMOTED)).verdict
    assert verdict is not None
    assert verdict.outcome == "passed"
    assert any(measure.by_published_model for measure in verdict.measures)


# Normal changes


def test_normal_change_is_published(out: Path, current_market: Prepared) -> None:
    result = run(current_market, parquet(out), gate=Gate())
    assert result.verdict is not None
    assert result.verdict.outcome == "passed"
    assert result.verdict.notes == ()
    assert read_current(out) == result.metadata.run_id
    assert read_manifest(out / "latest")["gate"] == json.loads(json.dumps(result.verdict.record()))
    frame = result.verdict.frame()
    assert not frame["exceeded"].any()
    assert 0.7 < frame.loc["jobs kept, mean of users", "new"] < 1  # a day of changes


def test_measures_equal_those_of_the_lists(out: Path, previous_runs: Path, current_market: Prepared) -> None:
    frame = run(current_market, parquet(out), gate=Gate()).verdict.frame()  # type: ignore[union-attr]
    old, new = (read_run(folder / "latest") for folder in (previous_runs, out))
    before, after = ({user: set(part["job_id"]) for user, part in one.groupby("user_id")} for one in (old, new))
    ranked = set(current_market.plan.user_id[current_market.active_users])
    kept = [len(before[user] & after.get(user, set())) / K for user in before if user in ranked]
    assert frame.loc["jobs kept, mean of users", "new"] == pytest.approx(np.mean(kept))
    assert frame.loc["users dropped", "new"] == len(before.keys() - ranked) / len(before)
    assert frame.loc["distinct jobs listed"].iloc[:2].tolist() == [old["job_id"].nunique(), new["job_id"].nunique()]
    means = [one["total_score"].astype("float64").mean() for one in (old, new)]
    assert frame.loc["mean score"].iloc[:2].tolist() == pytest.approx(means)
    may = set(current_market.plan.job_id[current_market.plan.exclusions.open_to_all])
    dropped = set(old["job_id"]) - may
    assert frame.loc["listed jobs dropped", "new"] == len(dropped) / old["job_id"].nunique()


def test_first_run_passes(current_market: Prepared, tmp_path: Path) -> None:
    for publishers in ([parquet(tmp_path / "runs")], [FramePublisher()], [ParquetPublisher(tmp_path / "alone")], []):
        result = run(current_market, *publishers, gate=Gate())
        assert result.verdict is not None
        assert result.verdict.summarize() == "passed: no run to compare with"
        assert result.verdict.measures == ()


def test_lists_of_other_lengths_are_cut(out: Path, current_market: Prepared, previous_market: Prepared) -> None:
    same = run(previous_market, parquet(out), gate=Gate(), k=K + 5).verdict
    assert same is not None
    assert same.frame().loc["jobs kept, mean of users", "new"] == 1
    assert same.notes == (f"lists had {K} jobs and now have {K + 5}: the first {K} are compared",)
    shorter = run(current_market, parquet(out), gate=Gate(), k=3).verdict
    assert shorter is not None
    assert "users with fewer than 3 jobs" in shorter.frame().index


def test_run_over_selected_users_is_not_compared(out: Path, current_market: Prepared) -> None:
    before, selected = read_current(out), current_market.plan.user_id[current_market.active_users][:20]
    result = run(current_market, parquet(out), gate=Gate(), users=selected)
    assert result.verdict is None
    assert read_current(out) == before
    (out / "latest").unlink()  # the gate then takes the newest run over all users
    assert run(current_market, parquet(out), gate=Gate()).verdict.published.run_id == before  # type: ignore[union-attr]


# Held back, forced, resumed


def test_held_back_run_is_published_without_ranking(
    previous_market: Prepared, without_actions: Prepared, database: Database, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    places = lambda: [DatabasePublisher(database), parquet(out)]  # noqa: E731 - a publisher serves one run
    run(previous_market, *places())
    lists = read_results(database)
    verdict = assert_held_back(without_actions, *places())
    held_back = verdict.new.run_id
    pd.testing.assert_frame_equal(read_results(database), lists)
    found = list_runs(out, database).set_index("run_id")
    assert found.loc[held_back, "status"] == "held back"
    assert "actions 5" in found.loc[held_back, "gate"]
    assert found[["folder", "database"]].all(axis=None)

    again = assert_held_back(without_actions, *places(), resume=True)  # a scheduler retries
    assert again.new.run_id == held_back
    result = run(without_actions, *places(), resume=True, gate=Gate(force="the log was cleared"))
    assert result.metadata.run_id == held_back == read_current(out)
    assert result.users_resumed == len(without_actions.active_users)
    assert result.pairs_ranked == 0
    pd.testing.assert_frame_equal(read_results(database), without_actions.top_k(K).frame().sort_values(
        ["user_id", "rank"], ignore_index=True))  # fmt: skip
    manifest = read_manifest(out / "latest")
    assert (manifest["gate"]["outcome"], manifest["gate"]["reason"]) == ("forced", "the log was cleared")
    for known in (list_runs(out), list_runs(out, database)):
        assert (
            known.set_index("run_id")
            .loc[held_back, "gate"]
            .startswith("forced (the log was cleared), compared with run ")
        )
    assert list_runs(out, database).loc[0, "status"] == "in use"


def test_held_back_run_passes_other_limits(out: Path, without_actions: Prepared) -> None:
    assert_held_back(without_actions, parquet(out))
    result = run(without_actions, parquet(out), resume=True, gate=Gate(NO_LIMITS))
    assert result.verdict is not None
    assert result.verdict.outcome == "passed"
    assert read_current(out) == result.metadata.run_id


def test_held_back_run_is_published_without_gate(out: Path, without_actions: Prepared) -> None:
    assert_held_back(without_actions, parquet(out))
    assert run(without_actions, parquet(out), resume=True).verdict is None
    assert read_manifest(out / "latest")["gate"] is None


def test_newer_run_makes_held_back_run_removable(
    out: Path, without_actions: Prepared, current_market: Prepared
) -> None:
    held_back = assert_held_back(without_actions, parquet(out)).new.run_id
    result = run(current_market, parquet(out), gate=Gate())
    assert result.verdict.published.run_id != held_back  # type: ignore[union-attr]
    assert prune(out, None, 1).unfinished == [held_back]
    assert sorted(path.name for path in out.iterdir()) == sorted([result.metadata.run_id, "latest"])


# Interrupted


@pytest.mark.parametrize("point", ["verdict committed", "verdict noted", "all sealed", "database publishing",
                                   "database published", "folder published"])  # fmt: skip
@pytest.mark.parametrize("force", [None, "checked"])
def test_stop_between_gate_and_publishing_changes_nothing(
    previous_market: Prepared, current_market: Prepared, without_actions: Prepared, database: Database,
    tmp_path: Path, point: str, force: str | None,
) -> None:  # fmt: skip
    out, market = tmp_path / "runs", current_market if force is None else without_actions
    run(previous_market, DatabasePublisher(database), parquet(out))
    before = read_current(out)
    gate = Gate(force=force)
    with fault_injection.arm(point, 1, Stopped()), pytest.raises(Stopped):
        run(market, DatabasePublisher(database), parquet(out), gate=gate, resume=True)
    assert read_current(out) == before
    # a run that one place has published has passed the gate: resuming it needs no reason
    is_past_gate = point in ("database published", "folder published")
    result = run(
        market, DatabasePublisher(database), parquet(out), gate=Gate() if is_past_gate else gate, resume=True
    )  # fmt: skip
    assert read_current(out) == result.metadata.run_id
    assert (result.verdict is None) == is_past_gate
    assert read_manifest(out / "latest")["gate"]["reason"] == force
    pd.testing.assert_frame_equal(read_results(database), read_run(out / "latest"))


# Damaged runs


def test_damaged_run_is_reported_and_skipped(out: Path, current_market: Prepared, previous_market: Prepared) -> None:
    older = read_current(out)
    damaged = run(previous_market, parquet(out)).metadata.run_id
    part = next((out / damaged).glob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    verdict = run(current_market, parquet(out), gate=Gate()).verdict
    assert verdict is not None
    assert verdict.published is not None
    assert verdict.published.run_id == older
    assert f"run {damaged} was not compared (" in verdict.summarize()


def test_removed_run_is_not_called_damaged(
    current_market: Prepared, previous_market: Prepared, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = run(previous_market, DatabasePublisher(database)).metadata.run_id
    list_runs_before = DatabasePublisher.list_published_runs

    def list_then_remove(publisher: DatabasePublisher) -> list[PublishedRun]:
        found = list_runs_before(publisher)
        with database.begin() as connection:
            connection.exec_driver_sql("DELETE FROM current_runs WHERE run_id = ?", (removed,))
            connection.exec_driver_sql("DELETE FROM runs WHERE run_id = ?", (removed,))
        return found

    monkeypatch.setattr(DatabasePublisher, "list_published_runs", list_then_remove)
    verdict = run(current_market, DatabasePublisher(database), gate=Gate()).verdict
    assert verdict is not None
    assert verdict.published is None
    assert f"run {removed} was not compared" in verdict.summarize()
    assert "damaged" not in verdict.summarize()


@pytest.mark.parametrize("damage", ["manifest", "part gone", "no counts"])
def test_run_passes_if_only_damaged_runs_exist(out: Path, current_market: Prepared, damage: str) -> None:
    if damage == "part gone":
        next((out / "latest").glob("*.parquet")).unlink()
    else:
        manifest = {} if damage == "manifest" else read_manifest(out / "latest") | {"counts": {}}
        (out / "latest" / "_manifest.json").write_text(json.dumps(manifest))
    verdict = run(current_market, parquet(out), gate=Gate()).verdict
    assert verdict is not None
    assert verdict.outcome == "passed"
    assert verdict.summarize().startswith("passed: no run to compare with; run ")


def test_database_is_compared_if_files_are_damaged(
    previous_market: Prepared, current_market: Prepared, database: Database, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    last = run(previous_market, DatabasePublisher(database), parquet(out)).metadata.run_id
    expected = run(current_market, FramePublisher(), DatabasePublisher(database), gate=Gate(force="unused")).verdict
    assert expected is not None
    assert expected.outcome == "passed"
    with database.begin() as connection:  # undo the second run
        connection.exec_driver_sql("UPDATE current_runs SET run_id = ?", (last,))
        connection.exec_driver_sql("DELETE FROM results WHERE run_id <> ?", (last,))
        connection.exec_driver_sql("DELETE FROM runs WHERE run_id <> ?", (last,))
    next((out / "latest").glob("*.parquet")).unlink()
    verdict = run(current_market, DatabasePublisher(database), parquet(out), gate=Gate()).verdict
    assert verdict is not None
    assert verdict.published is not None
    assert verdict.published.run_id == last
    assert "results of run" in verdict.place
    pd.testing.assert_frame_equal(verdict.frame(), expected.frame())


def test_run_without_facts_is_compared_in_part(out: Path, without_actions: Prepared) -> None:
    manifest = read_manifest(out / "latest")
    del manifest["facts"], manifest["gate"]
    (out / "latest" / "_manifest.json").write_text(json.dumps(manifest))
    verdict = run(without_actions, parquet(out), gate=Gate(GateLimits(lists_rewritten=None))).verdict
    assert verdict is not None
    assert np.isnan(verdict.frame().loc["actions", "published"])
    assert [measure.result for measure in verdict.measures if measure.key == "actions"] == ["not measured"]


# Table and report


def render_text(thing: Any) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(thing)
    return console.export_text()


def test_table_and_report_show_the_verdict(out: Path, current_market: Prepared, without_actions: Prepared) -> None:
    verdict = assert_held_back(without_actions, parquet(out))
    text = render_text(make_table(verdict))
    assert max(map(len, text.splitlines())) <= 80
    assert len([line for line in text.splitlines() if "EXCEEDED" in line]) == len(verdict.exceeded)
    assert "at most 50% less" in text
    assert repr(verdict).startswith("Verdict(held back, compared with run ")
    assert "<table" in verdict._repr_html_()
    result = run(current_market, parquet(out), gate=Gate())
    assert "passed, compared with run" in render_text(render(Report.of(result)))
    assert Report.of(run(current_market, FramePublisher())).gate == "none"
    assert "passed the gate before" in Report.of(run(current_market, parquet(out), gate=Gate(), resume=True)).gate


def test_old_name_of_the_error_is_deprecated() -> None:
    with pytest.warns(DeprecationWarning, match="GateFailedError"):
        assert scoring.runs.gate.KeptAsideError is GateFailedError
    with pytest.raises(AttributeError):
        scoring.runs.gate.Kept  # noqa: B018 - it raises


def test_notes_are_stored_with_the_verdict(out: Path, current_market: Prepared) -> None:
    gate = Gate(notes=("model standard, instead of the promoted night@1",))
    first = run(current_market, parquet(out), gate=gate).verdict
    assert first is not None
    assert first.notes == gate.notes
    run(current_market.with_model(load_model("classic")), parquet(out), gate=Gate(force="x", notes=gate.notes))
    notes = read_manifest(out / "latest")["gate"]["notes"]
    assert gate.notes[0] in notes
    assert "the model changed (standard → classic)" in notes
