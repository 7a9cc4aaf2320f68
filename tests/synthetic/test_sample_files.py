"""The sample of the repository is what `write_sample` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.errors import OutputError
from scoring.importing import import_mapping
from scoring.synthetic import write_sample

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def test_files_equal_the_committed_sample_and_import(tmp_path: Path) -> None:
    mapping = write_sample(tmp_path / "files")
    assert mapping == tmp_path / "files" / "mapping.yaml"
    for file in SAMPLE.iterdir():
        assert (mapping.parent / file.name).read_bytes() == file.read_bytes(), file.name
    reports = import_mapping(tmp_path / "sample.db", mapping, refused_to=tmp_path)
    assert reports.frame()["rejected"].tolist() == [1, 4, 3]
    assert reports.reasons()["rows"].sum() == 8
    rejected = reports.rejected_rows()
    assert rejected.columns.tolist() == ["file", "row", "column", "value", "reason"]
    assert len(rejected) == 8
    assert rejected.query("column == 'fee'")["value"].tolist() == ["inf"]
    assert repr(reports).startswith("ImportReports(users: 200 stored, 0 merged, 1 rejected; jobs: 2,000 stored")
    html = reports._repr_html_()
    assert html.count("<table>") == 2
    assert "fee is infinite" in html


def test_sample_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(OutputError):
        write_sample(tmp_path / "file")


def test_reports_of_valid_files_have_no_reasons(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user_id\n1\n")
    (tmp_path / "map.yaml").write_text("sources: {users: users.csv}\ntables:\n  users: {from: users}\n")
    reports = import_mapping(str(tmp_path / "new.db"), tmp_path / "map.yaml")
    assert reports.frame().to_numpy().tolist() == [["users", 1, 1, 0, 0]]
    assert reports.reasons().empty
    assert reports.rejected_rows().empty
    assert reports._repr_html_().count("<table>") == 1
