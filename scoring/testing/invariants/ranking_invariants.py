"""Invariants about lists: their content, and what they must not depend on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pandas as pd

from scoring.backends.reference import ReferenceBackend
from scoring.ranking import Ranking
from scoring.testing.check_context import NO_RULES, CheckContext
from scoring.testing.invariants.invariant_registry import invariant, require_same_lists, require_testable

_SHORT = 10
"""Length of a list where the length does not matter."""
_LONG = 520
"""Length of a list that a kernel sorts, because it is too long for insertion."""
_FEW_USERS = 6
"""Number of users with such lists."""
_MANY_USERS = 200
"""Number of users per request, with repetitions: for fewer users a scorer does not compare strategies."""
_CHUNKS = (1, 5, 13)
_WORKERS = (1, 2, 5)


@invariant
def lists_equal_the_sorted_reference(context: CheckContext) -> None:
    """A list equals the first eligible jobs sorted by the float64 reference, in ids, order and scores, bit for bit."""
    for k in context.lengths:
        require_same_lists(context.scorer.top_k(k), ReferenceBackend(context.plan.bundle).top_k(k), f"in a list of {k}")


@invariant
def ties_are_broken_by_smaller_id(context: CheckContext) -> None:
    """Jobs with the same total are ordered by id, also at the end of a list."""
    seen = 0
    for part in context.model.parts:
        plan = context.engine.build(
            context.with_all_weight_on(part.name).with_eligibility(max_per_company=None), context.inputs
        )
        scorer = context.engine.scorer(plan)
        ranking, totals, who = scorer.top_k(_SHORT), scorer.all_pairs()[0], plan.exclusions.matrix(context.users)
        for row in np.flatnonzero(ranking.count):
            seen += _check_ties(context, ranking, int(row), totals[row], who[row], f"all weight on {part.name}")
    require_testable(seen, "no two jobs with the same total")


def _check_ties(
    context: CheckContext, ranking: Ranking, row: int, totals: np.ndarray, who: np.ndarray, when: str
) -> int:
    """Return the number of ties. Raise AssertionError for a tie in the wrong order."""
    count = int(ranking.count[row])
    ids, scores = ranking.job_id[row, :count], ranking.scores[row, :count, 0]
    tied = scores[1:] == scores[:-1]
    for place in np.flatnonzero(tied):
        first, second = int(ids[place]), int(ids[place + 1])
        where = f"user {ranking.user_id[row]}, {when}: jobs {first} and {second} both have {float(scores[place]):.9g}"
        assert first < second, f"{where}, and the larger id comes first."
    left = set(context.job_id[who & (totals == scores[-1])].tolist()) - set(ids.tolist())
    where = f"user {ranking.user_id[row]}, {when}: job {ids[-1]} is last"
    assert not left or min(left) > ids[-1], f"{where}; job {min(left)} has the same total and is missing."
    return int(tied.sum()) + len(left)


@invariant
def many_ties_are_broken_by_id(context: CheckContext) -> None:
    """Lists of hundreds of copies of the same jobs equal the reference, for short and long lists."""
    jobs, random = context.inputs.jobs.frame, context.random()
    copies = pd.concat([jobs] * -(-_LONG // len(jobs)), ignore_index=True)
    copies["job_id"] = random.permutation(len(copies)) + 1
    inputs = context.request(jobs=copies, users=context.inputs.users.frame.iloc[:_FEW_USERS])
    plan = context.engine.build(context.model.with_eligibility(**NO_RULES), inputs)
    scorer, reference = context.engine.scorer(plan), ReferenceBackend(plan.bundle)
    for k in (_SHORT, len(copies)):
        require_same_lists(
            scorer.top_k(k), reference.top_k(k), f"in a list of {k}, each job {len(copies) // len(jobs)} times"
        )


@invariant
def shorter_lists_are_prefixes(context: CheckContext) -> None:
    """The k best jobs are the first k of the k + 1 best jobs."""
    for k in (1, 2, *context.lengths):
        require_same_lists(
            context.scorer.top_k(k), context.scorer.top_k(k + 1).cut(k), f"{k} best compared with {k + 1} best"
        )


@invariant
def lists_are_well_formed(context: CheckContext) -> None:
    """A list contains different jobs of the data, best first. After the last job, ids are -1 and scores are 0."""
    for k in context.lengths:
        ranking = context.scorer.top_k(k)
        for row, user in enumerate(ranking.user_id):
            count = int(ranking.count[row])
            ids, totals = ranking.job_id[row, :count], ranking.scores[row, :count, 0]
            where = f"user {user}, in a list of {k}"
            assert len(set(ids.tolist())) == count, f"{where}: a job occurs twice."
            assert np.isin(ids, context.job_id).all(), f"{where}: a job is not in the data."
            assert np.array_equal(context.job_id[ranking.job_row[row, :count]], ids), f"{where}: rows and ids differ."
            assert (totals[1:] <= totals[:-1]).all(), f"{where}: totals ascend."
            is_padded = (ranking.job_id[row, count:] == -1).all() and not ranking.scores[row, count:].any()
            assert is_padded, f"{where}: entries after its {count} jobs are not empty."


@invariant
def lists_do_not_depend_on_chunk_size(context: CheckContext) -> None:
    """Lists do not depend on the number of users in a request."""
    whole = context.scorer.top_k(_SHORT)
    for size in _CHUNKS:
        for start in range(0, len(context.users), size):
            rows = context.users[start : start + size]
            require_same_lists(context.scorer.top_k(_SHORT, rows), whole.take(rows), f"requested {size} at a time")


@invariant
def lists_do_not_depend_on_workers(context: CheckContext) -> None:
    """Lists do not depend on the number of threads."""
    whole = context.scorer.top_k(_SHORT)
    for workers in _WORKERS:
        found = context.engine.scorer(context.plan, workers=workers).top_k(_SHORT)
        require_same_lists(found, whole, f"with {workers} workers")


@invariant
def lists_follow_the_requested_order(context: CheckContext) -> None:
    """Lists are returned in the order of the requested users, with repetitions."""
    rows = context.random().permutation(np.resize(context.users, max(_MANY_USERS, len(context.users) + 3)))
    whole = context.scorer.top_k(_SHORT)
    require_same_lists(context.scorer.top_k(_SHORT, rows), whole.take(rows), "requested in another order")


@invariant
def results_are_repeatable(context: CheckContext) -> None:
    """A second call and a second scorer return the same bytes."""
    once, pairs = context.scorer.top_k(_SHORT), context.scorer.all_pairs()
    new = context.make_scorer(context.inputs)
    for scorer, when in ((context.scorer, "the second time"), (new, "by a new scorer")):
        require_same_lists(scorer.top_k(_SHORT), once, when)
        assert scorer.all_pairs().tobytes() == pairs.tobytes(), f"{when}: scores of all pairs differ."


@invariant
def scorers_are_thread_safe(context: CheckContext) -> None:
    """Two threads that use one scorer at the same time get the same results as alone."""
    lengths = (_SHORT, 2 * _SHORT)
    alone = [context.scorer.top_k(k) for k in lengths]
    shared, together = context.engine.scorer(context.plan, workers=2), Barrier(len(lengths))

    def rank(k: int) -> Ranking:
        together.wait(timeout=60)
        return shared.top_k(k)

    for _ in range(3):
        with ThreadPoolExecutor(len(lengths)) as pool:
            for found, wanted in zip(pool.map(rank, lengths), alone, strict=True):
                require_same_lists(found, wanted, "with another thread at the same time")
