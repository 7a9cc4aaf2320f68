"""Times in formats, units and zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoring.importing.time_parser import check_format, check_zone, parse_times

TOKYO = "Asia/Tokyo"


def parse_one(value: Any, *formats: str, unit: str | None = None, zone: str | None = None) -> str | None:
    """Return the time as text, or None if the value is invalid."""
    found = parse_times(pd.Series([value, None], dtype=object), formats, unit, zone)
    assert found.values.dtype == "datetime64[us, UTC]"
    assert found.values.isna()[1]
    assert not found.invalid[1]
    assert found.values.isna()[0] == found.invalid[0]
    return None if found.invalid[0] else found.values[0].strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("value", "formats", "expected"),
    [
        ("6/30/2025 9:05", ("%m/%d/%Y %H:%M",), "2025-06-30 09:05:00"),
        ("06/30/2025 09:05", ("%m/%d/%Y %H:%M",), "2025-06-30 09:05:00"),
        (" 6/30/2025  9:05\u3000", ("%m/%d/%Y %H:%M",), "2025-06-30 09:05:00"),
        ("6/30/2025 9:05 PM", ("%m/%d/%Y %I:%M %p",), "2025-06-30 21:05:00"),
        ("30.06.2025", ("%d.%m.%Y",), "2025-06-30 00:00:00"),
        ("30.6.2025", ("%d.%m.%Y",), "2025-06-30 00:00:00"),
        ("2025年6月30日", ("%Y年%m月%d日",), "2025-06-30 00:00:00"),
        ("２０２５年６月３０日", ("%Y年%m月%d日",), "2025-06-30 00:00:00"),
        ("2025年6月30日 午後3時05分", ("%Y年%m月%d日 %p%I時%M分",), "2025-06-30 15:05:00"),
        ("20250603090500", ("%Y%m%d%H%M%S",), "2025-06-03 09:05:00"),
        (20250603090500, ("%Y%m%d%H%M%S",), "2025-06-03 09:05:00"),
        (20250603090500.0, ("%Y%m%d%H%M%S",), "2025-06-03 09:05:00"),
        ("03 Jun 2025", ("%d %b %Y",), "2025-06-03 00:00:00"),
        ("Tuesday, June 3, 2025", ("%A, %B %d, %Y",), "2025-06-03 00:00:00"),
        ("25154", ("%y%j",), "2025-06-03 00:00:00"),
        ("2025-06-03T09:05:00+0900", ("%Y-%m-%dT%H:%M:%S%z",), "2025-06-03 00:05:00"),
        ("2025-06-03 09:05:00.25", ("%F %T.%f",), "2025-06-03 09:05:00"),
        ("9999-12-31", ("%Y-%m-%d",), "9999-12-31 00:00:00"),
        ("30.06.2025", ("%m/%d/%Y", "%d.%m.%Y"), "2025-06-30 00:00:00"),
        ("2025-06-30", ("%d.%m.%Y", "iso"), "2025-06-30 00:00:00"),
        # the first format that fits is used
        ("1/2/2025", ("%m/%d/%Y", "%d/%m/%Y"), "2025-01-02 00:00:00"),
        ("13/2/2025", ("%m/%d/%Y", "%d/%m/%Y"), "2025-02-13 00:00:00"),
        # Excel's serial days
        (45811, ("excel",), "2025-06-03 00:00:00"),
        ("45811", ("excel",), "2025-06-03 00:00:00"),
        ("45811.3784722222", ("excel",), "2025-06-03 09:05:00"),
        (45811.5, ("excel",), "2025-06-03 12:00:00"),
        (1, ("excel",), "1900-01-01 00:00:00"),
        (59, ("excel",), "1900-02-28 00:00:00"),
        (61, ("excel",), "1900-03-01 00:00:00"),
        (44349, ("excel-1904",), "2025-06-03 00:00:00"),
        (0, ("excel-1904",), "1904-01-01 00:00:00"),
        (-1, ("excel-1904",), None),
        # cells that are times already
        (pd.Timestamp("2025-06-03 09:05"), ("%d.%m.%Y",), "2025-06-03 09:05:00"),
        (datetime(2025, 6, 3, 9, 5, tzinfo=UTC), ("excel",), "2025-06-03 09:05:00"),
        (date(2025, 6, 3), ("excel",), "2025-06-03 00:00:00"),
        (np.datetime64("2025-06-03T09:05"), ("excel",), "2025-06-03 09:05:00"),
        # invalid
        ("2025-06-30", ("%d.%m.%Y",), None),
        ("31.02.2025", ("%d.%m.%Y",), None),
        ("2025111", ("%Y%m%d",), None),
        ("6032025", ("%m%d%Y",), None),
        ("30.06.25", ("%d.%m.%Y",), None),
        ("30.06.2025 x", ("%d.%m.%Y",), None),
        ("soon", ("%d.%m.%Y", "excel", "iso"), None),
        (60, ("excel",), None),
        (0, ("excel",), None),
        (-5, ("excel",), None),
        (2958466, ("excel",), None),
        ("inf", ("excel",), None),
        (True, ("excel",), None),
    ],
)
def test_time_in_a_format(value: Any, formats: tuple[str, ...], expected: str | None) -> None:
    assert parse_one(value, *formats) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("881250949", "s", "1997-12-04 15:55:49"),
        (881250949, "s", "1997-12-04 15:55:49"),
        (881250949.0, "s", "1997-12-04 15:55:49"),
        ("８８１２５０９４９", "s", "1997-12-04 15:55:49"),
        ("881250949.75", "s", "1997-12-04 15:55:49"),
        ("881250949000", "ms", "1997-12-04 15:55:49"),
        (881250949000000, "us", "1997-12-04 15:55:49"),
        (0, "s", "1970-01-01 00:00:00"),
        ("-1", "s", "1969-12-31 23:59:59"),
        (253402300799, "s", "9999-12-31 23:59:59"),
        (253402300800, "s", None),
        ("881250949000", "s", None),
        ("2025-06-03", "s", None),
        ("inf", "s", None),
        (2**63 - 1, "us", None),
        (2**64 - 1, "us", None),
        (True, "s", None),
        (pd.Timestamp("2025-06-03"), "s", None),
    ],
)
def test_number_since_1970(value: Any, unit: str, expected: str | None) -> None:
    assert parse_one(value, unit=unit) == expected


def test_integers_since_1970_are_exact() -> None:
    numbers = pd.Series([9_007_199_254_740_993, None], dtype="Int64")  # beyond 2^53
    assert parse_times(numbers, unit="us").values[0].value % 10**9 == 740_993_000 % 10**9


@pytest.mark.parametrize(
    ("value", "formats", "zone", "expected"),
    [
        ("2025-06-03 09:05", (), TOKYO, "2025-06-03 00:05:00"),
        ("2025-06-03", (), TOKYO, "2025-06-02 15:00:00"),
        ("2025/6/3 9:05", ("%Y/%m/%d %H:%M",), TOKYO, "2025-06-03 00:05:00"),
        (45811.5, ("excel",), TOKYO, "2025-06-03 03:00:00"),
        (pd.Timestamp("2025-06-03 09:05"), (), TOKYO, "2025-06-03 00:05:00"),
        ("2025-06-03 09:05", (), "+09:00", "2025-06-03 00:05:00"),
        ("2025-06-03 09:05", (), "-0330", "2025-06-03 12:35:00"),
        # a stated zone has priority
        ("2025-06-03T09:05:00Z", (), TOKYO, "2025-06-03 09:05:00"),
        ("2025-06-03 09:05:00 UTC", (), TOKYO, "2025-06-03 09:05:00"),
        ("2025-06-03T09:05:00-07:00", (), TOKYO, "2025-06-03 16:05:00"),
        ("2025-06-03T09:05-07", (), TOKYO, "2025-06-03 16:05:00"),
        (pd.Timestamp("2025-06-03 09:05", tz="US/Pacific"), (), TOKYO, "2025-06-03 16:05:00"),
        # summer and winter
        ("2025-07-01 12:00", (), "Europe/Zurich", "2025-07-01 10:00:00"),
        ("2025-01-01 12:00", (), "Europe/Zurich", "2025-01-01 11:00:00"),
        # twice: the earlier one; not at all: moved forward by the missing hour
        ("2025-10-26 02:30", (), "Europe/Zurich", "2025-10-26 00:30:00"),
        ("2025-03-30 02:30", (), "Europe/Zurich", "2025-03-30 01:30:00"),
        ("2025-03-30 03:00", (), "Europe/Zurich", "2025-03-30 01:00:00"),
    ],
)
def test_local_times_are_converted(value: Any, formats: tuple[str, ...], zone: str, expected: str) -> None:
    assert parse_one(value, *formats, zone=zone) == expected


@pytest.mark.parametrize(("value", "zone"), [("0001-01-01", TOKYO), ("9999-12-31 23:59", "America/New_York")])
def test_times_outside_the_years_in_utc_are_invalid(value: str, zone: str) -> None:
    assert parse_one(value, zone=zone) is None


def test_ambiguous_and_missing_local_times_are_counted() -> None:
    times = pd.Series(["2025-10-26 02:30", "2025-10-26 02:59:59", "2025-10-26 03:00", "2025-03-30 02:30", None])
    notes = parse_times(times, zone="Europe/Zurich").notes
    assert sorted(notes.values()) == [1, 2]
    assert not parse_times(times, zone=TOKYO).notes


@pytest.mark.parametrize("text", ["", "dd.mm.yyyy", "%H:%M", "%Q %Y", "%Y %", "%Y-%Y", "%Y-%m-%d %I:%M", "%Y %Z", "%x"])
def test_invalid_formats_raise(text: str) -> None:
    with pytest.raises(ValueError):
        check_format(text)


@pytest.mark.parametrize("name", ["JST", "Tokyo", "+25:00", "+09:75", "", "../etc/passwd"])
def test_unknown_zones_raise(name: str) -> None:
    with pytest.raises(ValueError, match="zone"):
        check_zone(name)


ZONES = ["Asia/Tokyo", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Europe/Dublin"]
FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y%m%d%H%M%S",
    "%Y年%m月%d日 %H時%M分%S秒",
    "%j %y %T",
]

# a change of the clock, to within a day
changes = st.builds(
    lambda day, second: datetime(*day) + timedelta(seconds=second),
    st.sampled_from([(2025, 3, 30), (2025, 10, 26), (2025, 11, 2), (2025, 3, 9), (2025, 4, 6), (2025, 10, 5)]),
    st.integers(0, 86_399),
)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1)) | changes
inverse = given(st.lists(moments, min_size=1, max_size=20), st.sampled_from(ZONES), st.sampled_from(FORMATS))


def check_inverse(times: list[datetime], zone: str, text_format: str) -> None:
    """Compare with `datetime`, whose fold 0 is the rule for times that the zone does not define."""
    times = [time.replace(microsecond=0) for time in times]
    texts = pd.Series([time.strftime(text_format) for time in times])
    found = parse_times(texts, [text_format], zone=zone)
    expected = [time.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for time in times]
    assert found.values.dt.to_pydatetime().tolist() == expected
    assert not found.invalid.any()


@inverse
@settings(max_examples=40, deadline=None)
@example([datetime(2025, 4, 6, 1, 45), datetime(2025, 10, 5, 2, 15)], "Australia/Lord_Howe", FORMATS[0])
def test_parsing_inverts_formatting(times: list[datetime], zone: str, text_format: str) -> None:
    check_inverse(times, zone, text_format)


@pytest.mark.long
@inverse
@settings(max_examples=2_000, deadline=None)
def test_parsing_inverts_formatting_often(times: list[datetime], zone: str, text_format: str) -> None:
    check_inverse(times, zone, text_format)
