"""JSON lines and arrays of objects."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from scoring.importing.readers import SourceOptions, read_source
from tests.support.errors import raises_data

RECORDS = [
    {"job_id": 2**53 + 1, "title": "居酒屋", "company": {"id": 3, "place": {"city": "Tokyo"}}, "tags": [1, 2]},
    {"job_id": 7, "fee": 1.5, "open": True},
]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.json"])
def test_objects_are_rows_and_nested_objects_are_columns(tmp_path: Path, name: str) -> None:
    if name == "a.json":
        text = json.dumps(RECORDS, indent=2)
    else:
        text = "\ufeff" + "\n\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS)
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    raw = read_source(tmp_path / name)
    assert list(raw.frame) == ["job_id", "title", "company.id", "company.place.city", "tags", "fee", "open"]
    assert raw.frame["job_id"].tolist() == [2**53 + 1, 7]
    assert raw.frame["tags"][0] == [1, 2]
    assert raw.frame["company.place.city"].fillna("-").tolist() == ["Tokyo", "-"]
    assert raw.rows.tolist() == ([1, 2] if name == "a.json" else [1, 3])


def test_lines_that_are_not_objects_are_unreadable(tmp_path: Path) -> None:
    lines = ['{"job_id": 1}', "{", "[1]", '{"job_id": NaN}', '{"job_id": 1, "job_id": 2}', '{"title": "\xff\xfe"}']
    (tmp_path / "a.jsonl").write_bytes("\n".join(lines).encode("latin-1"))
    raw = read_source(tmp_path / "a.jsonl", options=SourceOptions(encoding="utf-8"))
    assert raw.frame["job_id"].tolist() == [1]
    assert [line for _, line, *_ in raw.unreadable] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(("text", "line"), [('{\n"jobs": []\n}', 1), ('[{"a": 1},\n{]', 2)])
def test_file_of_another_shape_is_one_sentence(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "a.json").write_text(text)
    with raises_data("invalid JSON", path=str(tmp_path / "a.json"), line=line):
        read_source(tmp_path / "a.json")
