"""Drafts of mapping files, from files to a ranking."""

from __future__ import annotations

import difflib
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
import yaml

import scoring
from scoring.columns.board_definition import get_type_word
from scoring.database.database import Database
from scoring.errors import DataError
from scoring.importing import ImportReport, import_mapping
from scoring.importing.mapping_draft import draft_mapping, draft_text

pytestmark = pytest.mark.integration  # whole imports into databases

ROOT = Path(__file__).parents[3]
JOB_VIEWS = ROOT.parent / "shared/real/jobviews_us_2014"
MOVIES = ROOT.parent / "shared/real/movielens_100k"


def import_draft(draft: str, folder: Path) -> tuple[dict[str, ImportReport], scoring.Dataset]:
    mapping, url = folder / "mapping.yaml", f"sqlite:///{folder / 'board.db'}"
    mapping.write_text(draft, encoding="utf-8")
    with Database.open(url) as database:  # the import creates it
        reports = {report.table: report for report in import_mapping(database, mapping)}
    return reports, scoring.Dataset.from_database(url, on_bad="quarantine")


def keep_own_columns(draft: str) -> str:
    """Return the draft without the marks before own columns."""
    head, tables = draft.split("tables:\n")
    return f"{head}tables:\n" + re.sub(r"^( *)# (?=columns:| *\w+: \{)", r"\1", tables, flags=re.MULTILINE)


def replace(draft: str, *edits: tuple[str, str]) -> tuple[str, int]:
    """Return the draft with edits, and the number of lines that were added or changed."""
    edited = draft
    for old, new in edits:
        assert old in edited, old
        edited = edited.replace(old, new, 1)
    lines = difflib.ndiff(draft.splitlines(), edited.splitlines())
    return edited, sum(line.startswith("+ ") for line in lines)


def board() -> dict[str, pd.DataFrame]:
    """Return files of a board: text ids, pay as text, local formats, one-hot flags."""
    n = range(60)
    jobs = {
        "Posting ID": [f"J-{i}" for i in n],
        "Job Title": [("Cook", "Driver", "Nurse")[i % 3] for i in n],
        "Employer": [f"Company {i % 7}" for i in n],
        "State": [("NY", "CA", "TX")[i % 3] for i in n],
        "City": ["Albany"] * 60,
        "Pay": [("$31.20/hr", "$52k/yr", "DOE", "$18 - $20 per hour")[i % 4] for i in n],
        "Date Posted": [f"6/{i % 28 + 1}/2025 9:05" for i in n],
        "Remote": [("Y", "N")[i % 2] for i in n],
        "Notes": ["x"] * 60,
    }
    users = {
        "Member No": [f"U{i}" for i in range(9)],
        "State": ["NY"] * 9,
        "Desired Position": ["Cook|Nurse", "Driver"] * 4 + [""],
    }
    clicks = {
        "Member No": [f"U{i % 9}" for i in n],
        "Posting ID": [f"J-{i}" for i in n],
        "Event": [("clicked", "applied", "viewed")[i % 3] for i in n],
        "When": [1_751_270_700 + i for i in n],
    }
    return {name: pd.DataFrame(columns) for name, columns in {"jobs": jobs, "users": users, "clicks": clicks}.items()}


@pytest.fixture
def board_files(tmp_path: Path) -> list[Path]:
    frames = board()
    frames["jobs"].to_csv(tmp_path / "jobs.csv", index=False)
    frames["users"].to_csv(tmp_path / "users.tsv", index=False, sep="\t")
    frames["clicks"].to_parquet(tmp_path / "clicks.parquet", index=False)
    return [tmp_path / name for name in ("jobs.csv", "users.tsv", "clicks.parquet")]


def test_draft_of_a_board_ranks_without_an_edit(board_files: list[Path], tmp_path: Path) -> None:
    draft = draft_mapping(board_files)
    tables = yaml.safe_load(draft)["tables"]
    assert list(tables) == ["prefectures", "occupations", "jobs", "users", "actions"]
    jobs = tables["jobs"]["columns"]
    assert jobs["job_id"] == "Posting ID"
    assert jobs["min_salary"] == {"from": "Pay", "number": True, "per": "text"}
    assert jobs["posted_at"] == {"from": "Date Posted", "format": "%m/%d/%Y %H:%M"}
    assert jobs["company_id"] == jobs["company_name"] == "Employer"
    assert jobs["occupation_code"] == {"from": "Job Title", "lookup": "occupations"}
    assert tables["users"]["columns"]["preferred_occupations"] == {
        "from": "Desired Position", "split": "|", "lookup": "occupations", "pick": "all",
    }  # fmt: skip
    assert tables["actions"]["columns"]["action"] == {
        "from": "Event", "values": {"applied": "application", "clicked": "click", "viewed": "view"},
    }  # fmt: skip
    assert tables["actions"]["columns"]["occurred_at"] == {"from": "When", "unit": "s"}
    assert "#   Notes: x" in draft
    reports, data = import_draft(draft, tmp_path)
    assert {name: report.rejected for name, report in reports.items()} == dict.fromkeys(tables, 0)
    assert {name: report.ignored for name, report in reports.items() if report.ignored} == {"jobs": ("Notes",)}
    assert {name: report.stored for name, report in reports.items()} == {
        "prefectures": 3, "occupations": 3, "jobs": 60, "users": 9, "actions": 60,
    }  # fmt: skip
    assert data.tables.jobs["external_id"].tolist() != [None] * 60
    hourly = data.jobs.hourly[data.tables.jobs["external_id"].isin(["J-0", "J-1", "J-2", "J-3"])]
    assert sorted(round(value, 2) for value in hourly.tolist() if value == value) == [18.0, 27.08, 31.2]
    lists = scoring.Prepared.of(data, scoring.load_model("standard")).top_k(5)
    assert len(lists.user_id) == 9


def test_jobs_and_users_are_drafted_from_actions(tmp_path: Path) -> None:
    """A file of actions alone gives jobs and users: one row for each id."""
    rows: dict[str, Any] = {
        "customer_id": [1, 1, 2, 3, 3, 3] * 4,
        "item_id": [10, 11, 10, 12, 11, 13] * 4,
        "company": ["A", "B", "A", "C", "B", "C"] * 4,
        "age": ["30s", "30s", "40s", "20s", "20s", "20s"] * 4,
        "timestamp": [f"2025-06-{day:02}T00:00:00Z" for day in range(1, 25)],
    }
    pd.DataFrame(rows).to_csv(tmp_path / "item_views.csv", index=False)
    tables = yaml.safe_load(draft_mapping([tmp_path / "item_views.csv"]))["tables"]
    assert {name: table.get("one_row_per") for name, table in tables.items()} == {
        "jobs": "job_id", "users": "user_id", "actions": None,
    }  # fmt: skip
    assert tables["jobs"]["columns"]["company_name"] == {"from": "company", "pick": "most_common"}
    assert tables["users"]["columns"] == {"user_id": "customer_id", "age_group": {"from": "age", "pick": "most_common"}}
    assert tables["actions"]["columns"]["action"] == {"value": "view"}
    reports, _ = import_draft(draft_mapping([tmp_path / "item_views.csv"]), tmp_path)
    assert [reports[name].stored for name in ("jobs", "users", "actions")] == [4, 3, 24]


def test_japanese_file_in_another_encoding(tmp_path: Path) -> None:
    rows = {
        "求人番号": [f"{i:05}" for i in range(40)],
        "求人タイトル": ["カフェスタッフ", "倉庫作業"] * 20,
        "都道府県": ["東京", "大阪府"] * 20,
        "給与": ["時給1,200円～1,500円", "時給１，３００円", "応相談", "月給25万円"] * 10,
        "掲載開始日": ["2025年6月30日", "2025年7月1日"] * 20,
        "未経験歓迎": ["あり", "なし"] * 20,
        "在宅OK": ["○", ""] * 20,
        "職種": ["飲食", "物流"] * 20,
    }
    frame = pd.DataFrame(rows)
    frame.loc[40] = frame.columns.tolist()  # a repeated header line
    frame.to_csv(tmp_path / "kyujin.csv", index=False, encoding="cp932")
    draft = draft_mapping([tmp_path / "kyujin.csv"])
    mapping = yaml.safe_load(draft)
    assert mapping["sources"]["kyujin"]["encoding"] == "cp932"
    jobs = mapping["tables"]["jobs"]["columns"]
    assert jobs["prefecture_code"] == {"from": "都道府県", "lookup": "prefectures"}
    assert jobs["min_salary"] == {"from": "給与", "number": True, "per": "text"}
    assert jobs["posted_at"] == {"from": "掲載開始日", "format": "%Y年%m月%d日"}
    assert jobs["has_no_experience"] == {"from": "未経験歓迎", "values": {"あり": True, "なし": False}}
    assert jobs["has_remote_work"] == {"from": "在宅OK", "values": {"○": True}}
    reports, data = import_draft(draft, tmp_path)
    assert (reports["occupations"].stored, reports["occupations"].rejected, reports["jobs"].rejected) == (2, 1, 1)
    assert reports["jobs"].stored == len(data.jobs) == 40
    assert data.tables.jobs["has_no_experience"].sum() == data.tables.jobs["has_remote_work"].sum() == 20
    assert data.tables.jobs["prefecture_code"].value_counts().to_dict() == {"13": 20, "27": 20}
    assert data.tables.jobs["salary_type"].value_counts().to_dict() == {"hourly": 20, "monthly": 10}


def test_files_without_jobs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rain.csv").write_text("day,rainfall\n1,2\n")
    with pytest.raises(DataError) as caught:
        draft_mapping([tmp_path / "rain.csv"])
    assert "rain.csv" in str(caught.value)


@pytest.mark.long
@pytest.mark.skipif(not JOB_VIEWS.is_dir(), reason="the data set jobviews_us_2014 is not on this machine")
def test_job_views_need_at_most_12_edited_lines(tmp_path: Path) -> None:
    draft = draft_mapping([JOB_VIEWS / "Job_Views.csv", JOB_VIEWS / "Positions_Of_Interest.csv"])
    edited, n_edits = replace(draft, ("{value: view}", "{value: click}"))
    reports, data = import_draft(edited, tmp_path)
    assert n_edits <= 12
    assert len(data.jobs) > 1_000
    assert reports["actions"].rejected < 0.01 * reports["actions"].read


@pytest.mark.long
@pytest.mark.skipif(not MOVIES.is_dir(), reason="the data set movielens_100k is not on this machine")
def test_movies_need_at_most_40_edited_lines(tmp_path: Path) -> None:
    draft = draft_mapping([MOVIES / f"ml-100k.{name}" for name in ("item", "user", "inter")])
    edited, n_edits = replace(draft)
    reports, data = import_draft(edited, tmp_path)
    assert n_edits <= 40
    assert (len(data.jobs), len(data.users), len(data.actions)) == (1_682, 943, 100_000)
    assert reports["actions"].rejected == 0


def test_ids_are_found_by_their_values(tmp_path: Path) -> None:
    """No name means an id: files are named after what they contain, and other columns refer to their first key."""
    files = {
        "vacancies.csv": {"Ref": [f"V-{i}" for i in range(30)], "Headline": ["Cook", "Driver"] * 15},
        "people.csv": {"Person": [f"P{i}" for i in range(9)], "Lives in": ["ZH", "AG", "LU"] * 3},
        "events.csv": {
            "Who": [f"P{i % 9}" for i in range(40)],
            "What": [f"V-{i % 30}" for i in range(39)] + ["V-777"],
            "Did": ["seen", "opened", "sent", "seen"] * 10,
            "When": ["2026-05-20T08:00:00"] * 40,
        },
    }
    for name, columns in files.items():
        pd.DataFrame(columns).to_csv(tmp_path / name, index=False)
    tables = yaml.safe_load(draft_mapping(list(files), folder=tmp_path))["tables"]
    assert tables["jobs"]["columns"]["job_id"] == "Ref"
    assert tables["users"]["columns"] == {"user_id": "Person", "prefecture_code": "Lives in"}
    actions = tables["actions"]["columns"]
    assert (actions["user_id"], actions["job_id"], actions["occurred_at"]) == ("Who", "What", "When")
    assert actions["action"] == {
        "from": "Did", "values": {"opened": "click", "seen": "view", "sent": "application"},
    }  # fmt: skip


def test_tables_and_sheets_are_sources(tmp_path: Path) -> None:
    """Each table of a database and each sheet of a workbook is drafted as a file of its own."""
    frames = board()
    frames["jobs"]["Remote"] = frames["jobs"]["Remote"] == "Y"
    with closing(sqlite3.connect(tmp_path / "own.sqlite")) as connection:
        for name, frame in frames.items():
            frame.to_sql(name, connection, index=False)
        connection.commit()
    with pd.ExcelWriter(tmp_path / "own.xlsx") as workbook:
        for name, frame in frames.items():
            frame.to_excel(workbook, sheet_name=name, index=False)
    for place, key in ((f"sqlite:///{tmp_path / 'own.sqlite'}", "table"), (str(tmp_path / "own.xlsx"), "sheet")):
        draft = draft_mapping([place])
        sources = yaml.safe_load(draft)["sources"]
        assert {name: source[key] for name, source in sources.items()} == {name: name for name in frames}
        folder = tmp_path / key
        folder.mkdir()
        reports, data = import_draft(draft, folder)
        assert [reports[name].stored for name in ("jobs", "users", "actions")] == [60, 9, 60]
        assert len(data.jobs) == 60


def test_sheets_are_named_after_what_they_contain(tmp_path: Path) -> None:
    """The title is not an id, although its name contains "job" and every row has its own title."""
    n = range(30)
    sheets = {
        "Jobs": {"Job Title": [f"Cook {i}" for i in range(40)], "Req ID": [f"R-{i}" for i in range(40)]},
        "Members": {"Nick": [f"u{i}" for i in n], "Age": [10 * (i % 5) for i in n]},
        "Events": {"Nick": [f"u{i}" for i in n], "Req ID": [f"R-{i % 9}" for i in n], "Date": ["2025-06-01"] * 30},
    }
    with pd.ExcelWriter(tmp_path / "board.xlsx") as workbook:
        for name, columns in sheets.items():
            pd.DataFrame(columns).to_excel(workbook, sheet_name=name, index=False)
    tables = yaml.safe_load(draft_mapping([tmp_path / "board.xlsx"]))["tables"]
    assert {name: table["columns"] for name, table in tables.items()} == {
        "jobs": {"job_id": "Req ID", "title": "Job Title"},
        "users": {"user_id": "Nick", "age_group": "Age"},
        "actions": {"user_id": "Nick", "job_id": "Req ID", "action": {"value": "click"}, "occurred_at": "Date"},
    }


def test_draft_contains_no_password() -> None:
    assert draft_text._hide_password("mysql://reader:s3cret@host/board") == "mysql://reader:${PASSWORD}@host/board"
    assert draft_text._hide_password("mysql://reader:${DB}@host/board") == "mysql://reader:${DB}@host/board"


def test_schema_of_mariadb_is_imported_by_its_draft(mariadb_url: str, tmp_path: Path) -> None:
    frames = board()
    engine = sa.create_engine(mariadb_url)
    for name, frame in frames.items():
        frame.to_sql(f"own_{name}", engine, index=False)
    engine.dispose()
    draft = draft_mapping([mariadb_url])
    sources = yaml.safe_load(draft)["sources"]
    assert [source["table"] for source in sources.values()] == ["own_clicks", "own_jobs", "own_users"]
    reports, data = import_draft(draft, tmp_path)
    assert [reports[name].stored for name in ("jobs", "users", "actions")] == [60, 9, 60]
    assert len(data.actions) == 60


def test_draft_loses_no_row_and_no_category(tmp_path: Path) -> None:
    """Odd values become missing, a set of words is not an occupation, and a category may be named none."""
    kinds = ["Action", "Drama", "War", "Comedy"]
    sets = [*kinds, *(f"{a} {b}" for a in kinds for b in kinds if a < b), "Drama War", "Action War Comedy"]
    n = range(120)
    files: dict[str, dict[str, list[Any]]] = {
        "items.csv": {
            "item_id": list(n),
            "class": [sets[i % len(sets)] for i in n],
            "release_year": [*(1922 + i % 70 for i in n[3:]), "unkonwn", "V", "none"],
            "seen": [*([f"2025-06-{i % 28 + 1:02}T00:00:00Z" for i in n[1:]]), "soon"],
            "level": [["top", "low", "none"][i % 3] for i in n],
        },
        "users.csv": {
            "user_id": list(n),
            "age": [18 + i % 50 for i in n],
            "occupation": [["none", "student", "doctor"][i % 3] for i in n],
            "tier": [["n/a", "none", "big", "small"][i % 4] for i in n],
            "score": [["none", 3, 4, 5][i % 4] for i in n],
        },
    }
    for name, columns in files.items():
        pd.DataFrame(columns).to_csv(tmp_path / name, index=False)
    draft = draft_mapping(list(files), folder=tmp_path)
    assert "not numbers: unkonwn, V, none" in draft
    assert "none is kept" in draft
    reports, data = import_draft(keep_own_columns(draft), tmp_path)
    assert {name: (report.stored, report.rejected) for name, report in reports.items()} == {
        "jobs": (120, 0), "users": (120, 0),
    }  # fmt: skip
    assert {column.name: get_type_word(column.type) for column in data.board.get_own("jobs")} == {
        "own_class": "categories", "release_year": "integer", "seen": "time", "level": "category",
    }  # fmt: skip
    assert data.jobs.code_lists("own_class").labels.tolist() == sorted(kinds)
    assert data.tables.jobs["release_year"].isna().sum() == 3
    assert data.tables.jobs["seen"].isna().sum() == 1
    assert (data.tables.jobs["level"] == "none").sum() == 40
    users = data.tables.users
    assert {column.name: get_type_word(column.type) for column in data.board.get_own("users")} == {
        "age": "integer", "occupation": "category", "tier": "category", "score": "integer",
    }  # fmt: skip
    assert users["age_group"].isna().all()
    assert (users["occupation"] == "none").sum() == 40
    assert (users["tier"].isna().sum(), (users["tier"] == "none").sum()) == (30, 30)


def test_proposed_own_columns_are_kept_without_their_mark(tmp_path: Path) -> None:
    n = range(40)
    files: dict[str, dict[str, list[Any]]] = {
        "jobs.csv": {
            "job_id": [f"J{i}" for i in n],
            "salary": [f"CHF {4_000 + i * 100:,}.–".replace(",", "'") for i in n],
            "Seniority Level": ["junior", "senior", None, "lead"] * 10,
            "remote_days": [0, 1, 2, 5] * 10,
            "languages": ["de|fr", "en", "de", ""] * 10,
            "skills": ["Python, SQL", "SQL", "Go, SQL", "Go"] * 10,
            "bonus": [f"CHF {i}'000" for i in n],
            "is_urgent": [0, 1] * 20,
            "first_day": [f"{i % 28 + 1}.06.2025" for i in n],
            "text": ["a" * (i + 1) for i in n],
            "状態": ["新", "旧"] * 20,
            "constant": ["x"] * 40,
        },
        "users.csv": {"user_id": [1, 2, 3], "hobby": ["ski", "swim", "ski"], "rating": [0.5, 1.5, 2.5]},
    }
    for name, columns in files.items():
        pd.DataFrame(columns).to_csv(tmp_path / name, index=False)
    draft = draft_mapping(list(files), folder=tmp_path)
    assert yaml.safe_load(draft)["board"] == {"preset": "none", "currency": "CHF"}
    _, data = import_draft(keep_own_columns(draft), tmp_path)
    assert {column.name: get_type_word(column.type) for column in data.board.get_own("jobs")} == {
        "seniority_level": "category", "remote_days": "integer", "languages": "categories", "skills": "categories",
        "bonus": "number", "is_urgent": "flag", "first_day": "time", "text": "text", "own_1": "category",
    }  # fmt: skip
    assert {column.name: get_type_word(column.type) for column in data.board.get_own("users")} == {
        "hobby": "category", "rating": "number",
    }  # fmt: skip
    assert sorted(data.jobs.numbers("bonus")) == [1_000.0 * i for i in n]
    assert data.jobs.code_lists("skills").labels.tolist() == ["Go", "Python", "SQL"]
    assert "#   constant: x" in draft
