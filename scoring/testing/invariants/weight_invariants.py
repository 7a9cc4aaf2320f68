"""Invariants about weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scoring.model import ScoringModel, WeightProfile
from scoring.testing.check_context import CheckContext
from scoring.testing.invariants.invariant_registry import (
    invariant,
    require_same_lists,
    require_same_scores,
    require_testable,
)

LINEAR_TOLERANCE = 1e-4
"""Tolerance of the mean of two totals, each rounded to float32."""
_SHORT = 10


@invariant
def scaled_weights_change_nothing(context: CheckContext) -> None:
    """Flat weights multiplied by a number give the same scores, because weights are normalised to sum 1."""
    names = [part.name for part in context.model.parts]
    flat = dict(zip(names, map(float, context.model.flat_weights), strict=True))
    wanted = context.make_scorer(context.inputs, context.model.with_weights(flat)).all_pairs()
    for factor in (0.25, 8.0, 3.0):
        scaled = context.model.with_weights({name: weight * factor for name, weight in flat.items()})
        found, when = context.make_scorer(context.inputs, scaled).all_pairs(), f"weights times {factor:g}"
        if factor == 3.0:  # not a power of two: its products are rounded
            found = np.where(np.abs(found - wanted) <= LINEAR_TOLERANCE, wanted, found)
        require_same_scores(found, wanted, context.user_id, context.job_id, when)


@invariant
def zero_weight_component_can_be_removed(context: CheckContext) -> None:
    """A model without a component of weight 0 gives the same lists and scores."""
    parts = context.model.parts
    require_testable(len(parts) > 1, "a model of one component")
    (draw,) = context.draw_weights(1)
    for part in parts:
        weights = {other.name: float(draw.weights.flat(other.group, other.name)) for other in parts if other != part}
        weightless = context.model.with_weights(weights)
        with_it, without = (
            context.make_scorer(context.inputs, model)
            for model in (weightless, _remove_component(weightless, part.name))
        )
        when = f"without {part.name}, which has weight 0"
        require_same_scores(without.all_pairs(), with_it.all_pairs(), context.user_id, context.job_id, when)
        require_same_lists(without.top_k(_SHORT), with_it.top_k(_SHORT), when)


def _remove_component(model: ScoringModel, name: str) -> ScoringModel:
    groups = model.weights.components.items()
    components = {group: {key: weight for key, weight in of.items() if key != name} for group, of in groups}
    parts = tuple(part for part in model.parts if part.name != name)
    return replace(model, parts=parts, weights=WeightProfile(model.weights.groups, components))


@invariant
def single_component_orders_by_its_values(context: CheckContext) -> None:
    """With all weight on one component, totals equal its values, and lists contain the largest values."""
    values = context.values(context.plan).astype(np.float32)
    for c, part in enumerate(context.model.parts):
        plan = context.engine.build(
            context.with_all_weight_on(part.name).with_eligibility(max_per_company=None), context.inputs
        )
        scorer, when = context.engine.scorer(plan), f"all weight on {part.name}"
        require_same_scores(scorer.all_pairs()[0], values[c], context.user_id, context.job_id, when)
        ranking, who = scorer.top_k(_SHORT), plan.exclusions.matrix(context.users)
        for row, user in enumerate(context.user_id):
            found = ranking.scores[row, : ranking.count[row], 0]
            wanted = -np.sort(-values[c, row, who[row]])[:_SHORT]
            where = f"user {user}, {when}"
            assert np.array_equal(found, wanted), (
                f"{where}: the list has {found.tolist()}, the largest values are {wanted.tolist()}."
            )


@invariant
def reweighted_plan_equals_a_new_plan(context: CheckContext) -> None:
    """Other weights on an existing plan, seeded with its last lists, give the same results as a new plan."""
    before, plan = context.scorer.top_k(_SHORT), context.plan
    for place, model in enumerate(context.draw_weights(3)):
        plan = context.engine.reweight(plan, model)  # from the previous plan, as in a session
        reused, new = context.engine.scorer(plan, before=before), context.make_scorer(context.inputs, model)
        when = f"with other weights ({place + 1} of 3)"
        before = reused.top_k(_SHORT)
        require_same_lists(before, new.top_k(_SHORT), when)
        require_same_scores(reused.all_pairs(), new.all_pairs(), context.user_id, context.job_id, when)


@invariant
def totals_are_linear_in_the_weights(context: CheckContext) -> None:
    """A total for the mean of two weightings equals the mean of the two totals, to 1e-4."""
    first, second = context.draw_weights(2)
    names = [part.name for part in context.model.parts]
    middle = (first.flat_weights + second.flat_weights) / 2
    between = context.model.with_weights(dict(zip(names, map(float, middle), strict=True)))
    one, other, found = (
        context.make_scorer(context.inputs, model).all_pairs()[0].astype(np.float64)
        for model in (first, second, between)
    )
    wanted = (one + other) / 2
    for u, j in np.argwhere(~(np.abs(found - wanted) <= LINEAR_TOLERANCE))[:1]:
        pair = f"user {context.user_id[u]} and job {context.job_id[j]}"
        raise AssertionError(
            f"{pair}: with the mean of two weightings, the total is {found[u, j]:.9g}; it must be {wanted[u, j]:.9g}, "
            "the mean of their totals."
        )
