"""A frame is recognised if nothing has changed, and by no other way of writing to it than one that changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from scoring.facade.frame_equality import FrameContent

N = 40
Edit = Callable[[pd.DataFrame], pd.DataFrame | None]


def make_frame() -> pd.DataFrame:
    numbers = np.arange(N)
    texts = [f"text {n}" if n % 7 else None for n in numbers]
    return pd.DataFrame(
        {
            "job_id": numbers,
            "fee": numbers / 3,
            "flag": numbers % 2 == 0,
            "small": numbers.astype("int8"),
            "text": pd.Series(texts, dtype="str"),
            "other": pd.Series(texts, dtype=pd.StringDtype("python")),
            "objects": pd.Series(texts, dtype=object),
            "mixed": pd.Series([1, "1", None, 1.0, True, Decimal(1), datetime(2025, 1, 1, tzinfo=UTC)] * 6)[:N],
            "code": pd.array(numbers % 5, dtype="Int64"),
            "choice": pd.array(numbers % 2 == 1, dtype="boolean"),
            "kind": pd.Categorical([f"kind {n % 3}" for n in numbers]),
            "posted": pd.date_range("2025-01-01", periods=N, tz="UTC"),
            "naive": pd.date_range("2025-01-01", periods=N),
            "arrow": pd.Series(numbers * 1.5, dtype="double[pyarrow]"),
            "bits": pd.Series(numbers % 3 == 1, dtype="bool[pyarrow]"),
            "both": pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
        }
    )


def write(frame: pd.DataFrame, column: str, value: Any) -> None:
    frame.loc[3, column] = value


def write_numpy(values: np.ndarray, value: Any) -> None:
    """Write through a view, although pandas marks it as read-only."""
    values.setflags(write=True)
    values[3] = value


def write_arrow(frame: pd.DataFrame, column: str, buffer: int) -> None:
    memory = frame[column].array.__arrow_array__().chunk(0).buffers()[buffer]
    np.frombuffer(memory, dtype=np.uint8)[9] ^= 1


def swap_values(frame: pd.DataFrame) -> None:
    objects = frame["objects"].to_numpy()
    objects.setflags(write=True)
    objects[1], objects[2] = objects[2], objects[1]


def assign_array(frame: pd.DataFrame) -> None:
    frame["code"].array[3] = 77


def insert_again(frame: pd.DataFrame) -> None:
    frame.insert(0, "fee", frame.pop("fee"))


EDITS: dict[str, Any] = {
    **{
        f"loc of {name}": lambda frame, name=name, value=value: write(frame, name, value)
        for name, value in {
            **{"fee": 77.0, "job_id": 77, "flag": True, "small": 77, "text": "x", "other": "x", "objects": "x"},
            **{"mixed": "x", "code": 77, "choice": None, "kind": "kind 2", "posted": pd.Timestamp("2030", tz="UTC")},
            **{"naive": pd.NaT, "arrow": None, "bits": True, "both": "x"},
        }.items()
    },
    "isetitem": lambda frame: frame.isetitem(1, np.arange(N)),
    "iat": lambda frame: frame.iat.__setitem__((3, 1), 5.5),
    "at": lambda frame: frame.at.__setitem__((3, "text"), None),
    "array": assign_array,
    "view": lambda frame: write_numpy(frame["fee"].to_numpy(), 5.5),
    "values": lambda frame: write_numpy(np.asarray(frame["fee"].values), np.nan),
    "view of times": lambda frame: write_numpy(frame["posted"].array.view("i8"), 5),
    "view of objects": swap_values,
    "true instead of 1": lambda frame: write_numpy(frame["mixed"].to_numpy(), True),
    "equal number of another type": lambda frame: write_numpy(frame["mixed"].to_numpy(), 1),
    "memory of a mask": lambda frame: write_numpy(frame["code"].array._mask, True),
    "memory of codes": lambda frame: write_numpy(frame["kind"].array._codes, 1),
    "memory of text": lambda frame: write_arrow(frame, "text", 2),
    "memory of numbers": lambda frame: write_arrow(frame, "arrow", 1),
    "categories": lambda frame: frame.assign(kind=frame["kind"].cat.rename_categories({"kind 0": "x"})),
    "order of categories": lambda frame: frame.assign(kind=frame["kind"].cat.as_ordered()),
    "new column": lambda frame: frame.insert(2, "new", 1),
    "removed column": lambda frame: frame.drop(columns="text"),
    "name": lambda frame: frame.rename(columns={"fee": "wage"}),
    "order of columns": insert_again,
    "order of rows": lambda frame: frame.iloc[::-1],
    "row removed": lambda frame: frame.iloc[1:],
    "row repeated": lambda frame: frame.iloc[[0, *range(N)]].head(N),
    "type of numbers": lambda frame: frame.astype({"job_id": "float64"}),
    "type of equal width": lambda frame: frame.astype({"job_id": "uint64"}),
    "type of text": lambda frame: frame.astype({"text": object}),
    "unit of times": lambda frame: frame.assign(posted=frame["posted"].dt.as_unit("s")),
    "zone of times": lambda frame: frame.assign(posted=frame["posted"].dt.tz_convert("Asia/Tokyo")),
    "inplace": lambda frame: frame.replace({"fee": {0.0: 9.0}}, inplace=True),
    "update": lambda frame: frame.update(pd.DataFrame({"fee": [9.0]})),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_edited_frame_is_not_recognised(edit: Edit) -> None:
    frame = make_frame()
    content = FrameContent.of(frame)
    assert content is not None
    kept = content.copy()
    of_own = FrameContent.of(frame.copy())
    assert of_own is not None
    kept_with_own = of_own.copy(shared=content)  # copies only what both frames share
    assert kept is not None
    assert kept_with_own is not None
    assert kept.equals(content)
    assert kept_with_own.equals(content)
    edited = edit(frame)
    found = FrameContent.of(frame if edited is None else edited)
    assert found is None or not kept.equals(found)
    assert found is None or not kept_with_own.equals(found)


SAME: dict[str, Edit] = {
    "nothing": lambda frame: None,
    "copy": lambda frame: frame.copy(),
    "shallow copy": lambda frame: frame.copy(deep=False),
    "index": lambda frame: frame.set_index(pd.Index([f"r{n}" for n in range(N)])),
    "written back": lambda frame: write(frame, "fee", frame.loc[3, "fee"]),
    "all columns selected": lambda frame: frame[list(frame.columns)],
    "blocks": lambda frame: pd.concat([frame[[name]] for name in frame], axis=1),
    "attributes": lambda frame: frame.attrs.update(a=1),
}


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME)
def test_equal_frame_is_recognised(edit: Edit) -> None:
    frame = make_frame()
    content = FrameContent.of(frame)
    assert content is not None
    kept = content.copy()
    edited = edit(frame)
    found = FrameContent.of(frame if edited is None else edited)
    assert kept is not None
    assert found is not None
    assert kept.equals(found)
    assert kept.sample == found.sample


def test_array_of_the_caller_is_compared() -> None:
    """Frames may share the memory that they were made of, which the caller may change later."""
    fee, table = np.arange(5.0), np.arange(10.0).reshape(2, 5).T
    shared = pa.array(np.arange(5.0))
    for frame, memory in (
        (pd.DataFrame({"fee": fee}, copy=False), fee),
        (pd.DataFrame(table, columns=["a", "b"], copy=False), table),
        (pd.DataFrame({"a": pd.Series(pd.arrays.ArrowExtensionArray(shared))}), np.frombuffer(shared.buffers()[1])),
    ):
        content = FrameContent.of(frame)
        assert content is not None
        of_own = FrameContent.of(frame.copy())
        assert of_own is not None
        kept = of_own.copy(shared=content)
        assert kept is not None
        assert kept.equals(content)
        memory[0] = 99.0
        found = FrameContent.of(frame)
        assert found is not None
        assert not kept.equals(found)


def test_slices_are_compared_without_the_other_rows() -> None:
    frame = make_frame()
    for start in (0, 3, 8):
        content = FrameContent.of(frame.iloc[start : start + 9])
        assert content is not None
        kept = content.copy()
        assert kept is not None
        assert sum(part.memory.size for part in kept.parts) < 5_000
        write(frame, "text", f"changed {start}")  # row 3 is within the slice
        found = FrameContent.of(frame.iloc[start : start + 9])
        assert found is not None
        assert kept.equals(found) == (start > 3)


@pytest.mark.parametrize(
    "value", [["a"], {"a"}, np.array([1]), object(), bytearray(b"a"), (["a"],)], ids=lambda value: type(value).__name__
)
def test_mutable_objects_are_not_kept(value: Any) -> None:
    column = pd.Series(["x", value], dtype=object)
    content = FrameContent.of(pd.DataFrame({"a": column}))
    assert content is not None
    assert content.copy() is None


def test_address_of_a_freed_object_is_not_recognised() -> None:
    """An object may get the address of one that was freed. Kept contents keep theirs alive."""
    frame = pd.DataFrame({"a": pd.Series([f"value {n}" for n in range(1_000)], dtype=object)})
    content = FrameContent.of(frame)
    assert content is not None
    kept = content.copy()
    assert kept is not None
    values = frame["a"].to_numpy()
    values.setflags(write=True)
    for n in range(1_000):
        values[n] = f"VALUE {n}"
    found = FrameContent.of(frame)
    assert found is not None
    assert not kept.equals(found)


@pytest.mark.parametrize("dtype", ["period[D]", "interval[int64, right]", "Sparse[float64]"])
def test_other_types_have_no_content(dtype: str) -> None:
    values = {
        "period[D]": pd.period_range("2025-01-01", periods=3, freq="D"),
        "interval[int64, right]": pd.interval_range(0, 3),
        "Sparse[float64]": pd.arrays.SparseArray([0.0, 1.0, 0.0]),
    }[dtype]
    assert FrameContent.of(pd.DataFrame({"a": values})) is None
