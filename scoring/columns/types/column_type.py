"""What a column type knows of itself."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.columns.series import Coerced, Mask, digest_texts, objects_of

__all__ = ["ColumnType"]


class ColumnType(ABC):
    """One type of column: its dtypes, and how values become canonical, are stored and are digested.

    A new type is one file with a subclass and one instance of it, which columns of `scoring.columns.TABLES` refer to.
    A canonical column has the dtype `dtype`. A coerced one has `coerced_dtype`, because rejected rows are still in
    it, and `finish` makes it canonical.
    """

    name: ClassVar[str]
    dtype: ClassVar[str]
    sql: ClassVar[str]
    """The SQL type, as a word that `scoring.database.schema` knows: bigint, boolean, double, id, text."""
    stored: ClassVar[pa.DataType]
    """The Arrow type of the values that a database holds."""
    nullable: ClassVar[bool] = True
    """Whether a canonical column may have missing values."""
    coerced_dtype: ClassVar[str]
    _pandas_dtype: ClassVar[Any]
    missing: ClassVar[Any] = np.nan
    """The missing value of a canonical column."""
    violation: ClassVar[str] = ""
    """The reason for which `violates` rejects a coerced value; empty where no value is rejected."""
    is_text: ClassVar[bool] = False
    """Whether `coerce` strips and changes texts that `accepts` lets pass."""
    repeats: ClassVar[bool] = False
    """Whether a column has few different values, so that it is converted value by value."""
    is_list: ClassVar[bool] = False
    compact: ClassVar[Literal["", "code", "flag"]] = ""
    """The smaller dtypes that hold every value: those of codes, of flags, or those that its dtype suggests."""

    def __init_subclass__(cls) -> None:
        if "dtype" in cls.__dict__ and "coerced_dtype" not in cls.__dict__:
            cls.coerced_dtype = cls.dtype
        cls._pandas_dtype = pd.api.types.pandas_dtype(cls.dtype)

    def __repr__(self) -> str:
        return f"<column type {self.name}>"

    # From any series

    @abstractmethod
    def coerce(self, values: pd.Series, width: int | None = None) -> Coerced:
        """Return the values of any series with a RangeIndex in the nullable dtype, and what is wrong with the others.

        `width`: digits to pad whole-number codes to.
        """

    def accepts(self, values: pd.Series) -> bool:
        """Return whether `coerce` would find every value valid, by the dtype and one look over the memory.

        A series that is not accepted may still be valid.
        """
        return bool(values.dtype == self._pandas_dtype) and self.accepts_values(values)

    def accepts_values(self, values: pd.Series) -> bool:
        """`accepts`, of a series with the canonical dtype."""
        return False

    def violates(self, values: pd.Series) -> Mask:
        """Return which coerced values are invalid for `violation`."""
        return np.zeros(len(values), dtype=bool)

    def finish(self, values: pd.Series) -> pd.Series:
        """Return the canonical column of a coerced one without invalid values."""
        return values

    def empty(self, length: int) -> pd.Series:
        """Return a coerced column without values."""
        return pd.Series(None, index=range(length), dtype=self.coerced_dtype)

    def absent(self, length: int) -> pd.Series:
        """Return a canonical column without values."""
        return self.finish(self.empty(length))

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        """Return the canonical column of a few Python objects, None being missing; None where they need `coerce`.

        Coercing a column costs Arrow and pandas half a millisecond: nothing for a frame and, times thirty columns,
        nearly all of the time of a single pair. Both give the same: `tests/facade/test_legacy_objects.py`.
        """
        return None

    def bound(self, value: Any) -> Any:
        """Return a bound of a rule, to compare with canonical values. Raises TypeError, ValueError."""
        return str(value)

    # To and from a database

    def from_database(self, values: list[Any], width: int | None = None) -> pd.Series | None:
        """Return the canonical column of values as a database holds them.

        None where a value is not what the database's own table would hold. `width` as in `coerce`.
        """
        if pa.types.is_integer(self.stored) and float in set(map(type, values)):  # Arrow would cut the fraction off
            return None
        try:
            array = pa.array(values, type=self.stored)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
            return None
        return self.from_arrow(array) if self.holds(array) else None

    def holds(self, array: pa.Array) -> bool:
        """Return whether every value of an array of the stored type is valid."""
        return True

    @abstractmethod
    def from_arrow(self, array: pa.Array) -> pd.Series:
        """Return the canonical column of an array of the stored type that the type `holds`."""

    def decode(self, stored: pd.Series) -> Coerced:
        """Return objects as a database holds them as values to `coerce`, and what is invalid in a database alone."""
        return Coerced(stored)

    def readable(self, stored: Any) -> Any:
        """Return a value that a database holds as a reader expects it."""
        return stored

    def to_database(self, values: pd.Series) -> list[Any]:
        """Return the values of a canonical column as a database holds them."""
        return objects_of(values)

    # Digests

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        """Add a canonical column to a digest: equal digests for equal values alone."""
        digest_texts(digest, name, values)
