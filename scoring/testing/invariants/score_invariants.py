"""What a score is, however it is asked for."""

from __future__ import annotations

import numpy as np

from scoring.backends import reference
from scoring.model import GROUPS
from scoring.ranking import SCORES
from scoring.testing.check_context import Case
from scoring.testing.component_suite import RANGE_TOLERANCE
from scoring.testing.invariants.invariant_registry import invariant, same_scores, show

POINTS_TOLERANCE = 1e-4
"""How far a total may lie from the sum that explains it: rounding to float32 moves one of 100 by 4e-6."""
_PAIRS = 24
"""Pairs that are explained: each takes some milliseconds."""


@invariant
def pairs_equal_the_reference(case: Case) -> None:
    """Scores of all pairs are the float64 reference rounded to float32, bit for bit."""
    wanted = reference.scores(case.plan.program, case.users, case.jobs)
    same_scores(case.pairs, wanted, case.user_id, case.job_id, "against the reference")


@invariant
def a_pair_has_one_score(case: Case) -> None:
    """A pair on its own, in the rows of one user, and among all pairs has the same four scores."""
    for row in case.users[:5]:
        alone = case.scorer.all_pairs(np.array([row]))
        same_scores(alone, case.pairs[:, [row]], case.user_id[[row]], case.job_id, "in the rows of one user")
    random = case.random()
    users, jobs = random.choice(case.users, 200), random.choice(case.jobs, 200)
    found = case.scorer.listed(users, jobs)
    differ = np.argwhere(found != case.pairs[:, users, jobs])
    for which, place in differ[:1]:
        u, j = users[place], jobs[place]
        told = f"{SCORES[which]} is {float(found[which, place]):.9g} on its own"
        in_all = float(case.pairs[which, u, j])
        raise AssertionError(f"user {case.user_id[u]} and job {case.job_id[j]}: {told}, {in_all:.9g} among all pairs.")


@invariant
def a_list_shows_the_scores_of_its_pairs(case: Case) -> None:
    """The scores beside a job in a list are those of the pair."""
    ranking = case.scorer.top_k(40)
    for row, user in enumerate(ranking.user_id):
        count = int(ranking.count[row])
        of_pairs = case.pairs[:, row, ranking.job_row[row, :count]].T
        for place in np.flatnonzero((ranking.scores[row, :count] != of_pairs).any(axis=1))[:1]:
            told = f"{ranking.scores[row, place].tolist()} in the list, {of_pairs[place].tolist()} as a pair"
            raise AssertionError(f"user {user} and job {ranking.job_id[row, place]}: {told}.")


@invariant
def scores_are_finite_float32(case: Case) -> None:
    """Scores are float32, never NaN or infinite, and from 0 to 100."""
    for scores, what in ((case.pairs, "all pairs"), (case.scorer.top_k(40).scores, "lists")):
        assert scores.dtype == np.float32, f"scores of {what} are {scores.dtype}, not float32."
        inside = (scores >= -RANGE_TOLERANCE) & (scores <= 100 + RANGE_TOLERANCE)  # false for NaN
        for place in np.argwhere(~inside)[:1]:
            u = int(place[1] if what == "all pairs" else place[0])
            raise AssertionError(f"user {case.user_id[u]}: a score of {what} is {float(scores[tuple(place)])!r}.")


@invariant
def components_lie_from_0_to_100(case: Case) -> None:
    """Every component of every pair is a number from 0 to 100."""
    values = case.values(case.plan)
    inside = (values >= -RANGE_TOLERANCE) & (values <= 100 + RANGE_TOLERANCE)
    for c, u, j in np.argwhere(~inside)[:1]:
        pair = f"user {case.user_id[u]} and job {case.job_id[j]}"
        raise AssertionError(f"{pair}: component {case.model.parts[c].name} is {float(values[c, u, j])!r}.")


@invariant
def points_add_up_to_the_total(case: Case) -> None:
    """A pair's total is the sum of its explained points, and its group scores, weighted, add up to it."""
    for u, j in _some_pairs(case):
        said, where = case.engine.explain(case.plan, case.inputs, u, j), _pair(case, u, j)
        total = float(case.pairs[0, u, j])
        points = sum(part.points for part in said.parts)
        groups = sum(case.model.weights.groups[group] * said.groups[group] for group in GROUPS)
        assert said.total == total, f"{where}: explained is a total of {said.total:.9g}, the score is {total:.9g}."
        for found, what in ((points, "points"), (groups, "weighted groups")):
            close = abs(found - total) <= POINTS_TOLERANCE
            assert close, f"{where}: its {what} add up to {found:.9g}, its total is {total:.9g}."


@invariant
def explained_parts_are_the_score(case: Case) -> None:
    """Points are weight × value, weights are the model's, values the components', and groups the pair's scores."""
    values, weights = case.values(case.plan), case.model.flat_weights
    for u, j in _some_pairs(case):
        said, where = case.engine.explain(case.plan, case.inputs, u, j), _pair(case, u, j)
        for c, (part, known) in enumerate(zip(said.parts, case.model.parts, strict=True)):
            what = f"{where}: component {part.name}"
            assert part.name == known.name, f"{what} stands where {known.name} should."
            assert part.weight == weights[c], f"{what} weighs {part.weight!r}, in the model {float(weights[c])!r}."
            value = float(values[c, u, j])
            assert part.value == value, f"{what} is explained as {part.value!r}, and is {value!r}."
            assert part.points == part.weight * part.value, f"{what} gives {part.points!r} points."
        for place, group in enumerate(GROUPS, start=1):
            score = float(case.pairs[place, u, j])
            told = f"{where}: group {group} is explained as {said.groups[group]:.9g}, and is {score:.9g}"
            assert said.groups[group] == score, f"{told}."


@invariant
def not_ranked_is_said_of_those_left_out(case: Case) -> None:
    """`explain` names a rule against a job exactly when it is in no list of the user, however long."""
    plan, scorer = case.ruled(max_per_company=None)
    ranking, random, seen = scorer.top_k(len(case.jobs)), case.random(), 0
    for u in random.permutation(case.users)[: _PAIRS // 4]:
        listed = ranking.job_row[u, : ranking.count[u]]
        left_out = np.setdiff1d(case.jobs, listed)
        seen += bool(len(listed)) + bool(len(left_out))
        for some in (listed, left_out):
            for j in random.permutation(some)[:4]:
                reasons = case.engine.explain(plan, case.inputs, int(u), int(j)).not_ranked
                is_in = bool(np.isin(j, listed))
                told = f"the job is in the list, and `explain` says {list(reasons)}"
                if not is_in:
                    told = "the job is in no list, and `explain` names no rule"
                assert is_in == (not reasons), f"{_pair(case, int(u), int(j))}: {told}."
    show(seen, "no jobs")


def _some_pairs(case: Case) -> list[tuple[int, int]]:
    n, m = len(case.users), len(case.jobs)
    chosen = case.random().choice(n * m, min(_PAIRS, n * m), replace=False)
    return [(int(pair // m), int(pair % m)) for pair in chosen]


def _pair(case: Case, u: int, j: int) -> str:
    return f"user {case.user_id[u]} and job {case.job_id[j]}"
