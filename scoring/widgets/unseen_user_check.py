"""The confirmation of weights that were tuned in the panel: one test on users that the tuning did not see."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scoring.errors import pluralize
from scoring.evaluation.measure_info import PRICE_SHARE, find_good_sign
from scoring.evaluation.significance import Difference
from scoring.evaluation.significance_marks import explain_mark
from scoring.plotting import format_number

__all__ = ["Confirmation"]


@dataclass(frozen=True)
class Confirmation:
    """The test of one declared measure, between a baseline and a model, on validation users.

    It is one test at the level, without a correction. Each further confirmation of the same session is another chance
    for a false positive.
    """

    measure: str
    change: Difference
    level: float
    detectable: float
    """Smallest true difference that this test finds with a power of 80 %."""
    n_earlier: int
    """Number of earlier confirmations of this session on the same users."""
    prices: tuple[str, ...] = ()
    """The measures that became worse by more than 10 %, the largest change first, such as `mean fee@40 −764 (−17 %)`.

    They are not tests of the confirmation.
    """

    @property
    def is_significant(self) -> bool:
        return self.change.p <= 1 - self.level

    @property
    def text(self) -> str:
        """The result as sentences, with a warning if these users have confirmed other weights before."""
        change, users = self.change, pluralize(self.change.n, "validation user")
        difference, low, high = map(_format_signed, (change.difference, change.low, change.high))
        if self.is_significant:
            found = f"is significantly {'higher' if change.difference > 0 else 'lower'} than with the baseline"
        else:
            found = "does not differ significantly from the baseline"
        prices = "; ".join(self.prices)
        price = f", at the price of {prices}" if prices and self.is_better else ""
        sentences = [f"Confirmation on {users}: {self.measure} {found}: {difference} ({low} to {high}){price}."]
        if prices and not price:
            sentences.append(f"Worse by more than {100 * PRICE_SHARE:.0f} %: {prices}.")
        if reason := explain_mark(self.is_significant, change.low, change.high, 1):
            sentences.append(f"{reason[0].upper()}{reason[1:]}.")
        if not self.is_significant and math.isfinite(self.detectable):
            sentences.append(f"This test finds a difference of {format_number(self.detectable)} in 4 of 5 cases.")
        sentences.append(self.warning or "This is the first confirmation of this session.")
        return " ".join(sentences)

    @property
    def is_better(self) -> bool:
        """Whether the measure improved significantly."""
        return self.is_significant and find_good_sign(self.measure) * self.change.difference > 0

    @property
    def warning(self) -> str:
        """A warning if these users have confirmed other weights before, otherwise ""."""
        if not self.n_earlier:
            return ""
        times, chance = pluralize(self.n_earlier, "time"), 1 - self.level ** (self.n_earlier + 1)
        return (
            f"Warning: this session has confirmed {times} before on these users. If nothing changes, "
            f"{self.n_earlier + 1} confirmations find a difference in up to {chance:.0%} of sessions."
        )


def _format_signed(value: float) -> str:
    return ("+" if value > 0 else "") + format_number(value).replace("-", "−")
