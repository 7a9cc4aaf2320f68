"""Amounts of money in texts, and their units of pay."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.importing.money_amount_parser import Amount, NumberNotation, parse_amount, read_unit

ENGLISH = NumberNotation()
GERMAN = NumberNotation(",", ".")
SWISS = NumberNotation(".", "'")
FRENCH = NumberNotation(",", " ")
PLAIN = NumberNotation(".", "")


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("$31.20/hr", 31.2, 31.2, "hour"),
        ("時給1,200円～1,500円", 1200, 1500, "hour"),
        ("時給1,200円〜時給1,500円", 1200, 1500, "hour"),
        ("52k/yr", 52_000, 52_000, "year"),
        ("50-60k", 50_000, 60_000, None),
        ("45000-50k", 45_000, 50_000, None),
        ("$50,000 - $60,000 per year", 50_000, 60_000, "year"),
        ("USD 20.00 – USD 25.50 an hour", 20, 25.5, "hour"),
        ("between 20 and 25", 20, 25, None),
        ("１，２００円", 1200, 1200, None),
        ("25~30万円", 250_000, 300_000, None),
        ("月給25万5千円", 255_000, 255_000, "month"),
        ("1億2000万円", 120_000_000, 120_000_000, None),
        ("日給1万円", 10_000, 10_000, "day"),
        ("年俸400万円〜600万円", 4_000_000, 6_000_000, "year"),
        ("1200円/時", 1200, 1200, "hour"),
        ("1200円〜", 1200, 1200, None),
        ("up to $20", 20, 20, None),
        ("1500~1200", 1200, 1500, None),
        ("$.50", 0.5, 0.5, None),
        ("1.5e3", 1500, 1500, None),
        ("1,00,000", 100_000, 100_000, None),
        ("$52,000 p.a.", 52_000, 52_000, "year"),
        ("Rs. 500/day", 500, 500, "day"),
        ("$900 weekly", 900, 900, "week"),
        # the numbers without a currency are not amounts
        ("$20/hr, 40 hours per week", 20, 20, "hour"),
        ("$20/hr + 401k", 20, 20, "hour"),
        ("時給1200〜1500円、週3日、8時間", 1200, 1500, "hour"),
        ("$20/hr from 6.30.2025", 20, 20, "hour"),
        ("$20/hr ($20.00 per hour)", 20, 20, "hour"),
        ("A4 20", 20, 20, None),
        # units that contradict each other
        ("20, weekly or monthly", 20, 20, None),
        # signs
        ("-5", -5, -5, None),
        ("−5", -5, -5, None),
        ("-$5", -5, -5, None),
        # negative amounts of accounting
        ("(5.00)", -5, -5, None),
        (" ( $1,200.50 ) ", -1200.5, -1200.5, None),
        ("$(5)", -5, -5, None),
        ("(5) EUR", -5, -5, None),
        ("（1,200円）", -1200, -1200, None),
        ("△1,200円", -1200, -1200, None),
        ("▲ 5", -5, -5, None),
        ("(5) hours", 5, 5, None),
        ("(20-30)", 20, 30, None),
        ("$-5", -5, -5, None),
        ("20$-25$", 20, 25, None),
        ("$20 -$25", 20, 25, None),
        ("-10 - -5", -10, -5, None),
        ("時給-1200", 1200, 1200, "hour"),
    ],
)
def test_amount_of_a_text(text: str, low: float, high: float, unit: str | None) -> None:
    assert parse_amount(text, ENGLISH) == Amount(low, high, unit)


@pytest.mark.parametrize(
    ("text", "notation", "value"),
    [
        ("1.200,50 €", GERMAN, 1200.5),
        ("1.200", GERMAN, 1200),
        ("1.200", ENGLISH, 1.2),
        ("1 234,56 €", FRENCH, 1234.56),
        ("1\u202f234 €", FRENCH, 1234),
        ("1\u00a0234 €", FRENCH, 1234),
        ("CHF 4'500.-", SWISS, 4500),
        ("4’500.50", SWISS, 4500.5),
        ("1200.50", PLAIN, 1200.5),
    ],
)
def test_amount_in_other_notations(text: str, notation: NumberNotation, value: float) -> None:
    amount = parse_amount(text, notation)
    assert isinstance(amount, Amount)
    assert (amount.low, amount.high) == (value, value)


@pytest.mark.parametrize(
    ("text", "notation", "problem"),
    [
        ("DOE", ENGLISH, "does not contain a number"),
        ("応相談", ENGLISH, "does not contain a number"),
        ("10% bonus", ENGLISH, "does not contain a number"),
        ("inf", ENGLISH, "does not contain a number"),
        ("$20 (¥3,000)", ENGLISH, "has several currencies"),
        ("20 EUR / 22 CHF", ENGLISH, "has several currencies"),
        ("20 hr 30", ENGLISH, "contains several amounts"),
        ("時給1,200円（深夜1,500円）", ENGLISH, "contains several amounts"),
        ("03-1234-5678", ENGLISH, "contains several amounts"),
        ("1,20", ENGLISH, "is not a number with the decimal mark '.' and thousands ','"),
        ("1.2.3", ENGLISH, "is not a number with the decimal mark '.' and thousands ','"),
        ("31.20", GERMAN, "is not a number with the decimal mark ',' and thousands '.'"),
        ("10 20", FRENCH, "is not a number with the decimal mark ',' and thousands ' '"),
        ("1,200", PLAIN, "is not a number with the decimal mark '.' and thousands ''"),
    ],
)
def test_text_without_one_amount_has_a_problem(text: str, notation: NumberNotation, problem: str) -> None:
    assert parse_amount(text, notation) == problem


def test_ends_of_a_range() -> None:
    amount = Amount(1200, 1500, None)
    assert [amount.get("low"), amount.get("high"), amount.get("mean")] == [1200, 1500, 1350]


@pytest.mark.parametrize(
    ("word", "unit"),
    [
        *((word, "hour") for word in ("H", "hr", "HOURLY", "per hour", "an hour", "時給", "時間給", "時", "/h")),
        *((word, "day") for word in ("daily", "per diem", "日給", "Day")),
        *((word, "week") for word in ("WEEKLY", "/wk", "週給")),
        *((word, "month") for word in ("monthly", "月給", "月")),
        *((word, "year") for word in ("YEARLY", "annual", "Per Annum", "年俸", "ｙｅａｒ")),
        *((word, None) for word in ("shift", "monthly/weekly", "", "m")),
    ],
)
def test_unit_of_a_word(word: str, unit: str | None) -> None:
    assert read_unit(word) == unit


notations = st.sampled_from([ENGLISH, GERMAN, SWISS, FRENCH, PLAIN])


def show(value: float, notation: NumberNotation, places: int) -> str:
    """Return a number as a person writes it in a notation."""
    text = f"{value:,.{places}f}".replace(",", "t").replace(".", notation.decimal)
    return text.replace("t", notation.thousands)


def check_inverse(low: int, extra: int, places: int, notation: NumberNotation, unit: str, frame: str) -> None:
    ends = [low / 10**places, (low + extra) / 10**places]
    shown = [show(end, notation, places) for end in ends]
    word = {"hour": "per hour", "day": "daily", "week": "/week", "month": "monthly", "year": "a year", "": ""}[unit]
    text = frame.format(*shown, word)
    if "{1}" not in frame:
        ends[1] = ends[0]
    assert parse_amount(text, notation) == Amount(ends[0], ends[1], unit or None), text


inverse = given(
    st.integers(0, 10**10),
    st.integers(0, 10**6),
    st.integers(0, 2),
    notations,
    st.sampled_from(["hour", "day", "week", "month", "year", ""]),
    st.sampled_from(["{0} {2}", "${0} {2}", "{0} – {1} {2}", "€{0} - €{1} {2}", "{0}円～{1}円 {2}", "pay: {0} {2}!"]),
)


@inverse
@settings(max_examples=60, deadline=None)
def test_parsing_inverts_formatting(
    low: int, extra: int, places: int, notation: NumberNotation, unit: str, frame: str
) -> None:
    check_inverse(low, extra, places, notation, unit, frame)


@pytest.mark.long
@inverse
@settings(max_examples=5_000, deadline=None)
def test_parsing_inverts_formatting_often(
    low: int, extra: int, places: int, notation: NumberNotation, unit: str, frame: str
) -> None:
    check_inverse(low, extra, places, notation, unit, frame)


@given(st.text("0123456789.,'- ~円$k万/hr%()時給e\u3000９", max_size=30) | st.text(max_size=30), notations)
@settings(max_examples=30, deadline=None)
def test_any_text_has_an_amount_or_a_problem(text: str, notation: NumberNotation) -> None:
    result = parse_amount(text, notation)
    assert isinstance(result, str) or result.low <= result.high
