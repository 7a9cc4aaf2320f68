"""Engines, models and components that break one promise each, to show that each invariant can fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from scoring.backends import reference
from scoring.backends.protocol import Backend
from scoring.model import Component, Inputs, Pair, Reason, ScoringModel, WeightProfile
from scoring.model.terms import JobTerm, Term, UserTerm, Value
from scoring.model_catalog import load_model
from scoring.plan import Candidates, Plan
from scoring.ranking import Explanation, Ranking
from scoring.testing import EngineUnderTest


@dataclass(frozen=True)
class ListRequest:
    """The request of a list: plan, k, rows and workers."""

    plan: Plan
    k: int
    rows: np.ndarray
    workers: int | None

    @property
    def is_complete(self) -> bool:
        return len(self.rows) == len(self.plan.user_id)


def unchanged(answer: Any, *_: Any) -> Any:
    return answer


@dataclass(frozen=True, repr=False)
class Broken(EngineUnderTest):
    """The package's engine with a function applied to each answer; correct with the default functions."""

    lists: Callable[[Ranking, ListRequest], Ranking] = unchanged
    pairs: Callable[[np.ndarray], np.ndarray] = unchanged
    single: Callable[[np.ndarray], np.ndarray] = unchanged
    explained: Callable[[Explanation], Explanation] = unchanged
    built: Callable[[ScoringModel], ScoringModel] = unchanged
    candidates: Callable[[Candidates | None], Candidates | None] = unchanged
    moved: Callable[[Plan, Plan], Plan] = unchanged
    planned: Callable[[Plan], Plan] = unchanged

    def build(self, model: ScoringModel, inputs: Inputs, candidates: Candidates | None = None) -> Plan:
        return self.planned(super().build(self.built(model), inputs, self.candidates(candidates)))

    def reweight(self, plan: Plan, model: ScoringModel) -> Plan:
        return self.moved(super().reweight(plan, model), plan)

    def scorer(self, plan: Plan, *, workers: int | None = None, before: Ranking | None = None) -> Backend:
        return Tampered(self, super().scorer(plan, workers=workers, before=before), plan, workers)

    def explain(self, plan: Plan, inputs: Inputs, user_row: int, job_row: int) -> Explanation:
        return self.explained(super().explain(plan, inputs, user_row, job_row))


@dataclass(frozen=True)
class Tampered:
    """A scorer whose answers pass through the functions of a broken engine."""

    broken: Broken
    sound: Backend
    plan: Plan
    workers: int | None

    def top_k(self, k: int = 40, users: np.ndarray | None = None) -> Ranking:
        rows = np.arange(len(self.plan.user_id)) if users is None else users
        return self.broken.lists(self.sound.top_k(k, users), ListRequest(self.plan, k, rows, self.workers))

    def all_pairs(self, users: np.ndarray | None = None) -> np.ndarray:
        return self.broken.pairs(self.sound.all_pairs(users))

    def listed(self, users: np.ndarray, jobs: np.ndarray) -> np.ndarray:
        return self.broken.single(self.sound.listed(users, jobs))


# --- Lists --------------------------------------------------------------------------------------------------


def reorder(ranking: Ranking, places: np.ndarray) -> Ranking:
    """Reorder the entries; `places` (n, k): the position from which each entry is taken."""
    job_id, job_row = (np.take_along_axis(array, places, axis=1) for array in (ranking.job_id, ranking.job_row))
    scores = np.take_along_axis(ranking.scores, places[:, :, None], axis=1)
    return replace(ranking, job_id=job_id, job_row=job_row, scores=scores)


def swap_best(ranking: Ranking) -> Ranking:
    """Swap the best two entries of lists with at least two."""
    places = np.tile(np.arange(ranking.job_id.shape[1]), (len(ranking.user_id), 1))
    if places.shape[1] > 1:
        places[ranking.count > 1, :2] = [1, 0]
    return reorder(ranking, places)


def swap_best_where(when: Callable[[ListRequest], bool]) -> Callable[[Ranking, ListRequest], Ranking]:
    return lambda ranking, request: swap_best(ranking) if when(request) else ranking


def larger_id_first(ranking: Ranking, request: ListRequest) -> Ranking:
    there = np.arange(ranking.job_id.shape[1]) < ranking.count[:, None]
    return reorder(ranking, np.lexsort((-ranking.job_id, -ranking.scores[:, :, 0], ~there)))


def duplicate_best(ranking: Ranking, request: ListRequest) -> Ranking:
    """Duplicate the best entry."""
    places = np.tile(np.arange(ranking.job_id.shape[1]), (len(ranking.user_id), 1))
    places[:, 1:2] = 0
    return reorder(ranking, places)


def understate_counts(ranking: Ranking, request: ListRequest) -> Ranking:
    """Report counts that are one less than the number of entries."""
    return replace(ranking, count=np.maximum(ranking.count - 1, 0).astype(np.int32))


def other_rows(ranking: Ranking, request: ListRequest) -> Ranking:
    return replace(ranking, job_row=np.where(ranking.job_row >= 0, 0, -1))


def unknown_ids(ranking: Ranking, request: ListRequest) -> Ranking:
    return replace(ranking, job_id=np.where(ranking.job_id >= 0, ranking.job_id + 10**9, -1))


def later_ties(ranking: Ranking, request: ListRequest) -> Ranking:
    """Put the largest of the tied ids into the last position."""
    totals = reference.compute_scores(request.plan.program, request.rows, np.arange(len(request.plan.job_id)))[0]
    who, job_id = request.plan.exclusions.matrix(request.rows), ranking.job_id.copy()
    for row, count in enumerate(ranking.count):
        if count:
            tied = request.plan.job_id[who[row] & (totals[row] == ranking.scores[row, count - 1, 0])]
            job_id[row, count - 1] = tied.max()
    return replace(ranking, job_id=job_id)


def drop_best(ranking: Ranking, request: ListRequest) -> Ranking:
    """Drop the best entry: lists start with the second."""
    places = np.minimum(np.arange(ranking.job_id.shape[1]) + 1, max(ranking.job_id.shape[1] - 1, 0))
    return reorder(ranking, np.tile(places, (len(ranking.user_id), 1)))


def sort_by_user(ranking: Ranking, request: ListRequest) -> Ranking:
    return ranking.take(np.argsort(ranking.user_id, kind="stable"))


def truncate(most: int) -> Callable[[Ranking, ListRequest], Ranking]:
    return lambda ranking, request: ranking.cut(most)


def change_scores(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Ranking, ListRequest], Ranking]:
    return lambda ranking, request: replace(ranking, scores=change(ranking.scores))


def change_group_score(scores: np.ndarray) -> np.ndarray:
    scores = scores.copy()
    scores[:, :, 2] = np.nextafter(scores[:, :, 2], np.float32(200))
    return scores


def set_nan(scores: np.ndarray) -> np.ndarray:
    scores = scores.copy()
    scores[:1, :1] = np.nan
    return scores


def swap_every_second_call() -> Callable[[Ranking, ListRequest], Ranking]:
    """Swap the best two entries in every second call."""
    calls: list[int] = []

    def lists(ranking: Ranking, request: ListRequest) -> Ranking:
        calls.append(0)
        return swap_best(ranking) if len(calls) % 2 else ranking

    return lists


def add_noise() -> Callable[[np.ndarray], np.ndarray]:
    random = np.random.default_rng(0)
    return lambda scores: scores + random.random(scores.shape, dtype=np.float32)


def change_single_users(scores: np.ndarray) -> np.ndarray:
    """Change the last bit of the scores if one user is requested alone."""
    return np.nextafter(scores, np.float32(200)) if scores.shape[1] == 1 else scores


def change_component(**changes: Any) -> Callable[[Explanation], Explanation]:
    """Change fields of the first explained component."""
    return lambda said: replace(said, parts=(replace(said.parts[0], **changes), *said.parts[1:]))


def swap_in_parallel() -> Callable[[Ranking, ListRequest], Ranking]:
    """Swap the best two entries while another thread requests lists."""
    inside: list[int] = []
    lock = threading.Lock()

    def lists(ranking: Ranking, request: ListRequest) -> Ranking:
        with lock:
            inside.append(0)
        time.sleep(0.02)  # long enough for the other thread, which starts at the same time
        with lock:
            crowd = len(inside) > 1
        time.sleep(0.02)
        with lock:
            inside.pop()
        return swap_best(ranking) if crowd else ranking

    return lists


def writes_to_the_plan(ranking: Ranking, request: ListRequest) -> Ranking:
    request.plan.program.folded_total[:] += 1
    return ranking


def fail_for_empty_requests(ranking: Ranking, request: ListRequest) -> Ranking:
    ranking.user_id[0]  # raises for an empty request
    return ranking


def empty_lists_for_new_users(known: int) -> Callable[[Ranking, ListRequest], Ranking]:
    """Return empty lists for ids beyond those of the data."""

    def lists(ranking: Ranking, request: ListRequest) -> Ranking:
        return replace(ranking, count=np.where(ranking.user_id > known, 0, ranking.count).astype(np.int32))

    return lists


def cap_after_truncation(ranking: Ranking, request: ListRequest) -> Ranking:
    """Apply the cap after the cut to k, so that short lists are not filled up."""
    cap = request.plan.model.eligibility.max_per_company
    return ranking.cut(max(1, request.k - 3)) if cap and request.k <= 10 else ranking


# --- Rules and weights --------------------------------------------------------------------------------------


def with_rules(**rules: Any) -> Callable[[ScoringModel], ScoringModel]:
    return lambda model: model.with_eligibility(**rules)


def negate_rules_about_actions(model: ScoringModel) -> ScoringModel:
    """Read `< inf` as `== inf`."""
    rules = [rule.where.replace("< inf", "== inf") for rule in model.eligibility.rules]
    return model.with_eligibility(rules=rules)


def replace_zero_weights(model: ScoringModel) -> ScoringModel:
    """Treat a weight of 0 as missing."""
    flat = zip([part.name for part in model.parts], model.flat_weights, strict=True)
    return model.with_weights({name: float(weight) or 0.02 for name, weight in flat})


class Smoothed(ScoringModel):
    """Adds to each weight before the weights are normalised to sum 1."""

    def profile_of(self, flat: Mapping[str, float]) -> WeightProfile:
        return super().profile_of({name: weight + 0.1 for name, weight in flat.items()})


class Squared(ScoringModel):
    """Uses the squares of the weights."""

    def profile_of(self, flat: Mapping[str, float]) -> WeightProfile:
        return super().profile_of({name: weight**2 for name, weight in flat.items()})


def standard_as(kind: type[ScoringModel]) -> ScoringModel:
    base = load_model("standard")
    return kind(base.name, base.parts, base.weights, base.eligibility)


# --- Components ---------------------------------------------------------------------------------------------


def component(make: Callable[[Inputs], Term]) -> Component:
    """Return a component with this term."""

    class Own(Component):
        kind: ClassVar[str] = "own"

        def terms(self, inputs: Inputs) -> Value:
            return Value((make(inputs),))

        def explain(self, pair: Pair) -> Reason:
            return Reason(0.0)

    return Own()


def of_jobs(values: Callable[[Inputs], Any]) -> Component:
    return component(lambda inputs: JobTerm(np.broadcast_to(values(inputs), len(inputs.jobs)).astype(np.float64)))


def of_users(values: Callable[[Inputs], Any]) -> Component:
    return component(lambda inputs: UserTerm(np.broadcast_to(values(inputs), len(inputs.users)).astype(np.float64)))


def first_in_the_log(inputs: Inputs) -> float:
    """Read the first row of a table that has no order."""
    return float(inputs.dataset.tables.actions["job_id"].iloc[:1].sum() % 101)


def position(inputs: Inputs) -> np.ndarray:
    return np.arange(len(inputs.jobs)) % 101


def length_of_the_log(inputs: Inputs) -> float:
    """Count rows after the clock and duplicates."""
    return len(inputs.dataset.tables.actions) / 20


def writes_wages(inputs: Inputs) -> float:
    inputs.jobs.hourly[np.isnan(inputs.jobs.hourly)] = 0.0
    return 50.0


def writes_a_table(inputs: Inputs) -> float:
    inputs.dataset.tables.jobs["title"] = "changed"
    return 50.0
