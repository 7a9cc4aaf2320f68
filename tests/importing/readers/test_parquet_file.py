"""Parquet files and folders of parts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scoring.importing.readers import read_source
from tests.support.errors import raises_data


def test_named_index_is_a_column_and_unnamed_index_is_not(tmp_path: Path) -> None:
    frame = pd.DataFrame({"fee": [1, 2, 3]}, index=pd.RangeIndex(5, 11, 2, name="job_id"))
    frame.to_parquet(tmp_path / "range.parquet")
    frame.set_index(pd.Index([5, 7, 9], name="job_id")).to_parquet(tmp_path / "named.parquet")
    for name in ("range.parquet", "named.parquet"):
        raw = read_source(tmp_path / name)
        assert sorted(raw.frame) == ["fee", "job_id"]
        assert raw.frame["job_id"].tolist() == [5, 7, 9]
    frame.reset_index().set_index(pd.Index(["x", "y", "z"])).to_parquet(tmp_path / "unnamed.parquet")
    assert sorted(read_source(tmp_path / "unnamed.parquet").frame) == ["fee", "job_id"]


def test_integers_stay_exact_beside_missing_values(tmp_path: Path) -> None:
    big = 2**53 + 1
    pq.write_table(pa.table({"job_id": pa.array([big, None]), "u": pa.array([1, None], pa.uint8())}), tmp_path / "a.pq")
    frame = read_source(tmp_path / "a.pq").frame
    assert frame["job_id"][0] == big
    assert frame["job_id"].isna().tolist() == [False, True]
    assert frame["u"].isna().tolist() == [False, True]


def test_duplicate_columns_do_not_stop_reading(tmp_path: Path) -> None:
    table = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["job_id", "x", "x"])
    pq.write_table(table, tmp_path / "a.parquet")
    raw = read_source(tmp_path / "a.parquet")
    assert list(raw.frame) == ["job_id", "x (1)", "x (2)"]
    with raises_data("duplicate column", column="x"):
        raw.require_single(["x"])


def test_folder_of_parts_gives_all_rows_with_partition_columns(tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    for place, month in enumerate(["2025-05", "2025%2D06", "__HIVE_DEFAULT_PARTITION__"]):
        part = folder / f"month={month}"
        part.mkdir(parents=True)
        pq.write_table(pa.table({"job_id": [place * 2, place * 2 + 1]}), part / "part-0.parquet")
    (folder / "_SUCCESS").touch()
    raw = read_source(folder)
    by_month = raw.frame.groupby("month", dropna=False)["job_id"].apply(list).to_dict()
    assert {str(month): ids for month, ids in by_month.items()} == {"2025-05": [0, 1], "2025-06": [2, 3], "nan": [4, 5]}
    assert raw.rows.tolist() == [1, 2] * 3
    assert raw.source[-1] == "month=__HIVE_DEFAULT_PARTITION__/part-0.parquet"


def test_flat_folder_concatenates_parts_of_one_kind(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("job_id,fee\n3,1\n")
    (tmp_path / "a.csv").write_text("job_id\n1\nx,y\n2\n")
    raw = read_source(tmp_path)
    assert raw.frame["job_id"].tolist() == ["1", "2", "3"]
    assert [(name, line) for name, line, *_ in raw.unreadable] == [("a.csv", 3)]
    (tmp_path / "c.parquet").touch()
    with raises_data("several formats", path=str(tmp_path), value="c.parquet"):
        read_source(tmp_path)


def test_empty_folder_raises(tmp_path: Path) -> None:
    with raises_data("empty folder", path=str(tmp_path)):
        read_source(tmp_path)


def test_bytes_that_are_utf8_are_text(tmp_path: Path) -> None:
    table = pa.table({"job_id": [b"J-1", "求".encode()], "title": [b"a", b"\xff"]})
    pq.write_table(table, tmp_path / "a.parquet")
    frame = read_source(tmp_path / "a.parquet").frame
    assert frame["job_id"].tolist() == ["J-1", "求"]
    assert frame["title"].tolist() == [b"a", b"\xff"]
