"""What a list is, and what it may not depend on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pandas as pd

from scoring.backends.reference import ReferenceBackend
from scoring.ranking import Ranking
from scoring.testing.check_context import NO_RULES, Case
from scoring.testing.invariants.invariant_registry import invariant, same_lists, show

_SHORT = 10
"""Jobs in a list where one length is as good as another."""
_MANY = 520
"""Jobs of which a list is too long to be kept by insertion; another kernel sorts them."""
_FEW = 6
"""Users who have such lists."""
_CROWD = 200
"""Users at once, some of them often: for fewer a scorer does not try which way is faster."""
_CHUNKS = (1, 5, 13)
_WORKERS = (1, 2, 5)


@invariant
def lists_equal_the_sorted_reference(case: Case) -> None:
    """A list is the head of all eligible jobs sorted by their float64 reference: ids, order and scores bit for bit."""
    for k in case.lengths:
        same_lists(case.scorer.top_k(k), ReferenceBackend(case.plan.bundle).top_k(k), f"in a list of {k}")


@invariant
def ties_go_to_the_smaller_id(case: Case) -> None:
    """Of jobs with the same total the one with the smaller id comes first, at the end of a list too."""
    seen = 0
    for part in case.model.parts:
        plan = case.engine.build(case.alone(part.name).with_eligibility(max_per_company=None), case.inputs)
        scorer = case.engine.scorer(plan)
        ranking, totals, who = scorer.top_k(_SHORT), scorer.all_pairs()[0], plan.exclusions.matrix(case.users)
        for row in np.flatnonzero(ranking.count):
            seen += _ties(case, ranking, int(row), totals[row], who[row], f"all weight on {part.name}")
    show(seen, "no two jobs with the same total")


def _ties(case: Case, ranking: Ranking, row: int, totals: np.ndarray, who: np.ndarray, when: str) -> int:
    """How many ties there were; raises where one is broken the other way."""
    count = int(ranking.count[row])
    ids, scores = ranking.job_id[row, :count], ranking.scores[row, :count, 0]
    tied = scores[1:] == scores[:-1]
    for place in np.flatnonzero(tied):
        first, second = int(ids[place]), int(ids[place + 1])
        told = f"user {ranking.user_id[row]}, {when}: jobs {first} and {second} both have {float(scores[place]):.9g}"
        assert first < second, f"{told}, and the larger id comes first."
    left = set(case.job_id[who & (totals == scores[-1])].tolist()) - set(ids.tolist())
    told = f"user {ranking.user_id[row]}, {when}: job {ids[-1]} is last"
    assert not left or min(left) > ids[-1], f"{told}; job {min(left)} has the same total and is left out."
    return int(tied.sum()) + len(left)


@invariant
def many_ties_are_broken_by_id(case: Case) -> None:
    """Hundreds of copies of the same jobs are listed as the reference lists them, in short lists and the longest."""
    jobs, random = case.inputs.jobs.frame, case.random()
    copies = pd.concat([jobs] * -(-_MANY // len(jobs)), ignore_index=True)
    copies["job_id"] = random.permutation(len(copies)) + 1
    inputs = case.request(jobs=copies, users=case.inputs.users.frame.iloc[:_FEW])
    plan = case.engine.build(case.model.with_eligibility(**NO_RULES), inputs)
    scorer, reference = case.engine.scorer(plan), ReferenceBackend(plan.bundle)
    for k in (_SHORT, len(copies)):
        same_lists(scorer.top_k(k), reference.top_k(k), f"in a list of {k}, each job {len(copies) // len(jobs)} times")


@invariant
def shorter_lists_are_prefixes(case: Case) -> None:
    """The k best are the first k of the k + 1 best."""
    for k in (1, 2, *case.lengths):
        same_lists(case.scorer.top_k(k), case.scorer.top_k(k + 1).cut(k), f"{k} best against {k + 1} best")


@invariant
def lists_are_well_formed(case: Case) -> None:
    """A list holds no job twice, only jobs of the data, best first; behind the last one ids are -1 and scores 0."""
    for k in case.lengths:
        ranking = case.scorer.top_k(k)
        for row, user in enumerate(ranking.user_id):
            count = int(ranking.count[row])
            ids, totals = ranking.job_id[row, :count], ranking.scores[row, :count, 0]
            where = f"user {user}, in a list of {k}"
            assert len(set(ids.tolist())) == count, f"{where}: a job stands twice."
            assert np.isin(ids, case.job_id).all(), f"{where}: a job is none of the data."
            assert np.array_equal(case.job_id[ranking.job_row[row, :count]], ids), f"{where}: rows are of other ids."
            assert (totals[1:] <= totals[:-1]).all(), f"{where}: totals ascend."
            behind = (ranking.job_id[row, count:] == -1).all() and not ranking.scores[row, count:].any()
            assert behind, f"{where}: something stands behind its {count} jobs."


@invariant
def any_chunk_of_users_is_ranked_alike(case: Case) -> None:
    """Users have the same lists in requests of any size."""
    whole = case.scorer.top_k(_SHORT)
    for size in _CHUNKS:
        for start in range(0, len(case.users), size):
            rows = case.users[start : start + size]
            same_lists(case.scorer.top_k(_SHORT, rows), whole.take(rows), f"asked for {size} at a time")


@invariant
def any_number_of_workers_ranks_alike(case: Case) -> None:
    """Lists do not depend on how many threads find them."""
    whole = case.scorer.top_k(_SHORT)
    for workers in _WORKERS:
        found = case.engine.scorer(case.plan, workers=workers).top_k(_SHORT)
        same_lists(found, whole, f"with {workers} workers")


@invariant
def users_come_as_asked_for(case: Case) -> None:
    """Lists come in the order in which users are asked for, as often as they are."""
    rows = case.random().permutation(np.resize(case.users, max(_CROWD, len(case.users) + 3)))
    whole = case.scorer.top_k(_SHORT)
    same_lists(case.scorer.top_k(_SHORT, rows), whole.take(rows), "asked for in another order")


@invariant
def the_same_again(case: Case) -> None:
    """Asked twice, a scorer and one made anew give the same bytes."""
    once, pairs = case.scorer.top_k(_SHORT), case.scorer.all_pairs()
    anew = case.asked(case.inputs)
    for scorer, when in ((case.scorer, "the second time"), (anew, "by a scorer made anew")):
        same_lists(scorer.top_k(_SHORT), once, when)
        assert scorer.all_pairs().tobytes() == pairs.tobytes(), f"{when}: scores of all pairs are others."


@invariant
def threads_may_share_a_scorer(case: Case) -> None:
    """Two threads that ask one scorer at once have the answers that each has alone."""
    lengths = (_SHORT, 2 * _SHORT)
    alone = [case.scorer.top_k(k) for k in lengths]
    shared, together = case.engine.scorer(case.plan, workers=2), Barrier(len(lengths))

    def ask(k: int) -> Ranking:
        together.wait(timeout=60)
        return shared.top_k(k)

    for _ in range(3):
        with ThreadPoolExecutor(len(lengths)) as pool:
            for found, wanted in zip(pool.map(ask, lengths), alone, strict=True):
                same_lists(found, wanted, "with another thread at the same time")
