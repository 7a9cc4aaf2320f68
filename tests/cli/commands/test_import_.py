"""`scoring import`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.command import (
    Call,
    error_line,
)


def test_import_reports_every_row(scoring: Call, tmp_path: Path) -> None:
    scoring("init", "--db", "own.db", "--empty")
    (tmp_path / "jobs.csv").write_text("job_id,fee\n1,500\n1,600\n3,x\n")
    done = scoring("import", "jobs", "jobs.csv", "--db", "own.db", "--refused", "bad")
    assert done.exit_code == 0
    assert re.search(r"jobs from jobs.csv: 3 read = \d stored \+ \d merged \+ \d rejected", done.stdout)
    assert (tmp_path / "bad/refused_jobs.csv").exists()


def test_import_by_mapping_file(scoring: Call, tmp_path: Path) -> None:
    scoring("init", "--db", "own.db", "--empty")
    (tmp_path / "offers.csv").write_text("number,price\n1,500\n2,600\n")
    (tmp_path / "map.yaml").write_text(
        "sources: {offers: offers.csv}\ntables:\n  jobs:\n    from: offers\n    columns: {job_id: number, fee: price}\n"
    )
    done = scoring("import", "--map", "map.yaml", "--db", "own.db")
    assert "2 read = 2 stored" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["jobs"], ["jobs", "--map", "m.yaml"]])
def test_import_requires_table_and_file_or_mapping(scoring: Call, arguments: list[str]) -> None:
    assert "Give TABLE and FILE, --map FILE, both, or --suggest" in error_line(scoring("import", *arguments), 2)


def test_import_options_state_how_to_read_a_file(scoring: Call, tmp_path: Path) -> None:
    scoring("init", "--db", "own.db", "--empty")
    (tmp_path / "a.csv").write_bytes("1;居酒屋\n".encode("cp932"))
    done = scoring("import", "jobs", "a.csv", "--db", "own.db", "--encoding", "cp932", "--header", "job_id,title")
    assert "1 read = 1 stored" in done.stdout
    done = scoring("import", "jobs", "a.csv", "--db", "own.db", "--header", "job_id,title")
    assert done.exit_code == 1
    assert "--encoding cp932" in done.stderr
    (tmp_path / "map.yaml").touch()
    assert "mapping file" in error_line(scoring("import", "--map", "map.yaml", "--sheet", "x"), 2)


def test_import_reads_a_table_of_another_database(scoring: Call) -> None:
    scoring("init", "--db", "own.db", "--empty")
    done = scoring("import", "occupations", "own.db", "--source-table", "occupations", "--db", "own.db", "--replace")
    assert "occupations from own.db, table occupations" in done.stdout
