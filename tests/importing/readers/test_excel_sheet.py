"""Sheets of Excel workbooks: types, row numbers, merged cells, and the choice of the sheet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from scoring.database.database import Database
from scoring.database.readers import load_jobs
from scoring.errors import DataReason
from scoring.importing import import_file
from scoring.importing.readers import SourceOptions, read_source
from tests.support.errors import raises_data

openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Jobs"
    sheet["A1"] = "Open positions"
    sheet.merge_cells("A1:D1")
    for row, values in {
        3: ["job_id", "com\u200bpany", "posted_at", "open", None],
        4: [1, "Café", datetime(2025, 6, 1, 9, 30), True],
        5: [2**40, None, datetime(2025, 6, 2), False],
        7: ["A-3", "居酒屋", None, None, "note"],
    }.items():
        for column, value in enumerate(values, 1):
            sheet.cell(row, column, value)
    sheet.merge_cells("B4:B5")
    workbook.create_sheet("Empty")
    workbook.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


def test_values_keep_types_and_row_numbers(book: Path) -> None:
    raw = read_source(book)
    assert list(raw.frame) == ["job_id", "company", "posted_at", "open", "column 5"]
    assert raw.rows.tolist() == [4, 5, 7]
    assert raw.frame["job_id"].tolist() == [1, 2**40, "A-3"]
    assert raw.frame["company"].tolist() == ["Café", "Café", "居酒屋"]
    assert raw.frame["posted_at"].tolist()[:2] == [pd.Timestamp("2025-06-01 09:30"), pd.Timestamp("2025-06-02")]
    assert raw.frame["open"].tolist() == [True, False, None]


def test_sheet_is_chosen_by_name_or_number(book: Path) -> None:
    workbook = openpyxl.load_workbook(book)
    workbook["Empty"].append(["user_id"])
    workbook["Empty"].append([5])
    workbook.save(book)
    for sheet in ("Empty", 2, "2"):
        assert read_source(book, options=SourceOptions(sheet=sheet)).frame["user_id"].tolist() == [5]
    with raises_data("several sheets", path=str(book)):
        read_source(book)
    with raises_data("unknown sheet", path=str(book), value="jobs"):
        read_source(book, options=SourceOptions(sheet="jobs"))


def test_formula_is_its_stored_value(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter", reason="openpyxl does not store the values of formulas")
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["job_id", "fee"])
        sheet.write_formula(1, 0, "=1+1", None, 2)
        sheet.write_formula(1, 1, '="5"&"0"', None, "50")
    assert read_source(tmp_path / "a.xlsx").frame.to_numpy().tolist() == [[2, "50"]]


def test_sheet_without_header_takes_stated_names(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append([1, "x"])
    workbook.save(tmp_path / "a.xlsx")
    raw = read_source(tmp_path / "a.xlsx", options=SourceOptions(header=("job_id", "title")))
    assert raw.frame.to_dict("list") == {"job_id": [1], "title": ["x"]}
    assert raw.rows.tolist() == [1]


@pytest.mark.parametrize(("name", "reason"), [("a.xlsx", "unreadable"), ("a.xls", "unknown format")])
def test_file_that_is_not_a_workbook_raises(tmp_path: Path, name: str, reason: DataReason) -> None:
    (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0 old")
    with raises_data(reason, path=str(tmp_path / name)):
        read_source(tmp_path / name)


def test_days_from_1904_are_read(tmp_path: Path) -> None:
    """Excel stores the same day as 45811 or, with the date system of 1904, as 44349."""
    workbook = openpyxl.Workbook()
    workbook.epoch = openpyxl.utils.datetime.MAC_EPOCH
    for row in (["job_id", "posted_at", "until"], [1, datetime(2025, 6, 3, 9, 30), 44349]):
        workbook.active.append(row)
    workbook.save(tmp_path / "a.xlsx")
    with Database.open("sqlite://") as database:
        mapping = {"columns": {"expires_at": {"from": "until", "format": "excel"}}}
        with raises_data("other format", table="jobs", column="expires_at"):
            import_file(database, "jobs", tmp_path / "a.xlsx", mapping)
        mapping["columns"]["expires_at"]["format"] = "excel-1904"
        assert import_file(database, "jobs", tmp_path / "a.xlsx", mapping).stored == 1
        jobs = load_jobs(database)
        assert jobs["posted_at"].tolist() == [pd.Timestamp("2025-06-03 09:30", tz="UTC")]
        assert jobs["expires_at"].tolist() == [pd.Timestamp("2025-06-03", tz="UTC")]
