"""Times in the formats, units and zones that a mapping states."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.series_functions import (
    Mask,
    drop_missing_texts,
    get_dtype_letter,
    mask_present,
    read_texts,
    strip_texts,
    to_arrow_texts,
    to_mask,
    to_plain_dtype,
)
from scoring.columns.text_normalisation import normalise_texts
from scoring.columns.types import NUMBER, TIME

__all__ = ["FORMAT_NAMES", "UNITS", "ParsedTimes", "check_format", "check_zone", "parse_times"]

UNITS: Final = {"s": ("seconds", 1_000_000), "ms": ("milliseconds", 1_000), "us": ("microseconds", 1)}
"""Unit of a number → its name, and microseconds per unit."""

FORMAT_NAMES: Final = ("iso", "excel", "excel-1904")

DIGITS: Final = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "j": 3, "f": 6}
"""Directive of digits → the number of its digits."""

OTHERS: Final = {
    "b": "[A-Za-z]+",
    "B": "[A-Za-z]+",
    "a": "[A-Za-z]+",
    "A": "[A-Za-z]+",
    "p": "[AaPp][Mm]",
    "z": "(?:Z|[+-][0-9]{2}:?[0-9]{2})",
    "%": "%",
}
ABBREVIATIONS: Final = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%D": "%m/%d/%y", "%R": "%H:%M"}

# a time of day, followed by a zone
ISO_ZONE: Final = r"[0-9][T ][0-9:.]+ ?(Z|z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$"

EPOCH: Final = np.datetime64(0, "us")
EXCEL_EPOCH: Final = int(np.datetime64("1899-12-30", "us").astype(np.int64))
DAYS_TO_1904: Final = 1_462
"""Excel's day number of 1904-01-01, which is day 0 of the date system of 1904."""

MICROSECONDS_PER_DAY: Final = 86_400_000_000
FIRST: Final = int(np.datetime64("0001-01-01", "us").astype(np.int64))
LAST: Final = int(np.datetime64("9999-12-31T23:59:59.999999", "us").astype(np.int64))
LAST_SERIAL: Final = 2_958_466  # 10000-01-01


@dataclass
class ParsedTimes:
    """Times in UTC, the cells that are not times, and the local times that a zone does not define.

    Attributes
    ----------
    values: datetime64[us, UTC].
    invalid: (n,) cells that are present and not a time.
    reason: why they are invalid.
    notes: message → number of local times that do not exist, or occur twice, in the zone.
    """

    values: pd.Series
    invalid: Mask
    reason: str
    notes: Counter[str] = field(default_factory=Counter)


def parse_times(
    column: pd.Series, formats: Sequence[str] = (), unit: str | None = None, zone: str | None = None
) -> ParsedTimes:
    """Return the times of a column.

    Parameters
    ----------
    formats: tried in order; by default `iso`. Cells that are times already are accepted.
    unit: of numbers since 1970, UTC.
    zone: of times that do not state one; UTC if None.
    """
    if unit is not None:
        return _parse_numbers(column, unit)
    plain = to_plain_dtype(column)
    times, is_local = _read_times(plain)
    waiting = mask_present(plain) & np.isnat(times)
    if waiting.any():
        array = _normalise(plain if waiting.all() else plain.where(pd.Series(waiting, index=plain.index)))
        waiting &= to_mask(pc.is_valid(array))
        for name in formats or ("iso",):
            found, found_local = _parse_texts(array, name)
            new = waiting & ~np.isnat(found)
            times[new], is_local[new] = found[new], found_local[new]
            waiting &= ~new
    notes: Counter[str] = Counter()
    if zone is not None:
        times = _to_utc(times, is_local, zone, notes)
        microseconds = times.view(np.int64)
        outside = ~np.isnat(times) & ((microseconds < FIRST) | (microseconds > LAST))  # in UTC, not in the zone
        waiting |= outside
        times = np.where(outside, np.datetime64("NaT"), times)
    stated = " or ".join(formats) if formats else "iso"
    values = pd.Series(times, index=column.index).dt.tz_localize("UTC")
    return ParsedTimes(values, waiting, f"is not a time in the format {stated}", notes)


def _parse_numbers(column: pd.Series, unit: str) -> ParsedTimes:
    """Integers are exact; fractions are rounded to microseconds."""
    name, factor = UNITS[unit]
    plain = to_plain_dtype(column)
    present = mask_present(plain)
    letter = get_dtype_letter(plain)
    numbers: NDArray[Any] | None = None
    if letter in "TO":
        texts = _normalise(plain)
        present = to_mask(pc.is_valid(texts))
        try:
            numbers = pc.fill_null(pc.cast(texts, pa.int64()), 0).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            plain = pd.Series(texts.to_pandas(), dtype="str")
    elif letter in "iu":
        numbers = plain.to_numpy(dtype=np.float64 if letter == "u" else np.int64, na_value=0)
    if numbers is None:
        numbers = NUMBER.coerce(plain).values.to_numpy(dtype=np.float64)
    limit_low, limit_high = FIRST // factor, LAST // factor
    with np.errstate(invalid="ignore"):
        valid = present & (numbers >= limit_low) & (numbers <= limit_high)
    safe = np.where(valid, numbers, 0)
    microseconds = safe * factor if safe.dtype == np.int64 else np.rint(safe * factor).astype(np.int64)
    times = microseconds.astype("datetime64[us]")
    times[~valid] = np.datetime64("NaT")
    values = pd.Series(times, index=column.index).dt.tz_localize("UTC")
    return ParsedTimes(values, present & ~valid, f"is not a number of {name} since 1970 in the years 1 to 9999")


def _normalise(plain: pd.Series) -> pa.LargeStringArray:
    """Return the normal form of texts and numbers; words for missing values are null."""
    texts = to_arrow_texts(plain) if get_dtype_letter(plain) == "T" else strip_texts(read_texts(plain)[0])
    texts = drop_missing_texts(normalise_texts(texts))
    return pc.replace_substring_regex(texts, r"^([0-9]+)\.0+$", r"\1")  # integers that were converted to floats


def _read_times(plain: pd.Series) -> tuple[NDArray[np.datetime64], Mask]:
    """Return the cells that are times already, and which of them do not state a zone."""
    times = np.full(len(plain), "NaT", dtype="datetime64[us]")
    is_local = np.zeros(len(plain), dtype=bool)
    if get_dtype_letter(plain) == "M":
        is_local[:] = plain.dt.tz is None
        naive = plain if plain.dt.tz is None else plain.dt.tz_convert("UTC").dt.tz_localize(None)
        return naive.to_numpy(dtype="datetime64[us]").copy(), is_local
    if get_dtype_letter(plain) == "O":
        for row, value in enumerate(plain.array):
            if isinstance(value, date | np.datetime64) and not pd.isna(value):
                stamp = pd.Timestamp(value)
                is_local[row] = stamp.tzinfo is None
                stamp = stamp if stamp.tzinfo is None else stamp.tz_convert("UTC").tz_localize(None)
                times[row] = stamp.to_datetime64()
    return times, is_local


def _parse_texts(texts: pa.Array, name: str) -> tuple[NDArray[np.datetime64], Mask]:
    """Return the times of texts in one format (NaT where they have another), and which do not state a zone."""
    if name in ("excel", "excel-1904"):
        return _parse_serials(texts, DAYS_TO_1904 if name == "excel-1904" else 0), np.ones(len(texts), dtype=bool)
    if name == "iso":
        values = TIME.coerce(pd.Series(pd.array(texts, dtype="str"))).values
        return _drop_utc(values), ~to_mask(pc.match_substring_regex(texts, ISO_ZONE))
    pattern, directives = _compile_format(name)
    texts = pc.replace_substring(pc.replace_substring(texts, "午前", "AM"), "午後", "PM")
    matches = pc.match_substring_regex(texts, pattern)
    is_local = np.full(len(texts), "%z" not in directives)
    if not pc.any(matches).as_py():  # pandas needs a millisecond
        return np.full(len(texts), "NaT", dtype="datetime64[us]"), is_local
    matching = pc.if_else(matches, texts, pa.scalar(None, pa.large_string()))
    series = pd.Series(pd.array(matching, dtype="str"))
    values = pd.to_datetime(series, format=directives, errors="coerce", utc=True)
    return _drop_utc(values), is_local


def _drop_utc(values: pd.Series) -> NDArray[np.datetime64]:
    return values.dt.as_unit("us").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")


def _parse_serials(texts: pa.Array, offset: int) -> NDArray[np.datetime64]:
    """Return the times of Excel's serial days, rounded to milliseconds as Excel shows them.

    `offset`: the serial day of day 0 of the date system.
    """
    days = NUMBER.coerce(pd.Series(pd.array(texts, dtype="str"))).values.to_numpy(dtype=np.float64) + offset
    with np.errstate(invalid="ignore"):
        # Excel counts 29 February 1900 as day 60, which did not exist
        valid = (days >= max(offset, 1)) & (days < LAST_SERIAL) & ~((days >= 60) & (days < 61))
    days = np.where(valid, days, 61)
    milliseconds = np.rint((days + (days < 60)) * (MICROSECONDS_PER_DAY / 1000)).astype(np.int64)
    times = (EXCEL_EPOCH + milliseconds * 1000).astype("datetime64[us]")
    times[~valid] = np.datetime64("NaT")
    return times


@lru_cache(maxsize=64)
def _compile_format(text: str) -> tuple[str, str]:
    """Return the regular expression of a format, and the format with the same normal form for pandas.

    `strptime` would accept 2025111 for %Y%m%d. Therefore directives that touch require all of their digits.
    """
    expanded = text
    for short, long in ABBREVIATIONS.items():
        expanded = expanded.replace(short, long)
    expanded = expanded.replace("午前", "AM").replace("午後", "PM")
    pieces = re.findall(r"%.|\s+|.", expanded)
    pattern = []
    for place, piece in enumerate(pieces):
        letter = piece[1:] if piece.startswith("%") and len(piece) == 2 else ""
        if letter in DIGITS:
            touches = any(
                0 <= other < len(pieces) and pieces[other][0] == "%" and pieces[other][1:] in DIGITS
                for other in (place - 1, place + 1)
            )
            width = DIGITS[letter]
            is_fixed = letter in "Yy" or (touches and letter != "f")
            pattern.append(f"[0-9]{{{width}}}" if is_fixed else f"[0-9]{{1,{width}}}")
        elif letter:
            pattern.append(OTHERS[letter])
        elif piece.isspace():
            pattern.append(r"\s+")
        else:
            pattern.append(re.escape(piece))
    return f"^{''.join(pattern)}$", expanded


def check_format(text: str) -> None:
    """Raise ValueError if a format is not a name of `FORMAT_NAMES` and does not define a date."""
    if text in FORMAT_NAMES:
        return
    expanded = text
    for short, long in ABBREVIATIONS.items():
        expanded = expanded.replace(short, long)
    directives = re.findall(r"%(.?)", expanded)
    example = f"Use directives such as %Y-%m-%d %H:%M:%S, or one of: {', '.join(FORMAT_NAMES)}."
    unknown = next((letter for letter in directives if letter not in DIGITS and letter not in OTHERS), None)
    if not [letter for letter in directives if letter != "%"]:
        raise ValueError(f"{text!r} has no directive. {example}")
    if unknown is not None:
        known = " ".join(f"%{letter}" for letter in (*DIGITS, *OTHERS))
        raise ValueError(f"{text!r} has the directive '%{unknown}', which is not known. Use one of: {known}.")
    repeated = next((letter for letter in directives if letter != "%" and directives.count(letter) > 1), None)
    if repeated is not None:
        raise ValueError(f"{text!r} has the directive '%{repeated}' twice. Keep one.")
    if not {"Y", "y"} & set(directives):
        raise ValueError(f"{text!r} does not have a year (%Y or %y). {example}")
    if "I" in directives and "p" not in directives:
        raise ValueError(f"{text!r} has hours of half a day (%I) without %p. Use %H, or add %p.")
    try:
        pd.to_datetime(pd.Series(["x"]), format=expanded, errors="coerce")
    except ValueError as error:
        raise ValueError(f"{text!r} is not valid: {error}. {example}") from None


@lru_cache(maxsize=64)
def check_zone(name: str) -> tzinfo:
    """Return the zone of a name of the time zone database, or of an offset such as +09:00. Raise ValueError."""
    if match := re.fullmatch(r"([+-])([0-9]{2}):?([0-9]{2})", name):
        minutes = int(match[2]) * 60 + int(match[3])
        if minutes < 24 * 60 and int(match[3]) < 60:
            return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    elif name in available_timezones():
        return ZoneInfo(name)
    raise ValueError(f"zone {name!r} does not exist. Use a name such as Asia/Tokyo, or an offset such as +09:00.")


def _to_utc(times: NDArray[np.datetime64], is_local: Mask, zone: str, notes: Counter[str]) -> NDArray[np.datetime64]:
    """Return local times in UTC. An ambiguous time is the earlier one; one that does not exist is moved forward.

    Both are the rule of PEP 495 with fold 0: the offset before the change of the clock applies.
    """
    target = check_zone(zone)
    chosen = is_local & ~np.isnat(times)
    local = times[chosen]
    if not len(local):
        return times
    day = np.timedelta64(1, "D")
    before = local - _find_offsets(local - day, target)  # the clock changes at most once in two days
    after = local - _find_offsets(local + day, target)
    is_before, is_after = (at + _find_offsets(at, target) == local for at in (before, after))
    result = np.where(is_before, before, np.where(is_after, after, before))
    both = is_before & is_after & (before != after)
    result[both] = np.minimum(before, after)[both]
    neither = ~is_before & ~is_after
    for mask, problem in (
        (both, f"local times occur twice in {zone}, because the clock was set back; the earlier one was taken"),
        (neither, f"local times do not exist in {zone}, because the clock was set forward; moved forward"),
    ):
        if mask.any():
            notes[problem] += int(mask.sum())
    times = times.copy()
    times[chosen] = result
    return times


def _find_offsets(times: NDArray[np.datetime64], zone: tzinfo) -> NDArray[np.timedelta64]:
    """Return the offset of a zone from UTC at times in UTC."""
    margin = 2 * MICROSECONDS_PER_DAY  # a zone cannot be applied outside the years 1 to 9999
    inside = np.clip(times.view(np.int64), FIRST + margin, LAST - margin).view("datetime64[us]")
    return pd.DatetimeIndex(inside).tz_localize("UTC").tz_convert(zone).tz_localize(None).to_numpy() - inside
