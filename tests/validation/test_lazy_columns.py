"""Lazy validation of single columns gives the same columns and errors as validation of the whole frame."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.columns import TABLES
from scoring.columns.dictionary_column import DictionaryColumn
from scoring.columns.types import (
    ACTIVE,
    CHOICE,
    CODE,
    COLUMN_TYPES,
    FLAG,
    ID,
    INTEGER,
    INTEGER_LIST,
    NORMAL_TEXT,
    NUMBER,
    TEXT,
    TIME,
    ColumnType,
)
from scoring.dataset import Dataset
from scoring.dataset.arrays import JobArrays, make_lazy_job_arrays
from scoring.dataset.vocabularies import extend_lazily, extend_vocabularies
from scoring.errors import DataError
from scoring.synthetic import make_market
from scoring.validation.lazy_columns import read_valid_frame
from scoring.validation.rejections import make_data_error
from scoring.validation.table_validator import check_lazily, normalise
from tests.support.errors import raises_with
from tests.support.example_counts import try_examples

WIDTHS = {"prefecture_code": 2}
N_ROWS = 20
DATASET = Dataset(make_market(20, 60, 200, seed=2).tables)
JOBS = DATASET.tables.jobs

Change = Callable[[pd.Series], Any]


def texts_with(text: str) -> Change:
    return lambda column: pd.concat([pd.Series([text], dtype="str"), column.iloc[1:].astype("str")]).array


def with_first(value: Any) -> Change:
    return lambda column: pd.Series([value, *column.astype(object).iloc[1:]], dtype=object).array


ANY: dict[str, Change] = {
    "as it is": lambda column: column.array,
    "objects": lambda column: column.astype(object).array,
    "a category": lambda column: column.astype("category").array,
    "all missing": lambda column: pd.Series([None] * len(column), dtype=object).array,
    "a list": with_first([1]),
    "an invalid text": with_first("x\0y"),
    "infinity": with_first(np.inf),
    "None": with_first(None),
}
TEXT_FORMS: dict[str, Change] = {
    "other storage": lambda column: column.astype(pd.StringDtype("python", na_value=np.nan)).array,
    "Arrow's": lambda column: column.astype(pd.ArrowDtype(pa.string())).array,
    "blank": texts_with(" \u3000\t"),
    "empty": texts_with(""),
    "spaces around": texts_with("\u30001 \n"),
    "a NUL": texts_with("a\0b"),
    "full width": texts_with("Ａ１\u200b"),
    "capitals": texts_with(" HourLY"),
    "a short code": texts_with("7.0"),
    "a new value": texts_with("new"),
    "in chunks": lambda column: pd.concat([column.iloc[:2], column.iloc[2:]], ignore_index=True).array,
    "a slice of more": lambda column: pd.concat([pd.Series(["a\0"], dtype="str"), column]).iloc[1:].array,
    "numbers": lambda column: np.arange(len(column)),
}
TYPED: dict[ColumnType, dict[str, Change]] = {
    ID: {
        "Int64": lambda column: column.astype("Int64").array,
        "floats": lambda column: column.astype("float64").array,
        "texts": lambda column: column.astype("str").array,
        "twice": lambda column: np.repeat(column.to_numpy()[:1], len(column)),
        "descending": lambda column: column.to_numpy()[::-1],
        "a fraction": with_first(1.5),
        "a text id": with_first("A-1"),
        "a leading zero": with_first("007"),
        "an exponent": with_first("1.5E+12"),
        "full-width digits": with_first("１２３４５６７"),
        "a header line": with_first("JOB_ID"),
        "a word for missing": with_first("null"),
        "a reserved number": with_first(-(2**52)),
        "text ids": lambda column: [f"J-{n}" for n in range(len(column))],
        "twice in normal form": lambda column: ["J-1", "Ｊ-1", *map(str, range(len(column) - 2))],
    },
    NUMBER: {
        "infinite": lambda column: np.append(np.full(len(column) - 1, 1.0), -np.inf),
        "Float64": lambda column: column.astype("Float64").array,
        "Arrow's": lambda column: column.astype(pd.ArrowDtype(pa.float64())).array,
        "texts": lambda column: column.astype("str").array,
    },
    INTEGER: {
        "floats": lambda column: column.astype("float64").array,
        "a new value": with_first(99_999),
        "unsigned": lambda column: np.full(len(column), 2**64 - 1, dtype=np.uint64),
    },
    FLAG: {
        "ints": lambda column: column.fillna(False).astype("int64").array,
        "plain": lambda column: column.fillna(False).to_numpy(bool),
        "two": lambda column: np.full(len(column), 2),
    },
    ACTIVE: {"nullable": lambda column: pd.array([None] + [True] * (len(column) - 1), dtype="boolean")},
    TIME: {
        "nanoseconds": lambda column: column.astype("datetime64[ns, UTC]").array,
        "no zone": lambda column: column.dt.tz_convert(None).array,
        "another zone": lambda column: column.dt.tz_convert("Asia/Tokyo").array,
        "far away": lambda column: pd.Series(np.full(len(column), 2**61).view("M8[us]")).dt.tz_localize("UTC").array,
        "the first": lambda column: pd.Series(np.full(len(column), "0001-01-01", "M8[us]")).dt.tz_localize("UTC").array,
    },
}
TYPED |= dict.fromkeys((TEXT, NORMAL_TEXT, CODE, CHOICE), TEXT_FORMS)
COLUMNS = TABLES["jobs"].columns


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Return rows of a market under any column names, with a few columns changed or removed."""
    rows = draw(st.lists(st.integers(0, len(JOBS) - 1), min_size=2, max_size=N_ROWS, unique=True))
    source = JOBS.iloc[rows]
    out = {}
    changed = draw(st.sets(st.sampled_from([column.name for column in COLUMNS]), max_size=3))
    for column in COLUMNS:
        if column.name not in changed:
            made = source[column.name].array
        else:
            ways = ANY | TYPED[column.type]
            if draw(st.integers(0, 4)) == 0 and not column.required:
                continue
            made = ways[draw(st.sampled_from(sorted(ways)))](source[column.name].reset_index(drop=True))
        out[draw(st.sampled_from((column.name, *column.aliases)))] = made
    index = draw(
        st.sampled_from([pd.RangeIndex(len(rows)), pd.Index(rows), pd.Index(list("aabbccddeeffgghhiijj")[: len(rows)])])
    )
    return pd.DataFrame(out).set_axis(index)


def the_long_way(frame: pd.DataFrame) -> pd.DataFrame | str:
    result = normalise("jobs", frame, code_width=WIDTHS)
    return str(make_data_error(result.rejections)) if len(result.rejections) else result.frame


def require_the_same(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Request the columns in the order of `names`, before a whole frame is built."""
    expected = the_long_way(frame)
    if isinstance(expected, str):
        with pytest.raises(DataError) as refused:
            check_lazily("jobs", frame, code_width=WIDTHS)
        assert str(refused.value) == expected
        return
    found = check_lazily("jobs", frame, code_width=WIDTHS)
    for name in names:
        np.testing.assert_array_equal(found.find_present(name), expected[name].notna())
        pd.testing.assert_series_equal(found.get_dictionary(name).series(), expected[name], check_names=False)
        pd.testing.assert_series_equal(found[name], expected[name], check_names=False)
    if not found.frame.equals(expected):  # a tenth of the time; it compares dtypes, too
        pd.testing.assert_frame_equal(found.frame, expected)
    assert type(found.frame.index) is type(expected.index)
    assert len(found) == len(expected)


@pytest.mark.parametrize(
    "column_type", [t for t in COLUMN_TYPES if t is not INTEGER_LIST and t in {column.type for column in COLUMNS}]
)
def test_every_type_in_every_dtype_equals_normalise(column_type: ColumnType) -> None:
    column = next(column for column in COLUMNS if column.type is column_type)
    for change in (ANY | TYPED[column_type]).values():
        frame = JOBS[["job_id"]].head(20)
        frame[column.name] = change(JOBS[column.name].head(20))
        require_the_same(frame, [column.name])


@given(frame=frames(), backwards=st.booleans())
@settings(max_examples=6, deadline=None)
def test_columns_and_rejections_equal_normalise(frame: pd.DataFrame, backwards: bool) -> None:
    require_the_same(frame, [column.name for column in COLUMNS][:: -1 if backwards else 1])


@pytest.mark.long
@given(frame=frames(), backwards=st.booleans())
@settings(max_examples=200, deadline=None)
def test_columns_and_rejections_equal_in_many_cases(frame: pd.DataFrame, backwards: bool) -> None:
    require_the_same(frame, [column.name for column in COLUMNS][:: -1 if backwards else 1])


def make_new_users() -> pd.DataFrame:
    """Return users with values that the dataset and its jobs do not contain."""
    users = DATASET.tables.users.head(4)
    codes = pd.Series(["99", None, "13", "98"], dtype="str")
    return users.assign(prefecture_code=codes, city_code=codes, preferred_occupations=[[98], [], [101, 97], [98]])


@try_examples(6, 60, frame=frames(), users=st.sampled_from([None, make_new_users()]))
def test_lazy_arrays_equal_those_of_the_whole_frame(frame: pd.DataFrame, users: pd.DataFrame | None) -> None:
    expected = the_long_way(frame)
    if isinstance(expected, str):
        return
    found = check_lazily("jobs", frame, code_width=WIDTHS)
    lazy, eager = extend_lazily(DATASET.words, found, users), extend_vocabularies(DATASET.words, expected, users)
    arrays, others = make_lazy_job_arrays(found, lazy), JobArrays.encode(expected, eager)
    assert len(arrays) == len(others)
    for name in ("company", "place", "major", "hourly", "employment_type", "has_address", "active", "posted_at"):
        assert getattr(arrays, name).dtype == getattr(others, name).dtype
        np.testing.assert_array_equal(getattr(arrays, name), getattr(others, name))
    for name in ("prefecture", "city", "place", "occupation", "major", "company"):
        pd.testing.assert_index_equal(getattr(lazy, name).values, getattr(eager, name).values)
    np.testing.assert_array_equal(lazy.majors(), eager.majors())


def test_new_occupation_has_no_major_group() -> None:
    found = check_lazily("jobs", JOBS.head(3).assign(occupation_code=[99_999, 101, 99_998]))
    lazy, eager = extend_lazily(DATASET.words, found), extend_vocabularies(DATASET.words, found.frame, None)
    np.testing.assert_array_equal(lazy.majors(), eager.majors())
    np.testing.assert_array_equal(make_lazy_job_arrays(found, lazy).major, JobArrays.encode(found.frame, eager).major)
    assert len(lazy.majors()) == len(DATASET.words.majors()) + 2


def test_valid_frame_is_accepted_without_normalise() -> None:
    """Without this, the comparison above would compare the slow path with itself."""
    for frame in (JOBS, JOBS.rename(columns={"company_id": "endcl_cd"}).sample(frac=1, random_state=0), JOBS.head(0)):
        assert read_valid_frame("jobs", frame, WIDTHS) is not None
    assert read_valid_frame("jobs", JOBS.assign(title="a\0b"), WIDTHS) is None
    assert read_valid_frame("users", DATASET.tables.users) is not None


@pytest.mark.parametrize("table", ["actions", "prefectures", "job_factors"])
def test_tables_without_an_id_are_normalised(table: str) -> None:
    frame = {
        "actions": DATASET.tables.actions,
        "prefectures": DATASET.tables.prefectures,
        "job_factors": pd.DataFrame({"job_id": [1], "f0": [0.5]}),
    }[table]
    assert read_valid_frame(table, frame) is None
    pd.testing.assert_frame_equal(check_lazily(table, frame).frame, normalise(table, frame).frame)


def test_invalid_arrow_text_is_not_accepted() -> None:
    """Other programs may write such files."""
    starts, data = np.array([0, 2], dtype=np.int64), np.array([0xC3, 0x28], dtype=np.uint8)
    broken = pa.LargeStringArray.from_buffers(1, pa.py_buffer(starts), pa.py_buffer(data))
    frame = JOBS.head(1).assign(title=pd.Series(pd.array(broken, dtype="str")))
    with pytest.raises(pa.ArrowInvalid):
        normalise("jobs", frame)
    with pytest.raises(pa.ArrowInvalid):
        check_lazily("jobs", frame)


def test_lazy_arrays_are_computed_once_and_can_be_copied() -> None:
    found = check_lazily("jobs", JOBS)
    arrays = make_lazy_job_arrays(found, extend_lazily(DATASET.words, found))
    assert "company" not in vars(arrays)
    assert arrays.company is arrays.company
    for other in (copy.copy(arrays), copy.deepcopy(arrays)):
        np.testing.assert_array_equal(other.place, DATASET.jobs.place)
    part = arrays.take(np.array([3, 1]))
    np.testing.assert_array_equal(part.hourly, DATASET.jobs.hourly[[3, 1]])
    with raises_with(AttributeError, name="wages"):
        _ = arrays.wages  # type: ignore[attr-defined]


@pytest.mark.parametrize("length", [0, 4, 400])
def test_dictionary_equals_the_column(length: int) -> None:
    column = pd.Series((["b", None, "a", "b"] * 100)[:length], dtype="str", index=range(7, 7 + length))
    coded = DictionaryColumn.of(column)
    pd.testing.assert_series_equal(coded.series(), column.reset_index(drop=True))
    assert length < 400 or coded.values.tolist() == ["b", "a"]
