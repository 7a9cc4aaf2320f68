"""Messages about codes that were padded with zeros, because a spreadsheet had removed them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.city_code_padding import PaddedCities
from scoring.columns.series_functions import CoercedColumn
from scoring.columns.text_normalisation import normalise_value

__all__ = ["describe_padded_cities", "describe_padded_codes", "describe_short_codes"]


def describe_padded_codes(
    name: str, values: pd.Series, coerced: CoercedColumn, width: int | None, place: NDArray[np.int64] | None = None
) -> dict[str, int]:
    """Return message → number of padded codes of a column; empty if no code was padded.

    Parameters
    ----------
    values: the codes in the source.
    place: (n,) the position in `values` of each row's code, -1 if it is missing; None: one row per value.
    """
    if coerced.padded is None:
        return {}
    first = int(np.argmax(coerced.padded))
    number = int(coerced.padded.sum()) if place is None else int(np.append(coerced.padded, False)[place].sum())
    code, given = coerced.values.iloc[first], str(values.iloc[first])
    return {f"{name}: padded to {width} digits, such as {code!r} from {given!r}": number}


def describe_short_codes(name: str, stored: pa.Array, width: int | None) -> dict[str, int]:
    """Return the message of `describe_padded_codes` for the stored codes of a database."""
    if width is None:
        return {}
    short = [value for value in pc.unique(stored).to_pylist() if _is_short(value, width)]
    if not short:
        return {}
    padded = stored.filter(pc.is_in(stored, pa.array(short, type=stored.type)))
    first = padded[0].as_py().strip()
    return {f"{name}: padded to {width} digits, such as {first.zfill(width)!r} from {first!r}": len(padded)}


def describe_padded_cities(codes: pd.Series, found: PaddedCities, width: int | None) -> dict[str, int]:
    """Return message → number of city codes that were padded, and of those that are short and were not."""
    notes: dict[str, int] = {}
    for mask, what in ((found.padded, f"padded to {width} digits"), (found.short, f"not padded to {width} digits")):
        if mask.any():
            notes[f"city_code: {what}, such as {str(codes[mask].iloc[0])!r}"] = int(mask.sum())
    return notes


def _is_short(value: Any, width: int) -> bool:
    text = normalise_value(value) or ""
    return text.isascii() and text.isdigit() and len(text) < width
