"""What a move did, in words: `location 12 → 18 %: recall@40 +0.03, may be chance; mean fee@40 −349 yen`."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import pandas as pd

from scoring.evaluation.measure_info import METRICS, find_measure, is_price

__all__ = ["MoveSummary", "describe_difference", "describe_price"]

_SMALLEST_PRICE: Final = 0.005
"""A measure that changes by less than this share of its value is not named beside the main one."""
_METRICS: Final = frozenset(kind.__name__ for kind in METRICS)


@dataclass(frozen=True)
class MeasureMove:
    """The difference of a measure from the previous try."""

    measure: str
    difference: float
    relative: float | None
    """The difference as a share of the previous value; None if that is 0 or unknown."""
    is_noise: bool
    """Whether a difference of this size may be chance."""
    sign: int
    """1 for an improvement, -1 for a loss, 0 for neither."""
    text: str

    @classmethod
    def of(cls, row: Mapping[Hashable, Any], currency: str) -> Self:
        """Return the move of a row of `compute_differences`."""
        name, difference, relative = str(row["measure"]), float(row["difference"]), float(row["relative"])
        gain = find_measure(name).good_sign * difference
        return cls(
            measure=name,
            difference=difference,
            relative=relative if math.isfinite(relative) else None,
            is_noise=not row["significant"],
            sign=(gain > 0) - (gain < 0),
            text=describe_difference(name, difference, currency, is_noise=not row["significant"]),
        )

    def document(self) -> dict[str, Any]:
        """Return the move for the page."""
        return {
            "name": self.measure,
            "difference": self.difference,
            "relative": self.relative,
            "is_noise": self.is_noise,
            "sign": self.sign,
            "text": self.text,
        }


@dataclass(frozen=True)
class MoveSummary:
    """The changes since the previous try, and the metric and the property of lists with the largest change."""

    changes: tuple[str, ...]
    main: MeasureMove | None = None
    """The metric with the largest difference, compared with the smallest difference that would get a mark."""
    other: MeasureMove | None = None
    """The property of lists that is named beside the main one.

    In this order: a goal that became worse, the property that changed most in the opposite direction, or the one that
    changed most in the same direction.
    """
    price: str = ""
    """The measure that is worst compared with the baseline, if by more than 10 % and not named before."""

    @classmethod
    def of(
        cls,
        changes: Sequence[str],
        differences: pd.DataFrame,
        currency: str = "",
        goals: Collection[str] = (),
        measures: pd.DataFrame | None = None,
    ) -> Self:
        """Return the summary of a move.

        Parameters
        ----------
        changes: What changed in the model, from `list_changes`.
        differences: The frame of `compute_differences` between the previous try and this one.
        currency: Unit of amounts of money.
        goals: Measures that the user searches for. One that became worse is named first.
        measures: The frame of `compute_differences` between the baseline and this try. None: the previous try is the
            baseline.
        """
        rows = differences[differences["difference"].notna() & (differences["difference"] != 0)].to_dict("records")
        metrics = [row for row in rows if str(row["measure"]).rpartition("@")[0] in _METRICS]
        main = max(metrics, key=_measure_size, default=None)
        first = None if main is None else MeasureMove.of(main, currency)
        others = [row for row in rows if row not in metrics]
        other = _choose_other(others, 1 if first is None else first.sign, currency, goals)
        known = {move.measure for move in (first, other) if move is not None and measures is None}
        price = _describe_worst(differences if measures is None else measures, known, currency)
        since = "" if measures is None else "compared with the baseline: "
        return cls(tuple(changes), first, other, f"{since}{price}" if price else "")

    @property
    def text(self) -> str:
        """The summary as one line, without a full stop. `!` is the mark of the measure in the table."""
        what = ", ".join(self.changes[:3]) + (f" and {len(self.changes) - 3} more" if len(self.changes) > 3 else "")
        parts = [move.text for move in (self.main, self.other) if move is not None]
        parts += [f"! {self.price}"] if self.price else []
        effect = "; ".join(parts) if parts else "no measure changed"
        return f"{what}: {effect}" if what else effect

    @property
    def effect(self) -> str:
        """The measures of the summary without the changes of the model."""
        return MoveSummary((), self.main, self.other).text

    def document(self) -> dict[str, Any]:
        """Return the summary for the page."""
        return {
            "text": self.text,
            "changes": list(self.changes),
            "measure": None if self.main is None else self.main.document(),
            "price": None if self.other is None else self.other.document(),
        }


def describe_price(row: Mapping[Hashable, Any], currency: str = "") -> str:
    """Return a row of `compute_differences` as text, such as `mean fee@40 −349 yen (−17 %, may be chance)`."""
    name, relative = str(row["measure"]), float(row["relative"])
    notes = [f"{100 * relative:+.0f} %".replace("-", "−")] if math.isfinite(relative) else []
    notes += [] if row["significant"] else ["may be chance"]
    text = describe_difference(name, float(row["difference"]), currency)
    return f"{text} ({', '.join(notes)})" if notes else text


def describe_difference(measure: str, difference: float, currency: str = "", *, is_noise: bool = False) -> str:
    """Return a measure with its difference, such as `mean fee@40 −349 yen, may be chance`."""
    size = abs(difference)
    number = f"{difference:+,.0f}" if size >= 100 else f"{difference:+.1f}" if size >= 10 else f"{difference:+.2g}"
    unit = find_measure(measure, currency).unit
    unit = f" {unit}" if unit and " " not in unit else ""
    return f"{measure} {number.replace('-', '−')}{unit}{', may be chance' if is_noise else ''}"


def _describe_worst(measures: pd.DataFrame, known: Collection[str], currency: str) -> str:
    """Return the measure that is worst compared with the baseline, if by more than 10 %; "" if none or known."""
    rows = [row for row in measures.to_dict("records") if is_price(str(row["measure"]), row["relative"])]
    worst = max(rows, key=lambda row: abs(row["relative"]), default=None)
    return "" if worst is None or worst["measure"] in known else describe_price(worst, currency)


def _measure_size(row: Mapping[Hashable, Any]) -> float:
    """Return a difference as a multiple of the smallest one that would get a mark."""
    detectable = float(row["detectable"])
    return abs(float(row["difference"])) / detectable if detectable > 0 else 0.0


def _choose_other(
    rows: Sequence[Mapping[Hashable, Any]], main_sign: int, currency: str, goals: Collection[str]
) -> MeasureMove | None:
    moves = [MeasureMove.of(row, currency) for row in rows]
    moves = [move for move in moves if move.sign and abs(move.relative or 0.0) >= _SMALLEST_PRICE]
    opposite = [move for move in moves if move.sign != main_sign]
    lost = [move for move in moves if move.measure in goals and move.sign < 0]
    return max(lost or opposite or moves, key=lambda move: abs(move.relative or 0.0), default=None)
