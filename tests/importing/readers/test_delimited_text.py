"""Delimited text: encodings, delimiters, headers, and the fast path against the exact one."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ConfigurationError, DataError
from scoring.importing.readers import RawRows, SourceOptions, read_source, text_encoding
from scoring.importing.readers.delimited_text import read_by_csv, read_delimited_text, read_layout
from tests.support.errors import raises_at, raises_data

RECORDS = [["1", "東京のレストラン"], ["2", "ﾎｰﾙ, 夜"], ["3", ""]]
HEADER = ["job_id", "title"]


def encode(delimiter: str, encoding: str = "utf-8", newline: str = "\n", first: str = "") -> bytes:
    lines = [
        delimiter.join(f'"{text}"' if delimiter in text else text for text in record) for record in [HEADER, *RECORDS]
    ]
    return (first + newline.join(lines) + newline).encode(encoding)


def check_rows(raw: RawRows, lines: list[int]) -> None:
    assert list(raw.frame.columns) == HEADER
    assert raw.frame.to_numpy().tolist() == RECORDS
    assert raw.rows.tolist() == lines
    assert raw.unreadable == []


@pytest.mark.parametrize(
    ("name", "content", "options", "first_line"),
    [
        ("a.csv", encode(","), {}, 2),
        ("a.csv", encode(";"), {}, 2),
        ("a.txt", encode("\t"), {}, 2),
        ("a.tsv", encode("\t", newline="\r\n"), {}, 2),
        ("a.csv", encode("|", newline="\r"), {}, 2),
        ("a.csv", encode(":"), {"delimiter": ":"}, 2),
        ("a.csv", encode("\t"), {"delimiter": "tab"}, 2),
        ("a.csv.gz", gzip.compress(encode(","), mtime=0), {}, 2),
        ("a.tsv.gz", gzip.compress(encode("\t"), mtime=0), {}, 2),
        ("a.csv", encode(";", first="sep=;\r\n"), {}, 3),
        ("a.csv", encode("^", first='\ufeff"sep=^"\n'), {}, 3),
        ("a.csv", encode(",", first="\ufeff\ufeff"), {}, 2),
        ("a.csv", encode("\t", "utf-16"), {}, 2),
        ("a.csv", b"\xfe\xff" + encode(",", "utf-16-be"), {}, 2),
        ("a.csv", encode(",", "utf-16-le"), {"encoding": "utf-16-le"}, 2),
        ("a.csv", encode(",", "cp932"), {"encoding": "cp932"}, 2),
        ("a.csv", encode(",", "euc_jp"), {"encoding": "EUC-JP"}, 2),
        ("a.csv", encode(",", "utf-8"), {"encoding": "utf-8-sig"}, 2),
        ("a.csv", encode(",").replace(b"title", " \u200btit\u200ble\u3000".encode()), {}, 2),
        ("a.csv", encode(",").split(b"\n", 1)[1], {"header": tuple(HEADER)}, 1),
    ],
)
def test_text_of_any_format_gives_the_same_rows(
    tmp_path: Path, name: str, content: bytes, options: dict[str, str], first_line: int
) -> None:
    (tmp_path / name).write_bytes(content)
    raw = read_source(tmp_path / name, options=SourceOptions(**options))
    check_rows(raw, [first_line, first_line + 1, first_line + 2])
    assert set(raw.source) == {name}


@pytest.mark.parametrize(
    ("encoding", "stated", "guess", "line"),
    [
        ("cp932", None, "cp932", 2),
        ("euc_jp", None, "euc_jp", 2),
        ("iso2022_jp", None, "iso2022_jp", 1),
        ("utf-16-le", None, "utf-16-le", 1),
        ("utf-16", "cp932", "utf-16", 1),
        ("utf-8", "cp932", "utf-8", 1),
        ("utf-8", "cp1252", "utf-8", 1),
        ("utf-8", "ascii", "utf-8", 1),
        ("euc_jp", "cp932", "euc_jp", 2),
    ],
)
def test_wrong_encoding_is_one_sentence_with_a_guess(
    tmp_path: Path, encoding: str, stated: str | None, guess: str, line: int
) -> None:
    text = "job_id,title\n1,東京の夜間のレストラン\n2,年中無休\n3,Café\n" if encoding[:3] == "utf" else None
    text = text or "job_id,title\n1,東京の夜間のレストラン\n2,年中無休\n"
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    with raises_data("wrong encoding", path=str(tmp_path / "a.csv"), line=line, value=guess):
        read_source(tmp_path / "a.csv", options=SourceOptions(encoding=stated))


def test_western_text_looks_like_cp1252(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("job_id,title\n1,Cook\n2,Küche Zürich\n3,Café\n".encode("cp1252"))
    with raises_data("wrong encoding", line=3, value="cp1252"):
        read_source(tmp_path / "a.csv")


def test_few_invalid_rows_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"job_id,title\n1,\xe5\xb1\x85\n2,\xff\xfe\n3,ok,no\n4,ok\n")
    raw = read_source(tmp_path / "a.csv")
    assert raw.frame["title"].tolist() == ["居", "ok"]
    assert raw.rows.tolist() == [2, 5]
    assert [(line, reason.split()[0:3]) for _, line, reason, _ in raw.unreadable] == [
        (3, ["row", "is", "not"]),
        (4, ["row", "has", "3"]),
    ]


def test_long_field_does_not_stop_an_import(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('job_id,title,unused\n1,"a,b",' + "x" * 3_000_000 + "\n2,c,\n")
    raw = read_source(tmp_path / "a.csv")
    assert raw.frame["title"].tolist() == ["a,b", "c"]
    assert len(raw.frame["unused"][0]) == 3_000_000


def test_delimiter_that_is_not_clear_raises(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b|c\n1;2|3\n")
    with raises_data("several delimiters", path=str(tmp_path / "a.csv")):
        read_source(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("a;b, long;c\n1;2;3\n")
    assert list(read_source(tmp_path / "b.csv").frame) == ["a", "b, long", "c"]


@pytest.mark.parametrize(("option", "value"), [("encoding", "cp93"), ("delimiter", ";;"), ("delimiter", "")])
def test_invalid_option_names_its_key(option: str, value: str) -> None:
    with raises_at(ConfigurationError, option):
        SourceOptions(**{option: value})


def test_option_of_another_kind_of_file_raises(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("job_id\n1\n")
    with raises_at(ConfigurationError, "sheet", path=str(tmp_path / "a.csv")):
        read_source(tmp_path / "a.csv", options=SourceOptions(sheet="x"))


def test_header_of_another_length_raises(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n")
    with raises_data("number of fields", path=str(tmp_path / "a.csv"), line=1):
        read_source(tmp_path / "a.csv", options=SourceOptions(header=("a",)))


@pytest.mark.parametrize("content", [gzip.compress(b"job_id\n1\n" * 99, mtime=0)[:-9], b"job_id\n1\n"])
def test_damaged_gzip_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv.gz").write_bytes(content)
    with raises_data("unreadable", path=str(tmp_path / "a.csv.gz")):
        read_source(tmp_path / "a.csv.gz")


def test_blank_and_duplicate_names_get_unique_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("job_id,,x,x,\n1,2,3,4,5\n")
    raw = read_source(tmp_path / "a.csv")
    assert list(raw.frame) == ["job_id", "column 2", "x (1)", "x (2)", "column 5"]
    raw.require_single(["job_id"])
    with raises_data("duplicate column", column="x"):
        raw.require_single(["x"])


PIECE = st.sampled_from(
    ["a", "1", " ", "", "é", "居", ",", ";", "\n", "\r\n", "\r", '"', '""', "\0", "\u2028", "\ufeff"]
)


@pytest.mark.parametrize("examples", [30, pytest.param(3000, marks=pytest.mark.long)])
def test_fast_and_exact_path_give_equal_rows(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "a.csv"

    @settings(max_examples=examples, deadline=None)
    @given(st.lists(PIECE, max_size=20), st.sampled_from(["a,b\n", "a\n", "\ufeffa,b\r\n", "\na,b\n"]))
    def check(pieces: list[str], header: str) -> None:
        path.write_bytes((header + "".join(pieces)).encode())
        options = SourceOptions(delimiter=",")
        layout = read_layout(path, options)
        try:
            exact = read_by_csv(path, "a.csv", layout)
        except DataError:
            with pytest.raises(DataError):
                read_delimited_text(path, "a.csv", options)
            return
        fast = read_delimited_text(path, "a.csv", options)
        pd.testing.assert_frame_equal(fast.frame, exact.frame)
        assert np.array_equal(fast.rows, exact.rows)
        assert np.array_equal(fast.source, exact.source)
        assert fast.unreadable == exact.unreadable

    check()


def test_gzip_of_implausible_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_encoding, "MAX_UNPACKED", 10_000)
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"job_id,title\n1," + b"x" * 3_000_000)
    with raises_data("too large", path=str(path)):
        read_source(path)
    with gzip.open(path, "wb") as file:
        file.write(b"job_id,title\n" + "".join(f"{n},{n**7}\n" for n in range(5_000)).encode())
    assert len(read_source(path).frame) == 5_000


def test_pipe_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with raises_data("not a regular file", path=str(tmp_path / "a.csv")):
        read_source(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"PK\x03\x04x", "Excel or zip"),
        (gzip.compress(b"job_id\n1\n", mtime=0), "gzip"),
        (b"PAR1x", "Parquet"),
        (b"SQLite format 3\0", "SQLite"),
    ],
)
def test_other_format_with_a_name_of_text_raises(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with raises_data("unknown format", path=str(tmp_path / "a.csv"), value=found):
        read_source(tmp_path / "a.csv")
