"""Files of rejected rows are imported again, corrected in part or in full, any number of times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scoring.database.database import Database
from scoring.database.readers import load_jobs, load_users
from scoring.errors import ConfigurationError
from scoring.importing import ImportReport, import_file, import_mapping
from scoring.importing.rejected_row_origin import DUPLICATE
from tests.support.errors import raises_at

JOBS = """job_id,fee,title
1,500,first
1,600,twice
2,much,wage
3,1
4,1,2,3
x,y,z
5,9,last
"""


def read_rejected(report: ImportReport) -> pd.DataFrame:
    assert report.refused_path is not None
    return pd.read_csv(report.refused_path, dtype=str, keep_default_na=False)


def correct(path: Path, column: str, row: str, value: str) -> None:
    """Change one field in the file of rejected rows, as a person does."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.loc[frame["refused_row"] == row, column] = value
    frame.to_csv(path, index=False)


@pytest.mark.parametrize("update", [False, True])
def test_rows_are_corrected_one_after_another(sqlite_url: str, tmp_path: Path, update: bool) -> None:
    (tmp_path / "jobs.csv").write_text(JOBS)
    with Database.open(sqlite_url) as database:
        report = import_file(database, "jobs", tmp_path / "jobs.csv", refused_to=tmp_path)
        path = tmp_path / "refused_jobs.csv"
        expected = read_rejected(report)
        assert expected["refused_row"].tolist() == ["3", "4", "5", "6", "7"]
        for row, column, value in [("", "", ""), ("4", "fee", "7"), ("5", "title", "t"), ("6", "title", "u"), ("3", "job_id", "8"), ("7", "fee", "1")]:  # fmt: skip  # noqa: E501
            if row:
                correct(path, column, row, value)
            n_before = len(load_jobs(database))
            report = import_file(database, "jobs", path, refused_to=tmp_path, update=update)
            assert report.read == len(expected) == report.stored + report.merged + report.rejected
            assert report.ignored == ()
            expected = expected[expected["refused_row"] != row]
            assert len(load_jobs(database)) - n_before == bool(row) == report.stored
            if len(expected):
                left = read_rejected(report)
                assert (left["refused_reason"] == DUPLICATE).sum() == (left["refused_row"] == "3").sum()
                assert left[["refused_file", "refused_row", "job_id"]].equals(
                    expected[["refused_file", "refused_row", "job_id"]].reset_index(drop=True)
                )
        assert not report.rejected
        jobs = load_jobs(database).set_index("title")
        assert jobs.loc["first", "fee"] == 500
        assert jobs["fee"].fillna(-1).to_dict() == {
            "first": 500, "twice": 600, "wage": 7, "t": 1, "u": 1, "z": 1, "last": 9,
        }  # fmt: skip


MAPPING = """
sources:
  a: {file: a.csv, encoding: cp932, delimiter: ";", missing: ["-"]}
  b: {file: b.parquet}
tables:
  users:
    from: [a, b]
    columns: {user_id: who, preferred_salary_min: pay, preferred_occupations: wish}
"""


def test_rejected_rows_of_several_sources_keep_their_origin(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("who;pay;wish;名前\n1;x;-;愛\n2;5;1|2;\n".encode("cp932"))
    lists = pd.DataFrame({"who": [7, 8], "pay": [1.0, 1e15], "wish": [[1, 2], [3, 4]]})
    lists.to_parquet(tmp_path / "b.parquet")
    mapping = tmp_path / "map.yaml"
    mapping.write_text(MAPPING)
    with Database.open(sqlite_url) as database:
        (report,) = import_mapping(database, mapping, refused_to=tmp_path)
        path = tmp_path / "refused_users.csv"
        for _ in range(2):
            rejected = read_rejected(report)
            assert rejected[["refused_file", "refused_row", "名前"]].values.tolist() == [
                ["a.csv", "2", "愛"],
                ["b.parquet", "2", ""],
            ]
            report = import_file(database, "users", path, mapping, refused_to=tmp_path)
        correct(path, "pay", "2", "30")
        report = import_file(database, "users", path, mapping, refused_to=tmp_path)
        assert (report.stored, report.rejected) == (2, 0)
        users = load_users(database).set_index("user_id")
        assert users["preferred_occupations"].to_dict() == {1: [], 2: [1, 2], 7: [1, 2], 8: [3, 4]}


@pytest.mark.parametrize("table", ["occupations", "prefectures", "actions", "user_factors"])
def test_rejected_rows_of_other_tables_are_imported_again(sqlite_url: str, tmp_path: Path, table: str) -> None:
    frames: dict[str, dict[str, Any]] = {
        "occupations": {"occupation_code": ["1", "2.5"], "name": ["a", "b"]},
        "prefectures": {"prefecture_code": ["A", "A"], "name": ["a", "b"]},
        "actions": {"user_id": [1, 9], "job_id": [1, 1], "action": "view", "occurred_at": "2025-06-01"},
        "user_factors": {"user_id": [1, None], "f0": [0.5, 0.5]},
    }
    with Database.open(sqlite_url) as database:
        for name, key in (("users", "user_id"), ("jobs", "job_id")):
            pd.DataFrame({key: [1]}).to_csv(tmp_path / f"{name}.csv", index=False)
            import_file(database, name, tmp_path / f"{name}.csv")
        pd.DataFrame(frames[table]).to_csv(tmp_path / "x.csv", index=False)
        first = import_file(database, table, tmp_path / "x.csv", refused_to=tmp_path, update=True)
        assert first.rejected == (0 if table == "occupations" else 1)
        if not first.rejected:
            return
        again = import_file(database, table, tmp_path / f"refused_{table}.csv", refused_to=tmp_path, update=True)
        assert (again.read, again.rejected) == (1, 1)
        assert read_rejected(again)[["refused_file", "refused_row"]].values.tolist() == [["x.csv", "3"]]


@pytest.mark.parametrize("option", ["replace", "close_missing"])
def test_rejected_rows_are_not_a_full_file(sqlite_url: str, tmp_path: Path, option: str) -> None:
    (tmp_path / "jobs.csv").write_text(JOBS)
    with Database.open(sqlite_url) as database:
        import_file(database, "jobs", tmp_path / "jobs.csv", refused_to=tmp_path)
        options: dict[str, Any] = {option: True, "update": option != "replace"}
        with raises_at(ConfigurationError, option):
            import_file(database, "jobs", tmp_path / "refused_jobs.csv", **options)
        assert load_jobs(database)["is_active"].all()
