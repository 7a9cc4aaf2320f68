"""The good direction of each measure. Tables, plots, sentences and the checks of a promotion use it."""

from __future__ import annotations

from typing import Final

__all__ = ["GOOD_SIGNS", "find_good_sign"]

GOOD_SIGNS: Final = {"mean fee": 1, "mean wage": 1, "novelty": 0, "coverage": 1, "concentration": -1}
"""Label of a measure of lists → 1 if higher is better, -1 if lower is better, 0 if neither."""


def find_good_sign(measure: str) -> int:
    """Return 1 if higher values of the measure are better, -1 if lower ones are, and 0 if neither is.

    `measure` is a name such as `NDCG@10` or `mean fee@40`. All metrics of held-out actions are better if higher.
    """
    return GOOD_SIGNS.get(measure.partition("@")[0], 1)
