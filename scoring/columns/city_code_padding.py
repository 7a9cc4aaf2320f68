"""City codes that lost their leading zero in a spreadsheet. No reference table defines their width."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.series_functions import Mask, to_arrow_texts, to_mask, to_text_series

__all__ = ["PaddedCities", "find_city_width", "has_short_codes", "pad_cities", "pad_city_codes"]


@dataclass(frozen=True)
class PaddedCities:
    """City codes, and which of them were padded or are shorter than the width."""

    codes: pd.Series
    padded: Mask
    short: Mask


def find_city_width(columns: Iterable[pd.Series]) -> int | None:
    """Return the length of the longest city code of digits; None if there is none."""
    longest = (_find_longest(_combine(to_arrow_texts(codes))) for codes in columns)
    return max((width for width in longest if width is not None), default=None)


def pad_city_codes(codes: pd.Series, prefectures: pd.Series, width: int | None) -> PaddedCities | None:
    """Return the codes with a zero before each code of `width - 1` digits that then begins with its row's prefecture.

    `codes` and `prefectures` are canonical. None if no code of digits is shorter than the width.
    """
    texts = _combine(to_arrow_texts(codes))
    lengths = pc.binary_length(texts)
    if width is None or not pc.any(is_shorter := pc.less(lengths, width)).as_py():
        return None
    short = pc.and_(is_shorter, pc.ascii_is_decimal(texts))
    if not pc.any(short).as_py():
        return None
    zeroed = pc.utf8_lpad(texts, width, "0")
    regions = to_arrow_texts(prefectures).to_pylist()
    starts = [
        code is not None and region is not None and code.startswith(region)
        for code, region in zip(zeroed.to_pylist(), regions, strict=True)
    ]
    padded = to_mask(pc.and_(pc.equal(lengths, width - 1), short)) & starts
    values = pc.if_else(pa.array(padded), zeroed, texts)
    return PaddedCities(to_text_series(values), padded, to_mask(short) & ~padded)


def has_short_codes(codes: pd.Series, width: int) -> bool:
    """Return whether a canonical city code of digits is shorter than the width."""
    texts = _combine(to_arrow_texts(codes))
    short = pc.and_(pc.less(pc.binary_length(texts), width), pc.ascii_is_decimal(texts))
    return bool(pc.any(short).as_py())


def pad_cities(frame: pd.DataFrame, width: int | None) -> pd.DataFrame:
    """Return a canonical frame of users or jobs with the codes of `pad_city_codes`."""
    found = pad_city_codes(frame["city_code"], frame["prefecture_code"], width)
    return frame if found is None else frame.assign(city_code=found.codes)


def _find_longest(texts: pa.Array) -> int | None:
    lengths = pc.binary_length(texts)
    digits = pc.ascii_is_decimal(texts)
    if not pc.all(digits).as_py():  # nulls are ignored
        lengths = lengths.filter(digits)
    longest: int | None = pc.max(lengths).as_py()
    return longest


def _combine(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
