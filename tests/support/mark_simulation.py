"""Simulation of the marks of a scoreboard: how often chance is marked, and how often a true difference is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.evaluation.measure_values import MeasureValues
from scoring.evaluation.randomisation_p_values import compute_p_values
from scoring.evaluation.scoreboard import Scoreboard
from scoring.evaluation.significance_marks import DifferenceTest, mark_tests

__all__ = ["MarkSimulation", "simulate_marks"]

_AT_ONCE = 20
"""Draws whose p-values are computed with one matrix product."""


@dataclass(frozen=True)
class MarkSimulation:
    """Shares of the draws, one per declared goal or per test of values per user."""

    false_positives: dict[tuple[str, str], float]
    """(model, declared goal) → share of draws without any true difference in which it was marked."""
    power: dict[tuple[str, str], float]
    """(model, measure) → share of draws in which it was marked, if only its true difference is the printed one."""
    draws: int

    def describe_false_positives(self, name: str) -> list[tuple[str, int]]:
        """Return a phrase for docs/proof.md and the number of marked draws, per declared goal."""
        return [
            (f"{name}: {goal} {share:.1%} ({{}} of {{}} samples)", round(share * self.draws))
            for (_, goal), share in self.false_positives.items()
        ]

    def describe_power(self, name: str) -> list[str]:
        """Return a phrase for docs/proof.md per model."""
        return [
            f"{name}, {model} ("
            + ", ".join(f"{measure} {share:.0%}" for (of, measure), share in self.power.items() if of == model)
            + "; {} samples)"
            for model in dict.fromkeys(model for model, _ in self.power)
        ]


def simulate_marks(board: Scoreboard, draws: int, seed: int = 1) -> MarkSimulation:
    """Return how the marks of a scoreboard behave over new samples of its users.

    Each draw takes users with replacement, with the differences of all models and measures, moved to a mean of 0. The
    power of a test is that with its printed `detectable` added to the differences, if no other test has a true
    difference. Tests of all lists together have random p-values.
    """
    frame = board.frame().query("model != @board.baseline").reset_index(drop=True)
    values = {name: MeasureValues.of(board.evaluator, one, board.goals) for name, one in board.evaluations.items()}
    base = values[board.baseline].per_user
    is_per_user = frame["measure"].isin(list(base)).to_numpy()
    tested = frame[is_per_user]
    rows = zip(tested["model"], tested["measure"], strict=True)
    delta = np.column_stack([values[model].per_user[measure] - base[measure] for model, measure in rows])
    known = ~np.isnan(delta)
    delta = np.where(known, delta - np.nanmean(delta, axis=0), 0.0)
    shift = known * tested["detectable"].to_numpy()
    declared, level = frame["declared"].to_numpy(), board.level
    place = np.flatnonzero(is_per_user)

    def marked(p: NDArray[np.float64]) -> NDArray[np.bool_]:
        tests = [DifferenceTest(one, is_one) for one, is_one in zip(p.tolist(), declared.tolist(), strict=True)]
        return np.array([mark.is_significant for mark in mark_tests(tests, level)])

    rng = np.random.default_rng(seed)
    false, found = np.zeros(len(frame)), np.zeros(len(frame))
    for first in range(0, draws, _AT_ONCE):
        chosen = rng.integers(0, len(delta), (min(_AT_ONCE, draws - first), len(delta)))
        at_chance, with_shift = (
            compute_p_values(np.concatenate([one[users] for users in chosen], axis=1), board.resamples.signs)
            for one in (delta, delta + shift)
        )
        for null, shifted in zip(np.split(at_chance, len(chosen)), np.split(with_shift, len(chosen)), strict=True):
            p = rng.random(len(frame))
            p[place] = null
            false += marked(p)
            for one, value in zip(place, shifted, strict=True):
                alone = p.copy()
                alone[one] = value
                found[one] += marked(alone)[one]
    names = list(zip(frame["model"], frame["measure"], strict=True))
    return MarkSimulation(
        {names[one]: false[one] / draws for one in np.flatnonzero(declared)},
        {names[one]: found[one] / draws for one in place},
        draws,
    )
