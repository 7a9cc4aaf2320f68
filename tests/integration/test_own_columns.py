"""Own columns from every entry point: one component that reads them equals its formula on plain rows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
import yaml

import scoring
from scoring.cli.tables.explanation import make_records
from scoring.columns.board_definition import Board, find_name_problem, parse_own_columns
from scoring.database.change_tokens import read_change_tokens
from scoring.database.database import Database
from scoring.database.readers import load_actions, load_jobs, load_tables, load_users
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.facade import ScoringEngine
from scoring.importing import import_file, import_mapping
from scoring.model import Inputs, parse_model
from scoring.model_catalog import get_component_kinds
from scoring.ranking import Prepared
from scoring.testing import check_component
from tests.support.custom_components import OwnColumns
from tests.support.errors import raises_data, raises_problem

OWN: dict[str, dict[str, Any]] = {
    "jobs": {"distance_km": "number", "level": "category", "licence": "category", "days": "integer", "note": "text"},
    "users": {
        "level": {"type": "category", "show": True},
        "licences": "categories",
        "is_willing": "flag",
        "seen_at": "time",
    },
    "actions": {"channel": "category"},
}
MODEL = parse_model(
    """
name: own
groups:
  base: {weight: 1, components: {own_columns: {weight: 1}}}
eligibility: {open: true}
""",
    get_component_kinds([OwnColumns]),
)
LEVELS, LICENCES = ("junior", "senior", "lead", None), ("car", "truck", "bike", None)


def make_frames(seed: int, n_users: int = 6, n_jobs: int = 25) -> dict[str, pd.DataFrame]:
    """Return a random market with ties and missing values."""
    random = np.random.default_rng(seed)

    def pick(values: Any, size: int) -> list[Any]:
        return [values[place] for place in random.integers(0, len(values), size)]

    jobs = {
        "job_id": random.permutation(n_jobs) + 1,
        "distance_km": pick((0.0, 1.5, 3.25, 10.0, None), n_jobs),
        "level": pick(LEVELS, n_jobs),
        "licence": pick(LICENCES, n_jobs),
        "days": pd.Series(pick((1, 2**60 + 1, None), n_jobs), dtype=object),
        "note": pick(("a b", "夜勤", None), n_jobs),
    }
    users = {
        "user_id": random.permutation(n_users) + 1,
        "level": pick(LEVELS, n_users),
        "licences": pick((["car", "truck"], ["bike"], [], None, ["none of the jobs"]), n_users),
        "is_willing": pick((True, False, None), n_users),
        "seen_at": pick((pd.Timestamp("2025-01-01T00:00:00.000001Z"), None), n_users),
    }
    actions = {
        "user_id": random.integers(1, n_users + 1, 60),
        "job_id": random.integers(1, n_jobs + 1, 60),
        "action": pick(("click", "view"), 60),
        "occurred_at": [pd.Timestamp("2025-05-01", tz="UTC") + pd.Timedelta(hours=int(n) % 5) for n in range(60)],
        "channel": pick(("mail", "web", None), 60),
    }
    return {name: pd.DataFrame(rows) for name, rows in (("jobs", jobs), ("users", users), ("actions", actions))}


def expect(frames: dict[str, pd.DataFrame], dataset: Dataset) -> np.ndarray:
    """Return (n_users, n_jobs) the formula on plain rows, in float64, by id."""
    rows = {name: frame.astype(object).where(frame.notna(), None).to_dict("records") for name, frame in frames.items()}
    level_of = {job["job_id"]: job["level"] for job in rows["jobs"]}
    kept = dataset.tables.actions.astype(object).where(dataset.tables.actions.notna(), None).to_dict("records")
    clicks = [row for row in kept if row["action"] == "click" and row["channel"] == "mail"]
    found = []
    for user in sorted(rows["users"], key=lambda row: row["user_id"]):
        mail = {level_of[row["job_id"]] for row in clicks if row["user_id"] == user["user_id"]} - {None}
        line = []
        for job in sorted(rows["jobs"], key=lambda row: row["job_id"]):
            value = 0.0 if job["distance_km"] is None else 20 * float(np.exp2(-job["distance_km"] / 10))
            value += 10.0 if user["is_willing"] else 0.0
            value += 25.0 if job["level"] is not None and job["level"] == user["level"] else 0.0
            value += 25.0 if job["licence"] in (user["licences"] or []) else 0.0
            value += 20.0 if job["level"] in mail else 0.0
            line.append(value)
        found.append(line)
    return np.array(found)


def total_of(dataset: Dataset) -> np.ndarray:
    return Prepared.of(dataset, MODEL).scorer.all_pairs()[0]


def test_component_equals_its_formula(sqlite_url: str, postgres_url: str) -> None:
    for seed in range(2):
        frames = make_frames(seed)
        dataset = Dataset.from_frames(**frames, own_columns=OWN)
        expected = expect(frames, dataset).astype(np.float32)
        ready = Prepared.of(dataset, MODEL)
        np.testing.assert_array_equal(ready.scorer.all_pairs()[0], expected)
        for url in (sqlite_url, postgres_url) if seed == 0 else ():
            with Database.open(url) as database:
                save_tables(database, dataset.tables, replace=True)
                stored = Dataset.from_database(database)
                assert stored.fingerprint == dataset.fingerprint
                assert stored.board == dataset.board
                np.testing.assert_array_equal(total_of(stored), expected)
        lists = ready.top_k(5)
        order = np.lexsort((np.broadcast_to(dataset.jobs.job_id, expected.shape), -expected), axis=1)[:, :5]
        np.testing.assert_array_equal(lists.job_id, dataset.jobs.job_id[order])


def test_rule_compares_own_columns() -> None:
    frames = make_frames(6)
    dataset = Dataset.from_frames(**frames, own_columns=OWN)
    ready = Prepared.of(dataset, MODEL.with_eligibility(rules=["job.licence in user.licences"]))
    lists = ready.top_k(40).frame()
    licence = dataset.tables.jobs.set_index("job_id")["licence"]
    licences = dataset.tables.users.set_index("user_id")["licences"]
    expected = {(u, j) for u, held in licences.items() for j, one in licence.items() if one in held}
    assert set(zip(lists["user_id"], lists["job_id"], strict=True)) == expected
    assert expected


def test_component_keeps_the_contract() -> None:
    check_component(OwnColumns, dataset=Dataset.from_frames(**make_frames(4, 4, 8), own_columns=OWN))


def test_row_order_does_not_matter() -> None:
    frames = make_frames(5, 4, 10)
    frames["actions"] = pd.concat([frames["actions"], frames["actions"].assign(channel="mail")], ignore_index=True)
    mixed = {name: frame.sample(frac=1, random_state=1) for name, frame in frames.items()}
    one, other = (Dataset.from_frames(**given, own_columns=OWN) for given in (frames, mixed))
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(total_of(one), total_of(other))


def test_single_objects_and_request_frames_bring_own_columns() -> None:
    frames = make_frames(2)
    dataset = Dataset.from_frames(**frames, own_columns=OWN)

    async def score() -> None:
        with ScoringEngine(dataset, model=MODEL) as engine:
            job, user = {"job_id": 900, "level": " senior", "distance_km": "0"}, {"user_id": 900, "level": "senior"}
            assert await engine.calculate_total_score(job, user) == 45.0
            assert await engine.calculate_base_score({"job_id": 900, "distance_km": 10}) == 10.0
            found = await engine.get_score_explanation(job, user | {"licences": ["car"]})
            assert found["job_values"]["level"] == "senior"
            assert found["user_values"] == {"level": "senior"}
            with raises_problem("jobs", "distance_km"):
                await engine.calculate_total_score(job | {"distance_km": "far"}, user)
            jobs, users = frames["jobs"].head(9), frames["users"]
            batch = await engine.process_scoring_batch(users, jobs)
            expected = pd.DataFrame(total_of(dataset), dataset.users.user_id, dataset.jobs.job_id)
            for row in batch.to_dict("records"):
                assert row["total_score"] == expected.loc[row["user_id"], row["job_id"]]
            assert len(batch) == len(users) * len(jobs)
            jobs = await engine._batch_load_jobs_optimized(limit=3)
            assert set(OWN["jobs"]) <= set(jobs.columns)

    asyncio.run(score())


def test_explanation_shows_columns_of_users_only_when_declared() -> None:
    dataset = Dataset.from_frames(**make_frames(2), own_columns=OWN)
    explanation = Prepared.of(dataset, MODEL).explain(1, 1)
    assert set(explanation.job_values) == set(OWN["jobs"])
    assert set(explanation.user_values) == {"level"}
    assert "licences" not in explanation._repr_html_()
    exported = make_records(explanation)
    assert list(exported.columns[-6:]) == [*(f"job.{name}" for name in sorted(OWN["jobs"])), "user.level"]
    assert exported["job.level"].nunique(dropna=False) == 1
    assert "distance km" in explanation._repr_html_()


def test_arrays_and_errors_of_the_reading_api() -> None:
    dataset = Dataset.from_frames(**make_frames(3), own_columns=OWN)
    jobs, users = dataset.jobs, dataset.users
    level = jobs.codes("level")
    labels = [None if code < 0 else level.labels[code] for code in level.codes]
    assert labels == [None if pd.isna(v) else v for v in dataset.tables.jobs["level"]]
    assert set(users.flags("is_willing")) <= {-1, 0, 1}
    assert users.times("seen_at").dtype == np.int64
    assert jobs.texts("note").tolist().count(None) == dataset.tables.jobs["note"].isna().sum()
    np.testing.assert_array_equal(jobs.take(np.array([3, 1])).numbers("days"), jobs.numbers("days")[[3, 1]])
    for read in (jobs.numbers, jobs.flags, jobs.times, jobs.code_lists):
        with pytest.raises(ConfigurationError):
            read("level")
    with pytest.raises(ConfigurationError) as missing:
        jobs.numbers("salery")
    assert missing.value.key == ("jobs", "salery")


def test_matched_codes_differ_for_values_of_one_side() -> None:
    frames = {
        "jobs": pd.DataFrame({"job_id": [1, 2, 3], "level": ["a", "b", None], "days": [1, 2, 3]}),
        "users": pd.DataFrame({"user_id": [1, 2, 3], "level": ["b", "c", None]}),
    }
    own = {"jobs": {"level": "category", "days": "integer"}, "users": {"level": "category"}}
    inputs = Inputs.of(Dataset.from_frames(**frames, own_columns=own))
    user, job = inputs.match_codes("level", "level")
    assert user.labels.tolist() == job.labels.tolist() == ["a", "b", "c"]
    assert (user.codes.tolist(), job.codes.tolist()) == ([1, 2, -1], [0, 1, -1])
    with pytest.raises(ConfigurationError):
        inputs.match_codes("level", "days")


@pytest.mark.parametrize(
    "name", ["fee", "Level", "pref_cd", "class", "a" * 51, "größe", "my level", "ctid", "rowid", "", "1st", 3]
)
def test_invalid_names_are_refused(name: Any) -> None:
    assert find_name_problem("jobs", name) is not None
    with pytest.raises(ConfigurationError):
        parse_own_columns({"jobs": {name: "category"}})


@pytest.mark.parametrize("declared", [{"prefectures": {"x": "text"}}, {"jobs": {"x": "float"}}, {"jobs": "level"}])
def test_invalid_declarations_are_refused(declared: Any) -> None:
    with pytest.raises(ConfigurationError):
        parse_own_columns(declared)


def test_words_of_sql_are_names(sqlite_url: str, postgres_url: str) -> None:
    names = ("order", "user", "group", "select", "end", "offset", "window", "left", "default", "table", "current_date")
    frames = {"jobs": pd.DataFrame({"job_id": [1]}), "users": pd.DataFrame({"user_id": [1]})}
    frames["jobs"] = frames["jobs"].assign(**dict.fromkeys(names, "x"))
    tables = Dataset.from_frames(**frames, own_columns={"jobs": dict.fromkeys(names, "category")}).tables
    for url in (sqlite_url, postgres_url):
        with Database.open(url) as database:
            save_tables(database, tables, replace=True)
            assert load_jobs(database)[list(names)].iloc[0].tolist() == ["x"] * len(names)


def test_import_update_and_replace_keep_own_columns(sqlite_url: str, tmp_path: Path) -> None:
    mapping = {"columns": {"level": {"from": "Grade", "type": "category"}, "days": {"type": "integer"}}}
    (tmp_path / "jobs.csv").write_text("job_id,Grade,days\n1,A,2\n2,,x\n3,B,\n")
    with Database.open(sqlite_url) as database:
        report = import_file(database, "jobs", tmp_path / "jobs.csv", mapping, refused_to=tmp_path)
        assert (report.read, report.stored, report.rejected) == (3, 2, 1)
        before = read_change_tokens(database)["jobs"]
        (tmp_path / "refused_jobs.csv").write_text((tmp_path / "refused_jobs.csv").read_text().replace("x", "7"))
        import_file(database, "jobs", tmp_path / "refused_jobs.csv", mapping)
        (tmp_path / "day2.csv").write_text("job_id,level,days\n1,C,2\n4,D,9\n")  # no mapping: by their names
        counts = import_file(database, "jobs", tmp_path / "day2.csv", update=True)
        assert (counts.updated, counts.stored) == (1, 2)
        jobs = load_jobs(database)
        assert jobs["job_id"].tolist() == [1, 2, 3, 4]
        assert jobs["level"].fillna("missing").tolist() == ["C", "missing", "B", "D"]
        assert jobs["days"].fillna(-1).tolist() == [2, 7, -1, 9]
        assert read_change_tokens(database)["jobs"] != before
        (tmp_path / "day3.csv").write_text("job_id\n1\n")
        with raises_data("loses values", table="jobs", column="days", value="1"):
            import_file(database, "jobs", tmp_path / "day3.csv", update=True)
        import_file(database, "jobs", tmp_path / "day3.csv", replace=True)
        assert load_jobs(database)["level"].isna().all()
        with pytest.raises(ConfigurationError):
            import_file(database, "jobs", tmp_path / "jobs.csv", {"columns": {"days": {"type": "text"}}}, replace=True)
        assert [column.type.name for column in load_tables(database).board.get_own("jobs")] == ["integer", "category"]


def test_new_column_is_seen_by_a_running_engine(sqlite_url: str, tmp_path: Path) -> None:
    with Database.open(sqlite_url) as database:
        save_tables(database, scoring.make_market(3, 5, 5, seed=1).tables)
        (tmp_path / "jobs.csv").write_text("job_id,level\n1,A\n")

        async def load() -> None:
            with ScoringEngine(database, change_check_seconds=0) as engine:
                before = await engine._batch_load_jobs_optimized()
                assert "level" not in before
                mapping = {"columns": {"level": {"type": "category"}}}
                import_file(database, "jobs", tmp_path / "jobs.csv", mapping, update=True, missing_columns="keep")
                after = await engine._batch_load_jobs_optimized()
                assert after["level"].tolist()[0] == "A"

        asyncio.run(load())


def test_loaders_return_own_columns(sqlite_url: str) -> None:
    dataset = Dataset.from_frames(**make_frames(1), own_columns=OWN)
    with Database.open(sqlite_url) as database:
        save_tables(database, dataset.tables)
        assert set(OWN["jobs"]) <= set(load_jobs(database, [1, 2]).columns)
        assert set(OWN["users"]) <= set(load_users(database).columns)
        assert "channel" in load_actions(database, [1])
        with database.begin() as connection:
            connection.execute(sa.text("UPDATE own_columns SET type = 'unknown' WHERE name = 'channel'"))
        with pytest.raises(scoring.errors.DatabaseError):
            load_tables(database)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exported_tables_are_imported_unchanged(sqlite_url: str, tmp_path: Path, suffix: str) -> None:
    frames = make_frames(7)
    frames["users"].at[0, "licences"] = ["it's", 'a "b"', "c\\d", "x,y"]
    dataset = Dataset.from_frames(**frames, own_columns=OWN, board={"preset": "none"})
    mapping = {"board": {"preset": "none"}, "sources": {}, "tables": {}}
    for name in ("users", "jobs", "actions"):
        frame = getattr(dataset.tables, name)
        frame.to_csv(tmp_path / f"{name}.csv", index=False) if suffix == "csv" else frame.to_parquet(
            tmp_path / f"{name}.parquet"
        )
        mapping["sources"][name] = f"{name}.{suffix}"
        columns = {column: given if isinstance(given, dict) else {"type": given} for column, given in OWN[name].items()}
        mapping["tables"][name] = {"from": name, "columns": columns}
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    with Database.open(sqlite_url) as database:
        for report in import_mapping(database, tmp_path / "mapping.yaml"):
            assert report.rejected == 0, report.lines()
        assert Dataset.from_database(database).fingerprint == dataset.fingerprint


def test_board_without_currency_has_no_unit() -> None:
    assert Board(currency="").label_amount("fee") == "fee"
    assert Board(currency="CHF").label_amount("fee") == "fee in CHF"
    assert Board().wage_label == "yen per hour"
