"""Assertions about the attributes of expected errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from scoring.errors import DataError, DataReason, LocatedError, UnknownIdError

E = TypeVar("E", bound=LocatedError)
X = TypeVar("X", bound=Exception)


@contextmanager
def raises_at(
    error: type[E], *key: str, match: str | None = None, **attributes: Any
) -> Iterator[pytest.ExceptionInfo[E]]:
    """Expect an error with this key and with further attributes, such as `line=3`."""
    with pytest.raises(error, match=match) as raised:
        yield raised
    expected = {"key": key, **attributes}
    found = {name: getattr(raised.value, name) for name in expected}
    assert found == expected, raised.value


@contextmanager
def raises_with(error: type[X], *, match: str | None = None, **attributes: Any) -> Iterator[pytest.ExceptionInfo[X]]:
    """Expect an error with these attributes, such as `reason="locked"` or `errno=errno.ENOSPC`."""
    with pytest.raises(error, match=match) as raised:
        yield raised
    found = {name: getattr(raised.value, name) for name in attributes}
    assert found == attributes, raised.value


@contextmanager
def raises_same(error: Exception) -> Iterator[None]:
    """Expect this object, which the test itself raises inside the block."""
    with pytest.raises(type(error)) as raised:
        yield
    assert raised.value is error


@contextmanager
def raises_unknown(kind: str, unknown_id: int | str) -> Iterator[None]:
    """Expect an error about an unknown id, of a `user` or `job`."""
    with pytest.raises(UnknownIdError) as raised:
        yield
    assert (raised.value.kind, raised.value.unknown_id) == (kind, unknown_id), raised.value


@contextmanager
def raises_data(reason: DataReason, **attributes: Any) -> Iterator[pytest.ExceptionInfo[DataError]]:
    """Expect a data error with this reason and these attributes, such as `table="jobs"` or `line=3`."""
    with raises_with(DataError, reason=reason, **attributes) as raised:
        yield raised


def count_problems(error: DataError) -> dict[str, int]:
    """Return table → number of rows with a problem."""
    assert error.problems is not None, error
    return error.problems.groupby("table")["rows"].sum().to_dict()


@contextmanager
def raises_problem(table: str, column: str, *, match: str | None = None, **values: Any) -> Iterator[None]:
    """Expect an error about one problem, with these values of `DataError.problems`, such as `rows=3`."""
    with pytest.raises(DataError, match=match) as raised:
        yield
    assert raised.value.problems is not None, raised.value
    expected = {"table": table, "column": column, **values}
    found = raised.value.problems[list(expected)].to_dict("records")
    assert found == [expected], raised.value
