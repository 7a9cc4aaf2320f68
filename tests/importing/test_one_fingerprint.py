"""One market from every kind of source: files, databases and frames give one fingerprint."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from scoring.database.database import Database
from scoring.dataset import Dataset
from scoring.importing import import_file
from scoring.importing.readers import SourceOptions

pytestmark = pytest.mark.integration  # whole imports into databases

TABLES = {
    "users": pa.table(
        {"user_id": [20, 10], "prefecture_code": ["13", None], "preferred_occupations": [[101, 202], [101]]}
    ),
    "jobs": pa.table(
        {
            "job_id": [3, 1, 2**50],
            "title": ["居酒屋スタッフ 100%", 'a "quoted", title', None],
            "prefecture_code": ["13", "01", None],
            "salary_type": ["hourly", None, "monthly"],
            "min_salary": [1200.5, None, 0.1],
            "fee": [500, None, 7],
            "has_daily_payment": [True, None, False],
            "posted_at": [datetime(2025, 6, 1, 10, 30), None, datetime(2025, 6, 2)],
        }
    ),
    "actions": pa.table(
        {
            "user_id": [20, 10, 20],
            "job_id": [3, 1, 2**50],
            "action": ["view", "click", "application"],
            "occurred_at": [datetime(2025, 6, 3, 1, 2, 3), datetime(2025, 6, 4), datetime(2025, 6, 5)],
        }
    ),
}
TEXT_IDS = {
    "users": TABLES["users"].set_column(0, "user_id", pa.array(["U-1", "00012"])),
    "jobs": TABLES["jobs"].set_column(0, "job_id", pa.array(["J-1", "17", "1.5E+12"])),
    "actions": TABLES["actions"]
    .set_column(0, "user_id", pa.array(["U-1", "00012", "Ｕ-1"]))
    .set_column(1, "job_id", pa.array(["J-1", "17", "1.5E+12"])),
}
"""The same market with text ids; one reference is in full-width letters."""

Market = tuple[dict[str, pa.Table], str]
"""The tables of a market and its fingerprint."""


def flatten(table: pa.Table) -> pd.DataFrame:
    """Return a table as a frame without lists, as text files and databases contain it."""
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
    if "preferred_occupations" in frame:
        frame["preferred_occupations"] = ["|".join(map(str, codes)) for codes in frame["preferred_occupations"]]
    return frame


def write_csv(name: str, table: pa.Table, folder: Path) -> Path:
    flatten(table).to_csv(folder / f"{name}.csv.gz", index=False, sep=";", encoding="utf-16")
    return folder / f"{name}.csv.gz"


def write_parquet(name: str, table: pa.Table, folder: Path) -> Path:
    for place in range(len(table)):
        (folder / name).mkdir(exist_ok=True)
        pq.write_table(table.slice(place, 1), folder / name / f"part-{place}.parquet")
    return folder / name


def write_excel(name: str, table: pa.Table, folder: Path) -> Path:
    pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    flatten(table).to_excel(folder / f"{name}.xlsx", index=False)
    return folder / f"{name}.xlsx"


def write_json(name: str, table: pa.Table, folder: Path) -> Path:
    lines = [json.dumps(row, default=str, ensure_ascii=False) for row in table.to_pylist()]
    (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / f"{name}.jsonl"


def write_duckdb(name: str, table: pa.Table, folder: Path) -> Path:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with duckdb.connect(str(folder / "market.duckdb")) as connection:
        connection.register("given", table)
        connection.execute(f"CREATE TABLE my_{name} AS SELECT * FROM given")
    return folder / "market.duckdb"


def write_sql(url: str, name: str, table: pa.Table) -> str:
    engine = sa.create_engine(url)
    flatten(table).to_sql(f"my_{name}", engine, index=False)
    engine.dispose()
    return url


@pytest.fixture(scope="module", params=[TABLES, TEXT_IDS], ids=["integers", "text ids"])
def market(request: pytest.FixtureRequest) -> Market:
    return request.param, Dataset.from_frames(**request.param).fingerprint


def check_import(folder: Path, market: Market, write: Callable[[str, pa.Table], Path | str], *, table: bool) -> None:
    with Database.open(folder / "board.db") as database:
        for name, content in market[0].items():
            options = SourceOptions(table=f"my_{name}" if table else None)
            report = import_file(database, name, write(name, content), options=options)
            assert report.stored == len(content), report.lines()
    assert Dataset.from_database(folder / "board.db").fingerprint == market[1]


@pytest.mark.parametrize("write", [write_csv, write_parquet, write_excel, write_json, write_duckdb])
def test_files_give_the_fingerprint_of_frames(
    tmp_path: Path, market: Market, write: Callable[[str, pa.Table, Path], Path]
) -> None:
    check_import(tmp_path, market, lambda name, table: write(name, table, tmp_path), table=write is write_duckdb)


def test_sqlite_table_gives_the_fingerprint_of_frames(tmp_path: Path, market: Market) -> None:
    url = f"sqlite:///{tmp_path}/own.sqlite"
    check_import(tmp_path, market, lambda name, table: write_sql(url, name, table), table=True)


def test_postgres_table_gives_the_fingerprint_of_frames(tmp_path: Path, market: Market, postgres_url: str) -> None:
    url = postgres_url.replace("postgresql:", "postgresql+psycopg:")
    check_import(tmp_path, market, lambda name, table: write_sql(url, name, table), table=True)


def test_mariadb_table_gives_the_fingerprint_of_frames(tmp_path: Path, market: Market, mariadb_url: str) -> None:
    check_import(tmp_path, market, lambda name, table: write_sql(mariadb_url, name, table), table=True)


def test_other_frames_give_the_fingerprint_of_pyarrow(market: Market) -> None:
    tables, expected = market
    polars = pytest.importorskip("polars", reason="polars is not installed")
    for convert in (flatten, pa.Table.to_pandas, polars.from_arrow):
        assert Dataset.from_frames(**{name: convert(table) for name, table in tables.items()}).fingerprint == expected
