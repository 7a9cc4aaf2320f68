"""Invariants about scores and their explanations."""

from __future__ import annotations

import numpy as np

from scoring.backends import reference
from scoring.model import GROUPS
from scoring.ranking import SCORES
from scoring.testing.check_context import CheckContext
from scoring.testing.component_suite import RANGE_TOLERANCE
from scoring.testing.invariants.invariant_registry import invariant, require_same_scores, require_testable

POINTS_TOLERANCE = 1e-4
"""Tolerance of the sum of points: rounding to float32 changes a total of 100 by at most 4e-6."""
_PAIRS = 24
"""Number of explained pairs. Each takes some milliseconds."""


@invariant
def pairs_equal_the_reference(context: CheckContext) -> None:
    """Scores of all pairs are the float64 reference rounded to float32, bit for bit."""
    wanted = reference.compute_scores(context.plan.program, context.users, context.jobs)
    require_same_scores(context.pairs, wanted, context.user_id, context.job_id, "compared with the reference")


@invariant
def pair_scores_are_consistent(context: CheckContext) -> None:
    """The four scores of a pair are the same alone, in the row of one user, and among all pairs."""
    for row in context.users[:5]:
        of_user = context.scorer.all_pairs(np.array([row]))
        require_same_scores(
            of_user, context.pairs[:, [row]], context.user_id[[row]], context.job_id, "in the row of one user"
        )
    random = context.random()
    users, jobs = random.choice(context.users, 200), random.choice(context.jobs, 200)
    found = context.scorer.listed(users, jobs)
    differ = np.argwhere(found != context.pairs[:, users, jobs])
    for which, place in differ[:1]:
        u, j = users[place], jobs[place]
        alone = f"{SCORES[which]} is {float(found[which, place]):.9g} if the pair is scored alone"
        in_all = float(context.pairs[which, u, j])
        raise AssertionError(
            f"user {context.user_id[u]} and job {context.job_id[j]}: {alone}, but {in_all:.9g} among all pairs. "
            "They must be equal."
        )


@invariant
def list_scores_equal_pair_scores(context: CheckContext) -> None:
    """The scores in a list equal the scores of the pairs."""
    ranking = context.scorer.top_k(40)
    for row, user in enumerate(ranking.user_id):
        count = int(ranking.count[row])
        of_pairs = context.pairs[:, row, ranking.job_row[row, :count]].T
        for place in np.flatnonzero((ranking.scores[row, :count] != of_pairs).any(axis=1))[:1]:
            difference = (
                f"{ranking.scores[row, place].tolist()} in the list, {of_pairs[place].tolist()} among all pairs"
            )
            raise AssertionError(
                f"user {user} and job {ranking.job_id[row, place]}: the scores are {difference}. They must be equal."
            )


@invariant
def scores_are_finite_float32(context: CheckContext) -> None:
    """Scores are float32, never NaN or infinite, and from 0 to 100."""
    for scores, what in ((context.pairs, "all pairs"), (context.scorer.top_k(40).scores, "lists")):
        assert scores.dtype == np.float32, f"scores of {what} are {scores.dtype}, not float32."
        inside = (scores >= -RANGE_TOLERANCE) & (scores <= 100 + RANGE_TOLERANCE)  # false for NaN
        for place in np.argwhere(~inside)[:1]:
            u = int(place[1] if what == "all pairs" else place[0])
            score = f"a score of {what} is {float(scores[tuple(place)])!r}; it must be from 0 to 100"
            raise AssertionError(f"user {context.user_id[u]}: {score}.")


@invariant
def component_values_are_from_0_to_100(context: CheckContext) -> None:
    """Every component of every pair is a number from 0 to 100."""
    values = context.values(context.plan)
    inside = (values >= -RANGE_TOLERANCE) & (values <= 100 + RANGE_TOLERANCE)
    for c, u, j in np.argwhere(~inside)[:1]:
        pair = f"user {context.user_id[u]} and job {context.job_id[j]}"
        value = f"component {context.model.parts[c].name} has the value {float(values[c, u, j])!r}"
        raise AssertionError(f"{pair}: {value}; it must be from 0 to 100.")


@invariant
def points_add_up_to_the_total(context: CheckContext) -> None:
    """The explained points of a pair add up to its total, and so do its weighted group scores."""
    for u, j in _sample_pairs(context):
        explained, where = context.engine.explain(context.plan, context.inputs, u, j), _describe_pair(context, u, j)
        total = float(context.pairs[0, u, j])
        points = sum(part.points for part in explained.parts)
        groups = sum(context.model.weights.groups[group] * explained.groups[group] for group in GROUPS)
        assert explained.total == total, (
            f"{where}: the explained total is {explained.total:.9g}, the score is {total:.9g}."
        )
        for found, what in ((points, "points"), (groups, "weighted groups")):
            close = abs(found - total) <= POINTS_TOLERANCE
            assert close, f"{where}: its {what} add up to {found:.9g}, its total is {total:.9g}."


@invariant
def explanation_equals_the_score(context: CheckContext) -> None:
    """Explained points are weight × value; weights, values and groups equal those of model, plan and scores."""
    values, weights = context.values(context.plan), context.model.flat_weights
    for u, j in _sample_pairs(context):
        explained, where = context.engine.explain(context.plan, context.inputs, u, j), _describe_pair(context, u, j)
        for c, (part, known) in enumerate(zip(explained.parts, context.model.parts, strict=True)):
            what = f"{where}: component {part.name}"
            assert part.name == known.name, f"{what} is explained in place of {known.name}."
            assert part.weight == weights[c], f"{what} has weight {part.weight!r}, in the model {float(weights[c])!r}."
            value = float(values[c, u, j])
            assert part.value == value, f"{what} has the explained value {part.value!r}, but its value is {value!r}."
            assert part.points == part.weight * part.value, f"{what} has {part.points!r} points."
        for place, group in enumerate(GROUPS, start=1):
            score = float(context.pairs[place, u, j])
            difference = f"the explained score of group {group} is {explained.groups[group]:.9g}, but it is {score:.9g}"
            assert explained.groups[group] == score, f"{where}: {difference}."


@invariant
def not_ranked_matches_the_lists(context: CheckContext) -> None:
    """`explain` names a rule for a job exactly if no list of the user contains it, for any k."""
    plan, scorer = context.with_rules(max_per_company=None)
    ranking, random, seen = scorer.top_k(len(context.jobs)), context.random(), 0
    for u in random.permutation(context.users)[: _PAIRS // 4]:
        listed = ranking.job_row[u, : ranking.count[u]]
        unlisted = np.setdiff1d(context.jobs, listed)
        seen += bool(len(listed)) + bool(len(unlisted))
        for jobs in (listed, unlisted):
            for j in random.permutation(jobs)[:4]:
                reasons = context.engine.explain(plan, context.inputs, int(u), int(j)).not_ranked
                is_in = bool(np.isin(j, listed))
                difference = f"the job is in the list, but `explain` returns {list(reasons)}"
                if not is_in:
                    difference = "the job is in no list, but `explain` names no rule"
                assert is_in == (not reasons), f"{_describe_pair(context, int(u), int(j))}: {difference}."
    require_testable(seen, "no jobs")


def _sample_pairs(context: CheckContext) -> list[tuple[int, int]]:
    n, m = len(context.users), len(context.jobs)
    chosen = context.random().choice(n * m, min(_PAIRS, n * m), replace=False)
    return [(int(pair // m), int(pair % m)) for pair in chosen]


def _describe_pair(context: CheckContext, u: int, j: int) -> str:
    return f"user {context.user_id[u]} and job {context.job_id[j]}"
