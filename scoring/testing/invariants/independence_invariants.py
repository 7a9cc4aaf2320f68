"""Invariants about data: results do not depend on the order of rows, on ids, or on other rows of a request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from scoring.backends.protocol import Backend
from scoring.dataset import Dataset
from scoring.id_index import IdIndex
from scoring.ranking import Ranking
from scoring.testing.check_context import CheckContext
from scoring.testing.invariants.invariant_registry import (
    invariant,
    invariant_of_any_data,
    require_same_lists,
    require_same_scores,
    require_testable,
)
from scoring.testing.small_market import make_canonical

_SHORT = 10
_ALONE = 4
"""Number of users who are also requested alone."""


def _require_same_results(
    context: CheckContext, scorer: Backend, user_id: np.ndarray, job_id: np.ndarray, when: str
) -> None:
    """Require that the lists and scores of these ids, in any order, equal those of the context."""
    users, jobs = (np.argsort(ids, kind="stable") for ids in (user_id, job_id))
    u, j = np.searchsorted(user_id[users], context.user_id), np.searchsorted(job_id[jobs], context.job_id)
    u, j = users[u], jobs[j]
    require_same_lists(scorer.top_k(_SHORT, u), context.scorer.top_k(_SHORT), when)
    require_same_scores(scorer.all_pairs()[:, u[:, None], j], context.pairs, context.user_id, context.job_id, when)


@invariant
def table_order_does_not_matter(context: CheckContext) -> None:
    """Tables with their rows in another order give the same lists and scores."""
    for seed in (1, 2):
        mixed = {name: frame.sample(frac=1, random_state=seed) for name, frame in context.dataset.tables.items()}
        inputs = context.inputs_of(context.dataset_of(context.dataset.tables.with_tables(**mixed)))
        when = "with the rows of the tables in another order"
        _require_same_results(context, context.make_scorer(inputs), inputs.users.user_id, inputs.jobs.job_id, when)


@invariant
def request_order_does_not_matter(context: CheckContext) -> None:
    """Users and jobs that are requested in another order have the same lists and scores."""
    users, jobs = (rows.frame.sample(frac=1, random_state=3) for rows in (context.inputs.users, context.inputs.jobs))
    inputs = context.request(users=users, jobs=jobs)
    when = "with the rows of the request in another order"
    _require_same_results(context, context.make_scorer(inputs), inputs.users.user_id, inputs.jobs.job_id, when)


@invariant
def ids_only_break_ties(context: CheckContext) -> None:
    """Other ids in the same order give the same lists and scores under those ids."""
    known = {"job_id": context.dataset.jobs.job_id, "user_id": context.dataset.users.user_id}
    random = context.random()
    other = {column: np.cumsum(random.integers(1, 9, len(ids))) for column, ids in known.items()}
    tables = {name: frame.copy() for name, frame in context.dataset.tables.items()}
    for frame in tables.values():
        for column in known.keys() & set(frame.columns):
            place = IdIndex(known[column]).find(frame[column].to_numpy(np.int64))[0]
            frame[column] = other[column][place]
    inputs = context.inputs_of(context.dataset_of(context.dataset.tables.with_tables(**tables)))
    scorer, when = context.make_scorer(inputs), "under other ids in the same order"
    found, job_id = scorer.top_k(_SHORT), np.append(context.job_id, -1)
    renamed: Ranking = replace(found, user_id=context.user_id, job_id=job_id[found.job_row])
    require_same_lists(renamed, context.scorer.top_k(_SHORT), when)
    require_same_scores(scorer.all_pairs(), context.pairs, context.user_id, context.job_id, when)


@invariant
def results_do_not_depend_on_other_users(context: CheckContext) -> None:
    """Users who are requested alone or in small groups have the same lists and scores as among all users."""
    whole = context.scorer.top_k(_SHORT)
    some = context.random().permutation(context.users)
    for rows in (some[: len(some) // 2], *some[:_ALONE, None]):
        frame = context.inputs.users.frame.iloc[rows]
        for inputs in (context.inputs.take_users(rows), context.request(users=frame)):
            scorer, when = context.make_scorer(inputs), f"requested with {len(rows) - 1} other users"
            require_same_lists(scorer.top_k(_SHORT), whole.take(rows), when)
            require_same_scores(scorer.all_pairs(), context.pairs[:, rows], context.user_id[rows], context.job_id, when)


@invariant
def unlisted_jobs_can_be_removed(context: CheckContext) -> None:
    """Without jobs that are not in a user's list, the list is the same."""
    whole, random, seen = context.scorer.top_k(_SHORT), context.random(), 0
    for row in random.permutation(context.users)[:_ALONE]:
        listed = whole.job_row[row, : whole.count[row]]
        unlisted = random.permutation(np.setdiff1d(context.jobs, listed))
        seen += len(unlisted)
        kept = np.setdiff1d(context.jobs, unlisted[: (len(unlisted) + 1) // 2])
        scorer = context.make_scorer(context.request(jobs=context.inputs.jobs.frame.iloc[kept]))
        when = f"without {len(context.jobs) - len(kept)} jobs that are not in the list"
        require_same_lists(scorer.top_k(_SHORT, np.array([row])), whole.take(np.array([row])), when)
    require_testable(seen, "no unlisted job")


@invariant
def ineligible_jobs_can_be_added(context: CheckContext) -> None:
    """Expired copies of the best jobs do not change lists."""
    model = context.model.with_eligibility(open=True)
    whole = context.make_scorer(context.inputs, model).top_k(_SHORT)
    best = np.unique(whole.job_row[:, :3])
    best = best[best >= 0]
    require_testable(len(best), "no user with a list")
    jobs = context.inputs.jobs.frame
    copies = jobs.iloc[best].copy()
    copies["job_id"] = context.job_id.min() - 1 - np.arange(len(best))  # the ids that would win a tie
    copies["expires_at"] = pd.Series(context.dataset.as_of, index=copies.index).astype(jobs["expires_at"].dtype)
    more = context.request(jobs=pd.concat([copies, jobs], ignore_index=True))
    found = context.make_scorer(more, model).top_k(_SHORT)
    require_same_lists(found, whole, f"with {len(best)} expired copies of the best jobs")


@invariant
def new_user_gets_a_list(context: CheckContext) -> None:
    """A new user without data gets a list of all jobs that the rules allow, at most k, with finite scores."""
    new = int(context.dataset.users.user_id.max(initial=0)) + 1
    frame = make_canonical("users", context.dataset.board, user_id=[new])
    users = frame.reindex(columns=context.inputs.users.frame.columns)
    inputs = context.request(users=users.astype(context.inputs.users.frame.dtypes.to_dict()))
    plan = context.engine.build(context.model.with_eligibility(max_per_company=None), inputs)
    scorer, n_allowed = context.engine.scorer(plan), int(plan.exclusions.matrix(np.array([0])).sum())
    for k in context.lengths:
        ranking = scorer.top_k(k)
        count = int(ranking.count[0])
        where = f"user {new}, new, in a list of {k}"
        assert count == min(k, n_allowed), f"{where}: {count} jobs of {n_allowed} allowed jobs."
        assert np.isfinite(ranking.scores).all(), f"{where}: a score is not a number."


@invariant_of_any_data
def empty_requests_are_valid(context: CheckContext) -> None:
    """Without users, without jobs, or with empty tables, lists and scores are empty and no error is raised."""
    no_users, no_jobs = context.inputs.users.frame.iloc[:0], context.inputs.jobs.frame.iloc[:0]
    tables = context.dataset.tables
    empty = tables.with_tables(jobs=tables.jobs[:0], users=tables.users[:0], actions=tables.actions[:0])
    for inputs, when in (
        (context.request(users=no_users), "without users"),
        (context.request(jobs=no_jobs), "without jobs"),
        (context.request(users=no_users, jobs=no_jobs), "without users and jobs"),
        (context.inputs_of(context.dataset_of(empty)), "with empty tables"),
    ):
        scorer, (n, m) = context.make_scorer(inputs), (len(inputs.users), len(inputs.jobs))
        ranking, shape = scorer.top_k(_SHORT), scorer.all_pairs().shape
        assert shape == (4, n, m), f"{when}: scores have shape {shape}, not {(4, n, m)}."
        assert len(ranking.user_id) == n, f"{when}: {len(ranking.user_id)} lists are returned, not {n}."
        assert not ranking.count.any(), f"{when}: a list is not empty."


@invariant
def actions_after_the_clock_are_ignored(context: CheckContext) -> None:
    """With the clock set back, scores equal those of a log without the later actions."""
    tables = context.dataset.tables
    times = tables.actions["occurred_at"].sort_values(ignore_index=True)
    require_testable(len(times), "no actions")
    clock = times.iloc[len(times) // 2]
    until = tables.actions["occurred_at"] <= clock
    require_testable(not until.all(), "no two actions at different times")
    ended = tables.with_tables(actions=tables.actions[until].reset_index(drop=True))
    later, truncated = (
        context.make_scorer(context.inputs_of(Dataset(log, as_of=clock, set_back=True))) for log in (tables, ended)
    )
    when = f"as of {clock:%Y-%m-%d %H:%M}, with {int((~until).sum())} later actions"
    require_same_scores(later.all_pairs(), truncated.all_pairs(), context.user_id, context.job_id, when)
    require_same_lists(later.top_k(_SHORT), truncated.top_k(_SHORT), when)


@invariant
def duplicate_actions_count_once(context: CheckContext) -> None:
    """A duplicate action (same user, job, kind and time) does not change lists and scores."""
    actions = context.dataset.tables.actions
    require_testable(len(actions), "no actions")
    again = actions.sample(frac=0.5, random_state=4)
    inputs = context.inputs_of(context.with_tables(actions=pd.concat([actions, again], ignore_index=True)))
    when = f"with {len(again)} actions in the log twice"
    _require_same_results(context, context.make_scorer(inputs), inputs.users.user_id, inputs.jobs.job_id, when)
