"""What the values of a column are, and the keys of a mapping that convert them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from scoring.columns.series_functions import get_dtype_letter, to_plain_dtype
from scoring.columns.text_normalisation import fold_text, normalise_text
from scoring.columns.types import NUMBER
from scoring.columns.types.id import MISSING_WORDS
from scoring.errors import make_printable
from scoring.importing.money_amount_parser import Amount, NumberNotation, find_currency, parse_amount
from scoring.importing.time_parser import parse_times

__all__ = ["ColumnProfile", "Kind"]

Kind = Literal["empty", "integer", "number", "amount", "time", "epoch", "flag", "list", "text"]

ZONE_NOTE: Final = "read as UTC; for local times add a zone such as zone: Asia/Tokyo"

N_ROWS: Final = 5_000
"""Number of present values from which the kind is guessed."""

N_FEW: Final = 200
"""Number of values from which a format is excluded, because each format takes time."""

SHARE: Final = 0.95
"""Share of the values that must have a kind."""

MISSING: Final = MISSING_WORDS | {"unknown", "なし", "不明"}
UNCLEAR: Final = frozenset({"none", "なし"})
"""Words that may be a category, such as the occupation of users without one."""

N_ODD: Final = 3
"""Number of odd values in a comment."""

FLAG_MEANINGS: Final = {
    "ja": True,
    "nein": False,
    "oui": True,
    "non": False,
    "あり": True,
    "有": True,
    "可": True,
    "○": True,
    "なし": False,
    "無": False,
    "不可": False,
    "×": False,
}
"""Words for flags that an import reads only with `values`."""
FLAG_WORDS: Final = frozenset({"true", "false", "yes", "no", "y", "n", "t", "f", *FLAG_MEANINGS})

FORMATS: Final = (
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日", "%Y%m%d%H%M%S", "%Y%m%d",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%Y", "%m/%d/%y",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d.%m.%y",
    "%d-%m-%Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
"""Formats that are tried, after ISO 8601. Months come before days, and the draft says if both are possible."""

MARKS: Final = re.compile(r"%.|\s|iso")
"""What is not a mark of a format, such as the / of %Y/%m/%d."""

EPOCHS: Final = {"s": (1e8, 5e9), "ms": (1e11, 5e12), "us": (1e14, 5e15)}
"""Unit → the numbers that may be times of the years 1973 to 2128."""


@dataclass(frozen=True)
class ColumnProfile:
    """What the values of a column are.

    Attributes
    ----------
    options: the keys of a mapping that convert the values, such as `format`.
    missing: words in the column that may mean a missing value.
    samples: the most frequent values.
    notes: sentences for the person who edits the draft.
    values: the distinct present values in normal form, at most `N_ROWS`.
    odd: present values that are not of the kind, the most frequent first.
    unclear: words that may mean a missing value or a category. They are kept as values.
    currency: the currency of amounts in text.
    """

    name: str
    kind: Kind
    n_rows: int
    n_missing: int
    n_distinct: int
    samples: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    values: frozenset[str] = frozenset()
    odd: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    currency: str | None = None

    @classmethod
    def of(cls, name: str, column: pd.Series, kept_words: Collection[str] = ()) -> ColumnProfile:
        """Return the profile of the raw values of a column. `kept_words` do not mean a missing value."""
        plain = to_plain_dtype(column)
        present = plain[_is_present(plain)]
        texts = present.map(_to_text)
        is_filled = (texts.str.strip() != "").to_numpy(dtype=bool)
        present, texts = present[is_filled], texts[is_filled]
        words = _find_missing_words(texts)
        kept = ~texts.isin(words).to_numpy(dtype=bool)
        kind, options, notes = _guess_head(present[kept], texts[kept])
        is_unclear = bool(words) and kind == "text" and {fold_text(word) for word in words} <= UNCLEAR
        unclear = words if is_unclear else ()
        words = tuple(word for word in words if word not in {*unclear, *kept_words})
        kept = ~texts.isin(words).to_numpy(dtype=bool)
        present, texts = present[kept], texts[kept]
        odd = _find_odd(kind, options, texts)
        if kind == "integer" and not _fit_int64(texts):
            kind = "number"
        return cls(
            name=name,
            kind=kind,
            n_rows=len(column),
            n_missing=len(column) - len(present),
            n_distinct=texts.nunique(),
            samples=tuple(make_printable(text, 30) for text in texts.value_counts(sort=True).index[:3]),
            options=options,
            missing=words,
            notes=notes,
            values=frozenset(map(normalise_text, texts.unique()[:N_ROWS])),
            odd=odd,
            unclear=unclear,
            currency=find_currency(texts.iloc[:N_ROWS]) if kind == "amount" else None,
        )

    @property
    def is_key(self) -> bool:
        """Whether nearly every row has its own value. An import rejects duplicates."""
        return self.n_distinct >= SHARE * self.n_rows

    @property
    def share_missing(self) -> float:
        return self.n_missing / max(self.n_rows, 1)

    def describe(self, *, with_odd: bool = True) -> str:
        """Return the share of missing values, samples, and odd and unclear values, for a comment."""
        share = f"{100 * self.share_missing:.0f}" if self.share_missing >= 0.005 else "<1"
        missing = f"{share}% missing; " if self.n_missing else ""
        if not self.samples:
            return "no values"
        text = f"{missing}{' | '.join(self.samples)}"
        if self.odd and with_odd:
            text += f"; not {_PLURALS[self.kind]}: {_list_texts(self.odd)}"
        if self.unclear:
            words = ", ".join(self.unclear)
            text += f"; {words} is kept; if it means missing, add missing: [{words}] to the source"
        return text


_PLURALS: Final[Mapping[str, str]] = {
    "integer": "numbers", "number": "numbers", "amount": "amounts", "time": "times", "epoch": "times", "flag": "flags",
}  # fmt: skip


def _list_texts(texts: tuple[str, ...]) -> str:
    more = f" and {len(texts) - N_ODD:,} more" if len(texts) > N_ODD else ""
    return ", ".join(make_printable(text, 30) for text in texts[:N_ODD]) + more


def _guess_head(present: pd.Series, texts: pd.Series) -> tuple[Kind, dict[str, Any], tuple[str, ...]]:
    return _guess(present.iloc[:N_ROWS].reset_index(drop=True), texts.iloc[:N_ROWS].reset_index(drop=True))


def _find_odd(kind: Kind, options: Mapping[str, Any], texts: pd.Series) -> tuple[str, ...]:
    """Return the texts that an import would not read as this kind, the most frequent first."""
    counts = texts.value_counts()
    distinct = pd.Series(counts.index, dtype="str")
    normal = distinct.map(normalise_text)
    if kind in ("integer", "number", "epoch"):
        is_odd = ~np.isfinite(_to_numbers(normal))
    elif kind == "time":
        is_odd = parse_times(normal, [options.get("format", "iso")]).invalid
    elif kind == "flag":
        is_odd = np.array([fold_text(text) not in {*FLAG_WORDS, "0", "1"} for text in distinct])
    else:
        return ()
    return tuple(distinct[is_odd])


def _fit_int64(texts: pd.Series) -> bool:
    """Return whether all numbers are 64-bit integers."""
    numbers = _to_numbers(pd.Series(texts.unique(), dtype="str").map(normalise_text))
    finite = numbers[np.isfinite(numbers)]
    return bool(((finite == np.floor(finite)) & (np.abs(finite) < 2**63)).all())


def _to_numbers(texts: pd.Series) -> np.ndarray:
    return NUMBER.coerce(texts.astype("str")).values.to_numpy(dtype=np.float64, na_value=np.nan)


def _find_missing_words(texts: pd.Series) -> tuple[str, ...]:
    """Return the words that may mean a missing value; none in a column of flags, where なし means false."""
    folded = {word: fold_text(word) for word in texts.unique()}
    other = set(folded.values()) - MISSING
    if other and other <= FLAG_WORDS:
        return ()
    return tuple(word for word, text in folded.items() if text in MISSING)


def _is_present(column: pd.Series) -> np.ndarray:
    if get_dtype_letter(column) != "O":
        return column.notna().to_numpy(dtype=bool)
    return np.array([isinstance(v, list | tuple | np.ndarray | dict) or not pd.isna(v) for v in column], dtype=bool)


def _to_text(value: Any) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        return json.dumps(list(value), ensure_ascii=False, default=str)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _guess(column: pd.Series, texts: pd.Series) -> tuple[Kind, dict[str, Any], tuple[str, ...]]:
    if not len(column):
        return "empty", {}, ()
    letter = get_dtype_letter(column)
    if letter == "b" or texts.map(lambda text: fold_text(text) in FLAG_WORDS).mean() >= SHARE:
        return "flag", {}, ()
    if letter == "M":
        return "time", {}, () if column.dt.tz is not None else (ZONE_NOTE,)
    if isinstance(column.iloc[0], list | tuple | np.ndarray):
        return "list", {}, ()
    if letter in "iuf":
        return _guess_number(column.to_numpy(dtype=np.float64, na_value=np.nan))
    texts = texts.map(normalise_text)
    numbers = _to_numbers(texts)
    if np.isfinite(numbers).mean() >= SHARE:
        compact = _find_format(texts, ("%Y%m%d%H%M%S", "%Y%m%d"))
        return ("time", *compact) if compact else _guess_number(numbers)
    if found := _find_format(texts, ("iso", *FORMATS)):
        return "time", *found
    if amounts := _find_amounts(texts):
        return "amount", amounts, ()
    if texts.str.contains("|", regex=False).mean() > 0.2:
        return "list", {"split": "|"}, ()
    return "text", {}, ()


def _guess_number(numbers: np.ndarray) -> tuple[Kind, dict[str, Any], tuple[str, ...]]:
    whole = numbers[np.isfinite(numbers)]
    is_whole = bool((whole == np.floor(whole)).all())
    for unit, (low, high) in EPOCHS.items():
        if is_whole and ((whole >= low) & (whole <= high)).mean() >= SHARE:
            return "epoch", {"unit": unit}, ()
    return ("integer" if is_whole else "number"), {}, ()


def _find_format(texts: pd.Series, formats: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """Return the options and notes of the format of most texts; None if they are not times."""
    few = texts.iloc[:N_FEW]
    if few.str.contains(r"[0-9]", regex=True).mean() < SHARE:  # every format has digits, and each takes time
        return None
    shares = {mark: few.str.contains(mark, regex=False).mean() for mark in {*MARKS.sub("", "".join(formats))}}
    tried = [name for name in formats if name == "iso" or all(shares[mark] >= SHARE for mark in MARKS.sub("", name))]
    likely = [name for name in tried if _share_of_times(few, name) >= SHARE]
    possible = [name for name in likely if _share_of_times(texts, name) >= SHARE]
    if not possible:
        return None
    options = {} if possible[0] == "iso" else {"format": possible[0]}
    has_zone = possible[0] == "iso" and texts.str.contains(r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)$", regex=True).all()
    notes: tuple[str, ...] = () if has_zone else (ZONE_NOTE,)
    swapped = [name for name in possible[1:] if name.replace("%d", "%m", 1) == possible[0].replace("%d", "%m", 1)]
    if swapped and "%m/%d" in possible[0]:
        notes = (f"month or day first? {possible[0]} and {swapped[0]} fit all values", *notes)
    return options, notes


def _share_of_times(texts: pd.Series, name: str) -> float:
    parsed = parse_times(texts, [name])
    years = parsed.values.dt.year
    return float((~parsed.invalid & years.between(1900, 2200).to_numpy()).mean())


def _find_amounts(texts: pd.Series) -> dict[str, Any] | None:
    """Return the options of amounts in text, with the notation that reads most of them; None for other text."""
    distinct = [text for text in texts.unique()[:N_FEW] if any(character.isdigit() for character in text)]
    if len(distinct) < 0.5 * min(texts.nunique(), N_FEW):
        return None
    best: tuple[float, NumberNotation, list[Any]] | None = None
    for notation in (NumberNotation(".", ","), NumberNotation(",", "."), NumberNotation(".", "'")):
        amounts = [parse_amount(text, notation) for text in distinct]
        share = sum(isinstance(amount, Amount) for amount in amounts) / len(amounts)
        if best is None or share > best[0]:
            best = (share, notation, amounts)
    assert best is not None
    share, notation, amounts = best
    if share < 0.8:
        return None
    keys = {"decimal": ","} if notation.decimal == "," else {"thousands": "'"} if notation.thousands == "'" else True
    options: dict[str, Any] = {"number": keys}
    if any(isinstance(amount, Amount) and amount.unit is not None for amount in amounts):
        options["per"] = "text"
    return options
