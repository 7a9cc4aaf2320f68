"""City codes that lost a zero are padded by the prefecture of their row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from scoring.database.database import Database
from scoring.database.readers import load_jobs, load_tables
from scoring.dataset import Dataset
from scoring.importing import import_file
from scoring.testing.small_market import make_canonical


def test_city_code_is_padded_if_it_fits_the_prefecture() -> None:
    jobs = pd.DataFrame(
        {
            "job_id": [1, 2, 3, 4, 5, 6],
            "prefecture_code": ["01", 1, 13, None, "01", "01"],
            "city_code": [1100, "01100", "13104", 1100, "310", "X1"],
        }
    )
    users = pd.DataFrame({"user_id": [1], "prefecture_code": [1], "city_code": ["１１００"]})
    data = Dataset.from_frames(jobs, users)
    assert data.tables.jobs["city_code"].tolist() == ["01100", "01100", "13104", "1100", "310", "X1"]
    assert data.tables.users["city_code"].tolist() == ["01100"]
    notes = data.ledger.notes
    assert notes["jobs"]["city_code: padded to 5 digits, such as '1100'"] == 1
    assert notes["jobs"]["city_code: not padded to 5 digits, such as '1100'"] == 2
    assert notes["users"]["city_code: padded to 5 digits, such as '1100'"] == 1


def test_codes_of_five_digits_stay_beside_codes_of_six() -> None:
    jobs = make_canonical("jobs", job_id=[1, 2], prefecture_code=["13", "13"], city_code=["131041", "13104"])
    data = Dataset.from_frames(jobs, make_canonical("users", user_id=[1]))
    assert data.tables.jobs["city_code"].tolist() == ["131041", "13104"]
    assert sum(data.ledger.notes["jobs"].values()) == 1


def test_data_without_city_codes_of_digits_have_no_notes() -> None:
    jobs = make_canonical("jobs", job_id=[1, 2], city_code=["Tokyo", None])
    assert Dataset.from_frames(jobs, make_canonical("users", user_id=[1])).ledger.notes == {}


def test_import_pads_cities_by_the_file_and_the_stored_rows(tmp_path: Path) -> None:
    with Database.open(tmp_path / "board.db") as database:
        (tmp_path / "users.csv").write_text("user_id,prefecture_code,city_code\n1,13,13104\n")
        assert not import_file(database, "users", tmp_path / "users.csv").notes
        (tmp_path / "jobs.csv").write_text("job_id,prefecture_code,city_code\n1,1,1100\n2,1,2100\n3,1,01100\n")
        first = import_file(database, "jobs", tmp_path / "jobs.csv")
        again = import_file(database, "jobs", tmp_path / "jobs.csv", update=True)
        assert load_jobs(database)["city_code"].tolist() == ["01100", "2100", "01100"]
    assert first.notes["city_code: padded to 5 digits, such as '1100'"] == 1
    assert first.notes["city_code: not padded to 5 digits, such as '2100'"] == 1
    assert (again.updated, again.unchanged) == (0, 3)


def test_imported_prefectures_are_stored_with_padded_codes(tmp_path: Path) -> None:
    with Database.open(tmp_path / "board.db") as database:
        (tmp_path / "regions.csv").write_text("prefecture_code,name\n1,North\n2,South\n")
        import_file(database, "prefectures", tmp_path / "regions.csv")
        assert load_tables(database).prefectures["prefecture_code"].tolist() == ["01", "02"]
        with database.begin() as connection:  # as version 0.1 stored it
            connection.exec_driver_sql("UPDATE prefectures SET prefecture_code = '1' WHERE prefecture_code = '01'")
        (tmp_path / "regions.csv").write_text("prefecture_code,name\n1,East\n10,West\n")
        report = import_file(database, "prefectures", tmp_path / "regions.csv", update=True)
        assert (report.inserted, report.updated) == (1, 1)
        stored = load_tables(database).prefectures
    assert dict(zip(stored["prefecture_code"], stored["name"], strict=True)) == {
        "01": "East",
        "02": "South",
        "10": "West",
    }
