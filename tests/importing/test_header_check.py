"""Columns that a source lacks: the error shows the header and a likely reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.errors import DataError
from scoring.importing.header_check import require_columns
from scoring.importing.mapping_file import parse_table_mapping
from scoring.importing.readers import SourceOptions, read_source
from tests.support.errors import raises_data


@pytest.mark.parametrize(
    ("header", "mapping", "advice"),
    [
        ("Job-Id,title", None, "The header is: Job-Id, title. Did you mean 'Job-Id'"),
        ("nr:title;x", None, "--delimiter semicolon"),
        ("1,2025-06-01", None, "The first row may be data"),
        ("ã‚¿ã‚¤ãƒˆãƒ«,nr", None, "another encoding"),
        ("nummer,titel", None, r"columns: \{job_id: …\}"),
        ("nummer,titel", {"columns": {"job_id": "numer"}}, "jobs.job_id from column 'numer'.*mean 'nummer'"),
    ],
)
def test_missing_column_shows_header_and_reason(tmp_path: Path, header: str, mapping: dict | None, advice: str) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text(header + "\n")
    raw = read_source(path, options=SourceOptions(delimiter=","))
    with pytest.raises(DataError, match=advice):
        require_columns("jobs", raw, parse_table_mapping("jobs", mapping), "jobs.csv")


def test_duplicate_column_is_an_error_only_if_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("job_id,x,x\n1,2,3\n")
    raw = read_source(path)
    require_columns("jobs", raw, parse_table_mapping("jobs", None), "jobs.csv")
    with raises_data("duplicate column", column="x"):
        require_columns("jobs", raw, parse_table_mapping("jobs", {"columns": {"title": "x"}}), "jobs.csv")
