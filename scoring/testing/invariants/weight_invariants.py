"""What weights do to scores, and what they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scoring.model import ScoringModel, WeightProfile
from scoring.testing.check_context import Case
from scoring.testing.invariants.invariant_registry import invariant, same_lists, same_scores, show

LINEAR_TOLERANCE = 1e-4
"""Between a total and the mean of two, each rounded to float32."""
_SHORT = 10


@invariant
def scaled_weights_change_nothing(case: Case) -> None:
    """Flat weights times a number give the same scores: weights are brought to sum 1."""
    names = [part.name for part in case.model.parts]
    flat = dict(zip(names, map(float, case.model.flat_weights), strict=True))
    wanted = case.asked(case.inputs, case.model.with_weights(flat)).all_pairs()
    for factor in (0.25, 8.0, 3.0):
        scaled = case.model.with_weights({name: weight * factor for name, weight in flat.items()})
        found, when = case.asked(case.inputs, scaled).all_pairs(), f"weights times {factor:g}"
        if factor == 3.0:  # no power of two: its products are rounded
            found = np.where(np.abs(found - wanted) <= LINEAR_TOLERANCE, wanted, found)
        same_scores(found, wanted, case.user_id, case.job_id, when)


@invariant
def a_component_without_weight_may_go(case: Case) -> None:
    """A model without a component that weighs nothing gives the same lists and scores."""
    parts = case.model.parts
    show(len(parts) > 1, "a model of one component")
    (draw,) = case.some_weights(1)
    for part in parts:
        weights = {other.name: float(draw.weights.flat(other.group, other.name)) for other in parts if other != part}
        weightless = case.model.with_weights(weights)
        with_it, without = (case.asked(case.inputs, model) for model in (weightless, _without(weightless, part.name)))
        when = f"without {part.name}, which weighs 0"
        same_scores(without.all_pairs(), with_it.all_pairs(), case.user_id, case.job_id, when)
        same_lists(without.top_k(_SHORT), with_it.top_k(_SHORT), when)


def _without(model: ScoringModel, name: str) -> ScoringModel:
    groups = model.weights.components.items()
    components = {group: {key: weight for key, weight in of.items() if key != name} for group, of in groups}
    parts = tuple(part for part in model.parts if part.name != name)
    return replace(model, parts=parts, weights=WeightProfile(model.weights.groups, components))


@invariant
def all_weight_on_a_component_orders_by_it(case: Case) -> None:
    """With all weight on one component totals are its values, and lists hold the largest of them."""
    values = case.values(case.plan).astype(np.float32)
    for c, part in enumerate(case.model.parts):
        plan = case.engine.build(case.alone(part.name).with_eligibility(max_per_company=None), case.inputs)
        scorer, when = case.engine.scorer(plan), f"all weight on {part.name}"
        same_scores(scorer.all_pairs()[0], values[c], case.user_id, case.job_id, when)
        ranking, who = scorer.top_k(_SHORT), plan.exclusions.matrix(case.users)
        for row, user in enumerate(case.user_id):
            found = ranking.scores[row, : ranking.count[row], 0]
            wanted = -np.sort(-values[c, row, who[row]])[:_SHORT]
            told = f"user {user}, {when}: the list holds {found.tolist()}, the largest values are {wanted.tolist()}"
            assert np.array_equal(found, wanted), f"{told}."


@invariant
def new_weights_equal_a_new_plan(case: Case) -> None:
    """Other weights on a plan that is there, with its last lists to begin with, give what a new plan gives."""
    before, plan = case.scorer.top_k(_SHORT), case.plan
    for place, model in enumerate(case.some_weights(3)):
        plan = case.engine.reweighted(plan, model)  # of the one before, as a session goes
        moved, anew = case.engine.scorer(plan, before=before), case.asked(case.inputs, model)
        when = f"under other weights ({place + 1} of 3)"
        before = moved.top_k(_SHORT)
        same_lists(before, anew.top_k(_SHORT), when)
        same_scores(moved.all_pairs(), anew.all_pairs(), case.user_id, case.job_id, when)


@invariant
def totals_are_linear_in_the_weights(case: Case) -> None:
    """Half-way between two weightings a total is half-way between its totals, to 1e-4."""
    first, second = case.some_weights(2)
    names = [part.name for part in case.model.parts]
    middle = (first.flat_weights + second.flat_weights) / 2
    between = case.model.with_weights(dict(zip(names, map(float, middle), strict=True)))
    one, other, found = (
        case.asked(case.inputs, model).all_pairs()[0].astype(np.float64) for model in (first, second, between)
    )
    wanted = (one + other) / 2
    for u, j in np.argwhere(~(np.abs(found - wanted) <= LINEAR_TOLERANCE))[:1]:
        pair = f"user {case.user_id[u]} and job {case.job_id[j]}"
        raise AssertionError(f"{pair}: half-way the total is {found[u, j]:.9g}, not {wanted[u, j]:.9g}.")
