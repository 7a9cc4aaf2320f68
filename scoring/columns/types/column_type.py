"""The base class of column types."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.columns.series_functions import CoercedColumn, Mask, digest_texts, to_objects

__all__ = ["REGISTERED", "ColumnType"]


class ColumnType(ABC):
    """One type of column: its dtypes, and how values become canonical, are stored and are digested.

    A new type is one file with a subclass and one instance, which columns of `scoring.columns.TABLES` refer to.

    A canonical column has the dtype `dtype`. A coerced column has `coerced_dtype`, because it still contains rejected
    rows. `finish` converts it to a canonical column.
    """

    name: ClassVar[str]
    dtype: ClassVar[str]
    sql_type: ClassVar[str]
    """Name of the SQL type in `scoring.database.schema`: bigint, boolean, double, id, text."""
    stored_type: ClassVar[pa.DataType]
    """The Arrow type of the stored values of a database."""
    nullable: ClassVar[bool] = True
    """Whether a canonical column may have missing values."""
    coerced_dtype: ClassVar[str]
    _pandas_dtype: ClassVar[Any]
    _missing_value: ClassVar[Any]
    missing: ClassVar[Any] = np.nan
    """The missing value of a canonical column."""
    violation: ClassVar[str] = ""
    """The reason with which `violates` rejects a coerced value; empty if it rejects none."""
    is_text: ClassVar[bool] = False
    """Whether `coerce` may change (strip) texts that `accepts` considers valid."""
    has_few_values: ClassVar[bool] = False
    """Whether a column has few distinct values, so that each of them is converted once."""
    is_list: ClassVar[bool] = False
    compact: ClassVar[Literal["", "code", "flag"]] = ""
    """Which smaller dtypes `scoring.dataset.smaller_dtypes` uses: those of codes or flags; empty: by the dtype."""

    def __init_subclass__(cls) -> None:
        if "dtype" in cls.__dict__ and "coerced_dtype" not in cls.__dict__:
            cls.coerced_dtype = cls.dtype
        cls._pandas_dtype = pd.api.types.pandas_dtype(cls.dtype)
        coerced_dtype: Any = cls.coerced_dtype
        cls._missing_value = pd.array([None], dtype=coerced_dtype)

    def __repr__(self) -> str:
        return f"<column type {self.name}>"

    # types are compared by identity, so a copy is the same object

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _find_type, (type(self), self.name)

    # From any series

    @abstractmethod
    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        """Return the values of any series with a RangeIndex in the coerced dtype, and the problems of invalid ones.

        `width`: digits to which integer codes are padded.
        """

    def accepts(self, values: pd.Series) -> bool:
        """Return whether the dtype is canonical and a fast check finds every value valid.

        False does not mean invalid: `coerce` decides.
        """
        return bool(values.dtype == self._pandas_dtype) and self.accepts_values(values)

    def accepts_values(self, values: pd.Series) -> bool:
        """Return `accepts` for a series with the canonical dtype."""
        return False

    def keeps(self, values: pd.Series) -> bool:
        """Return whether accepted values are canonical as they are."""
        return True

    def violates(self, values: pd.Series) -> Mask:
        """Return (n,) bool: the coerced values that are invalid for the reason `violation`."""
        return np.zeros(len(values), dtype=bool)

    def finish(self, values: pd.Series) -> pd.Series:
        """Return a coerced column without invalid values as a canonical column."""
        return values

    def make_missing_coerced(self, length: int) -> pd.Series:
        """Return a coerced column in which every value is missing."""
        # a third of the time of `pd.Series(None, index=range(length), dtype=...)`
        return pd.Series(self._missing_value.take(np.zeros(length, dtype=np.intp)), copy=False)

    def make_missing(self, length: int) -> pd.Series:
        """Return a canonical column in which every value is missing."""
        return self.finish(self.make_missing_coerced(length))

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        """Return the canonical column of a few Python objects, or None if they need `coerce`. None is a missing value.

        `coerce` takes 0.5 ms per column in Arrow and pandas. With thirty columns, that is nearly all of the time of
        scoring one pair. Both give equal columns: `tests/facade/test_legacy_input.py`.
        """
        return self.make_column(values) if self.accepts_objects(values, width) else None

    def accepts_objects(self, values: Sequence[Any], width: int | None = None) -> bool:
        """Return whether `make_column` can convert the objects. False does not mean invalid: `coerce` decides."""
        return all(value is None or self.accepts_object(value, width) for value in values)

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        """Return whether an object other than None is a valid value in canonical form."""
        return False

    def make_column(self, values: Sequence[Any]) -> pd.Series:
        """Return the canonical column of objects that `accepts_objects` accepts."""
        return pd.Series(list(values), dtype=self.dtype)

    def parse_bound(self, value: Any) -> Any:
        """Return the limit of an import rule in a type that is comparable with canonical values.

        Raises
        ------
        TypeError, ValueError: If the value does not have the type of the column.
        """
        return str(value)

    # To and from a database

    def from_database(self, values: list[Any], width: int | None = None) -> pd.Series | None:
        """Return the canonical column of stored values, or None if a value does not conform to the schema.

        `width`: as in `coerce`.
        """
        array = self.to_array(values)
        return None if array is None else self.from_array(array, width)

    def to_array(self, values: list[Any]) -> pa.Array | None:
        """Return stored values as an Arrow array, or None if a value has another type."""
        # Arrow would drop the fraction of a float, and read bytes as text
        try:
            if pa.types.is_integer(self.stored_type):
                if pa.infer_type(values) not in (pa.int64(), pa.null()):  # a third of the time of a set of types
                    return None
            elif not pa.types.is_floating(self.stored_type) and not {float, bytes}.isdisjoint(map(type, values)):
                return None
            return pa.array(values, type=self.stored_type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
            return None

    def from_array(self, array: pa.Array, width: int | None = None) -> pd.Series | None:
        """Return the canonical column of an array of `to_array`, or None if a value does not conform to the schema."""
        return self.from_arrow(array) if self.conforms(array) else None

    def conforms(self, array: pa.Array) -> bool:
        """Return whether every value of an array of the stored type is valid."""
        return True

    @abstractmethod
    def from_arrow(self, array: pa.Array) -> pd.Series:
        """Return the canonical column of an array of the stored type for which `conforms` is true."""

    def decode(self, stored: pd.Series) -> CoercedColumn:
        """Return stored values as input for `coerce`, and the values that are invalid only in a database."""
        return CoercedColumn(stored)

    def to_readable(self, stored: Any) -> Any:
        """Return a stored value in the form that users expect."""
        return stored

    def to_database(self, values: pd.Series) -> list[Any]:
        """Return the values of a canonical column as a database stores them."""
        return to_objects(values)

    # Digests

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        """Add a canonical column to a digest. Only equal values give equal digests."""
        digest_texts(digest, name, values)


REGISTERED: dict[str, ColumnType] = {}
"""Name → the instance that columns refer to. `scoring.columns.types` fills it when it is imported."""


def _find_type(kind: type[ColumnType], name: str) -> ColumnType:
    """Return the registered type of a name; a new instance of a type that is not registered."""
    return REGISTERED.get(name) or kind()
