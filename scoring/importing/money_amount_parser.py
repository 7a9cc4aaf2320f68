"""Amounts of money in free text, and the unit of pay that the text states: `$31.20/hr`, `時給1,200円～1,500円`."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple

from scoring.columns.text_normalisation import normalise_text

__all__ = ["UNITS", "Amount", "NumberNotation", "RangeEnd", "find_currency", "parse_amount", "read_unit"]

RangeEnd = Literal["low", "high", "mean"]

THOUSANDS: Final = {",": ",", ".": r"\.", " ": " ", "'": "'", "_": "_", "": ""}

CURRENCIES: Final = {
    "$": r"US\$|\$|USD|dollars?|ドル",
    "¥": "¥|JPY|yen|円",
    "€": "€|EUR|euros?|ユーロ",
    "£": "£|GBP|pounds?",
    "other": r"[₩₹₫₱₪₺₴฿]|CHF|Fr\.?|CAD|AUD|NZD|HKD|SGD|CNY|RMB|KRW|INR|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|元"
    r"|kr\.?|zł|Kč",
}
CURRENCY: Final = "|".join(CURRENCIES.values())

SCALES: Final = {
    "k": 1e3, "thousand": 1e3, "千": 1e3, "万": 1e4, "萬": 1e4, "million": 1e6, "mio": 1e6, "百万": 1e6, "億": 1e8
}  # fmt: skip
SCALE: Final = r"(?:\s?(?P<scale>k(?![a-z])|thousand\b|million\b|mio\b|百万|[千万萬億]))?"

UNITS: Final = {
    "hour": r"(?:/|\bper|\ban?|\beach|\bp\.)\s*h(?:ou)?rs?\b|(?:/|\bper)\s*h\b|\bhourly\b|\bph\b|\bp\.?h\.|時間給|時給"
    r"|/\s*1?時間?|1?時間(?:あたり|当たり)|(?:/\s*|\bpro\s+)(?:Std\b|Stunde\b)|(?:/\s*|\bpar\s+)heure\b",
    "day": r"(?:/|\bper|\ba|\beach)\s*days?\b|(?:/|\bper)\s*d\b|\bdaily\b|\bper diem\b|日給|日当|日額|/\s*1?日"
    r"|(?:/\s*|\bpro\s+)Tag\b|(?:/\s*|\bpar\s+)jour\b",
    "week": r"(?:/|\bper|\ba|\beach)\s*(?:weeks?|wks?)\b|(?:/|\bper)\s*w\b|\bweekly\b|週給"
    r"|/\s*1?週間?|(?:/\s*|\bpro\s+)Woche\b",
    "month": r"(?:/|\bper|\ba|\beach)\s*(?:months?|mths?|mos?)\b|\bmonthly\b|月給|月収|月額"
    r"|/\s*1?(?:か月|ヶ月|ヵ月|カ月|月)"
    r"|(?:/\s*|\bpro\s+)Monat\b|(?:/\s*|\bpar\s+)mois\b",
    "year": r"(?:/|\bper|\ba|\beach)\s*(?:years?|yrs?)\b|(?:/|\bper)\s*y\b|\bper annum\b|\bp\.\s?a\.|\bpa\b|\byearly\b"
    r"|\bannual(?:ly)?\b|年俸|年収|年棒|/\s*1?年|(?:/\s*|\bpro\s+)Jahr\b|(?:/\s*|\bpar\s+)an\b",
}
"""Unit of pay → pattern of its words in a text about pay."""

BARE_UNITS: Final = {
    "hour": "hours?|hrs?|h|時間?",
    "day": "days?|日",
    "week": "weeks?|wks?|週",
    "month": "months?|mths?|mo|月",
    "year": "years?|yrs?|annum|年",
}
"""Unit of pay → pattern of the words that mean it in a column of units."""

SEPARATOR: Final = re.compile(r"(?:-|–|—|−|~|〜|\.\.\.?|…|to|and|bis|und|à|から)", re.IGNORECASE)
UNUSED: Final = re.compile(r"\b401\s?\(?k\)?", re.IGNORECASE)

_UNIT_PATTERNS: Final = {unit: re.compile(pattern, re.IGNORECASE) for unit, pattern in UNITS.items()}
_UNITS_AFTER: Final = {unit: re.compile(rf"[\s(]*(?:{pattern})", re.IGNORECASE) for unit, pattern in UNITS.items()}
_UNITS_BEFORE: Final = {
    unit: re.compile(rf"(?:{pattern})[\s:約は(]*$", re.IGNORECASE) for unit, pattern in UNITS.items()
}
_BARE_PATTERNS: Final = {
    unit: re.compile(rf"(?:(?:per|an?|each|/)\s*)?(?:{pattern})", re.IGNORECASE) for unit, pattern in BARE_UNITS.items()
}
_ANY_UNIT: Final = re.compile("|".join(UNITS.values()), re.IGNORECASE)
_PREFIX: Final = re.compile(
    rf"(?:(?P<outer>[-−]\s?)?(?<![A-Za-z])(?P<mark>{CURRENCY})\s*)?(?P<inner>[-−]\s?)?$", re.IGNORECASE
)
_CURRENCY_AFTER: Final = re.compile(rf"\s*({CURRENCY})(?![A-Za-z])", re.IGNORECASE)
_ANY_CURRENCY: Final = re.compile(rf"(?<![A-Za-z])({CURRENCY})(?![A-Za-z])", re.IGNORECASE)
_CURRENCY_PATTERNS: Final = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in CURRENCIES.items()}
_PLAIN_AMOUNT: Final = rf"(?:{CURRENCY})?\s*[0-9.][0-9.,'_ ]*(?:{CURRENCY})?"
_NEGATIVE: Final = re.compile(
    rf"(?P<before>{CURRENCY})?\s*\(\s*(?P<bracketed>{_PLAIN_AMOUNT})\s*\)\s*(?P<after>{CURRENCY})?"
    rf"|[△▲]\s*(?P<marked>{_PLAIN_AMOUNT})",
    re.IGNORECASE,
)
"""Negative amounts of accounting, which are the whole text: `(5.00)`, `$(5.00)`, `△1,200円`."""

_WORD_BETWEEN: Final = re.compile(rf"{CURRENCY}|約", re.IGNORECASE)


@dataclass(frozen=True)
class NumberNotation:
    """The decimal mark and the separator of thousands of a text."""

    decimal: str = "."
    thousands: str = ","

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return the pattern of one number. It matches all digits and marks that touch, also wrong ones."""
        space = " " if self.thousands == " " else ""
        return re.compile(
            rf"(?P<number>(?:[.,](?=[0-9]))?[0-9](?:[0-9.,'_{space}]*[0-9])?)(?P<exponent>e[+-]?[0-9]+(?![0-9a-z]))?{SCALE}",
            re.IGNORECASE,
        )

    def read(self, text: str) -> float:
        """Return the number of digits and marks; NaN if they are not a number in this notation."""
        decimal, thousands = re.escape(self.decimal), THOUSANDS[self.thousands]
        grouped = rf"[0-9]{{1,3}}(?:{thousands}[0-9]{{2,3}})*{thousands}[0-9]{{3}}|" if thousands else ""
        if not re.fullmatch(rf"(?:{grouped}[0-9]+)?(?:{decimal}[0-9]+)?", text):
            return math.nan
        return float((text.replace(self.thousands, "") if thousands else text).replace(self.decimal, "."))


class Amount(NamedTuple):
    """One amount or range in a text, and the unit of pay that the text states for it."""

    low: float
    high: float
    unit: str | None

    def get(self, end: RangeEnd) -> float:
        """Return one end of the range, or its mean."""
        return {"low": self.low, "high": self.high, "mean": (self.low + self.high) / 2}[end]


class _Token(NamedTuple):
    value: float
    scale: float
    begin: int
    end: int
    currency: str | None


def parse_amount(text: str, notation: NumberNotation) -> Amount | str:
    """Return the amount of a text, or the problem: a text that ends a sentence about the value.

    If numbers have a currency, other numbers are not amounts (`$20, 8 hours`). Two amounts form a range if only a
    separator is between them.

    Example
    -------
    >>> parse_amount("$31.20/hr", NumberNotation())
    Amount(low=31.2, high=31.2, unit='hour')
    >>> parse_amount("時給1,200円～1,500円", NumberNotation())
    Amount(low=1200.0, high=1500.0, unit='hour')
    >>> parse_amount("DOE", NumberNotation())
    'does not contain a number'
    """
    text = UNUSED.sub(lambda match: " " * len(match[0]), normalise_text(text).replace("’", "'"))
    if negative := _NEGATIVE.fullmatch(text.strip()):
        inner = negative["bracketed"] or negative["marked"]
        amount = parse_amount(f"{negative['before'] or ''}{inner}{negative['after'] or ''}", notation)
        return amount if isinstance(amount, str) else Amount(-amount.high, -amount.low, amount.unit)
    tokens = _find_tokens(text, notation)
    if not tokens:
        return "does not contain a number"
    ranges = [[tokens[0]]]
    for token in tokens[1:]:
        if _is_range(text[ranges[-1][-1].end : token.begin]):
            ranges[-1].append(token)
        else:
            ranges.append([token])
    priced = [cluster for cluster in ranges if any(token.currency for token in cluster)]
    currencies = {token.currency for token in tokens if token.currency}
    if len(currencies) > 1:
        return "has several currencies"
    chosen = priced or ranges
    limits = list({_find_limits(cluster): None for cluster in chosen})
    if len(limits) > 1 or any(len(cluster) > 2 for cluster in chosen):
        return "contains several amounts"
    low, high = limits.pop()
    if math.isnan(low):
        return f"is not a number with the decimal mark {notation.decimal!r} and thousands {notation.thousands!r}"
    return Amount(low, high, _find_unit(text, chosen[0][0].begin, chosen[0][-1].end))


def _find_tokens(text: str, notation: NumberNotation) -> list[_Token]:
    """Return the numbers of a text; those in another notation are NaN."""
    tokens: list[_Token] = []
    for match in notation.pattern.finditer(text):
        begin, end = match.span()
        prefix, after = _read_prefix(text[:begin]), _CURRENCY_AFTER.match(text, end)
        before = text[begin - 1 : begin]
        if prefix.mark is None and before.isascii() and before.isalpha():
            continue  # part of a word, such as A4
        if re.match(r"\s?[%％]", text[end:]):
            continue
        scale = SCALES[match["scale"].lower()] if match["scale"] else 1.0
        value = notation.read(match["number"]) * scale * prefix.sign
        if match["exponent"]:
            value *= 10.0 ** int(match["exponent"][1:])
        currency = _name_currency(prefix.mark or (after[1] if after else None))
        token = _Token(value, scale, begin - prefix.length, after.end() if after else end, currency)
        previous = tokens[-1] if tokens else None
        if previous is not None and previous.end == begin and previous.scale > 1 and abs(value) < previous.scale:
            # 3万5千
            total = previous.value + value
            tokens[-1] = _Token(total, scale, previous.begin, token.end, previous.currency or currency)
        else:
            tokens.append(token)
    return tokens


class _Prefix(NamedTuple):
    mark: str | None
    sign: int
    length: int


def _read_prefix(before: str) -> _Prefix:
    """Return the currency and sign before a number: `-$`, `$-`, `-`. After a digit or word, a minus is a separator."""
    if not before:
        return _Prefix(None, 1, 0)
    match = _PREFIX.search(before[-24:])
    if match is None or not match[0]:
        return _Prefix(None, 1, 0)
    outer, mark, inner = match["outer"], match["mark"], match["inner"]
    rest = before[: len(before) - len(match[0])]
    previous = rest.rstrip()[-1:]
    if mark and inner and previous.isdigit():  # 20$-25: the mark belongs to the number before it
        return _Prefix(None, 1, 0)
    if previous and (previous.isalnum() or previous in ")%" or _CURRENCY_AFTER.fullmatch(previous)):
        if mark is None:
            return _Prefix(None, 1, 0)
        return _Prefix(mark, -1 if inner else 1, len(match[0]) - len(outer or ""))
    return _Prefix(mark, -1 if outer or inner else 1, len(match[0]))


def find_currency(texts: Iterable[str]) -> str | None:
    """Return the currency that most texts state, as it is written there; None if they do not state one.

    Example
    -------
    >>> find_currency(["CHF 52'000", "CHF 61'000", "48'000"])
    'CHF'
    >>> find_currency(["時給1,200円", "¥1,300"])
    'yen'
    """
    marks = (match[1] for text in texts if (match := _ANY_CURRENCY.search(normalise_text(text))) is not None)
    found = Counter("yen" if _name_currency(mark) == "¥" else mark for mark in marks)
    return found.most_common(1)[0][0] if found else None


def _name_currency(mark: str | None) -> str | None:
    if mark is None:
        return None
    name = next(name for name, pattern in _CURRENCY_PATTERNS.items() if pattern.fullmatch(mark))
    return mark.upper() if name == "other" else name


def _is_range(between: str) -> bool:
    text = _WORD_BETWEEN.sub("", _ANY_UNIT.sub("", between)).strip(" .:")
    return bool(SEPARATOR.fullmatch(text)) or (not text and bool(re.fullmatch(r"\s*(?:\.\.|…)\s*", between)))


def _find_limits(cluster: list[_Token]) -> tuple[float, float]:
    first, last = cluster[0], cluster[-1]
    value = first.value
    if math.isnan(value + last.value):
        return math.nan, math.nan
    if first.scale == 1 < last.scale and abs(value) <= abs(last.value) / last.scale:  # 50-60k
        value *= last.scale
    return min(value, last.value), max(value, last.value)


def _find_unit(text: str, begin: int, end: int) -> str | None:
    """Return the unit beside an amount; otherwise the only unit of the text; None if units contradict each other."""
    after, before = text[end:], text[:begin]
    beside = {unit for unit, pattern in _UNITS_AFTER.items() if pattern.match(after)}
    if before:
        beside |= {unit for unit, pattern in _UNITS_BEFORE.items() if pattern.search(before)}
    found = beside or {unit for unit, pattern in _UNIT_PATTERNS.items() if pattern.search(text)}
    return found.pop() if len(found) == 1 else None


def read_unit(word: str) -> str | None:
    """Return the unit of pay that a word or phrase means: `YEARLY`, `per hour`, `hrs`, `時給`. None if unknown.

    Example
    -------
    >>> [read_unit(word) for word in ("YEARLY", "per hour", "時給", "shift")]
    ['year', 'hour', 'hour', None]
    """
    text = normalise_text(word)
    found = {unit for unit, pattern in _BARE_PATTERNS.items() if pattern.fullmatch(text)}
    found = found or {unit for unit, pattern in _UNIT_PATTERNS.items() if pattern.search(text)}
    return found.pop() if len(found) == 1 else None
