"""What answers may depend on in the data: neither the order of rows nor ids, nor whoever else is asked about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from scoring.backends.protocol import Backend
from scoring.dataset import Dataset, Tables
from scoring.id_index import IdIndex
from scoring.ranking import Ranking
from scoring.testing.check_context import Case
from scoring.testing.invariants.invariant_registry import invariant, of_any_data, same_lists, same_scores, show
from scoring.testing.small_market import canonical

_SHORT = 10
_ALONE = 4
"""Users who are asked about alone."""


def _same(case: Case, scorer: Backend, user_id: np.ndarray, job_id: np.ndarray, when: str) -> None:
    """Lists and scores of a scorer of these ids, in any order, are those of the case."""
    users, jobs = (np.argsort(ids, kind="stable") for ids in (user_id, job_id))
    u, j = np.searchsorted(user_id[users], case.user_id), np.searchsorted(job_id[jobs], case.job_id)
    u, j = users[u], jobs[j]
    same_lists(scorer.top_k(_SHORT, u), case.scorer.top_k(_SHORT), when)
    same_scores(scorer.all_pairs()[:, u[:, None], j], case.pairs, case.user_id, case.job_id, when)


@invariant
def rows_of_tables_have_no_order(case: Case) -> None:
    """Tables with their rows in another order give the same lists and scores."""
    for seed in (1, 2):
        mixed = {name: frame.sample(frac=1, random_state=seed) for name, frame in case.dataset.tables.items()}
        inputs = case.inputs_of(case.at_the_clock(Tables(**mixed)))
        when = "with the rows of the tables in another order"
        _same(case, case.asked(inputs), inputs.users.user_id, inputs.jobs.job_id, when)


@invariant
def rows_of_a_request_have_no_order(case: Case) -> None:
    """Users and jobs that are asked about in another order have the same lists and scores."""
    users, jobs = (rows.frame.sample(frac=1, random_state=3) for rows in (case.inputs.users, case.inputs.jobs))
    inputs = case.request(users=users, jobs=jobs)
    when = "with the rows of the request in another order"
    _same(case, case.asked(inputs), inputs.users.user_id, inputs.jobs.job_id, when)


@invariant
def ids_do_nothing_but_break_ties(case: Case) -> None:
    """Other ids in the same order give the same lists and scores under those ids."""
    known = {"job_id": case.dataset.jobs.job_id, "user_id": case.dataset.users.user_id}
    random = case.random()
    other = {column: np.cumsum(random.integers(1, 9, len(ids))) for column, ids in known.items()}
    tables = {name: frame.copy() for name, frame in case.dataset.tables.items()}
    for frame in tables.values():
        for column in known.keys() & set(frame.columns):
            place = IdIndex(known[column]).find(frame[column].to_numpy(np.int64))[0]
            frame[column] = other[column][place]
    inputs = case.inputs_of(case.at_the_clock(Tables(**tables)))
    scorer, when = case.asked(inputs), "under other ids in the same order"
    found, job_id = scorer.top_k(_SHORT), np.append(case.job_id, -1)
    renamed: Ranking = replace(found, user_id=case.user_id, job_id=job_id[found.job_row])
    same_lists(renamed, case.scorer.top_k(_SHORT), when)
    same_scores(scorer.all_pairs(), case.pairs, case.user_id, case.job_id, when)


@invariant
def some_users_have_the_rows_of_all(case: Case) -> None:
    """Users who are asked about alone, or a few together, have the lists and scores that they have among all."""
    whole = case.scorer.top_k(_SHORT)
    some = case.random().permutation(case.users)
    for rows in (some[: len(some) // 2], *some[:_ALONE, None]):
        frame = case.inputs.users.frame.iloc[rows]
        for inputs in (case.inputs.take_users(rows), case.request(users=frame)):
            scorer, when = case.asked(inputs), f"asked about with {len(rows) - 1} others"
            same_lists(scorer.top_k(_SHORT), whole.take(rows), when)
            same_scores(scorer.all_pairs(), case.pairs[:, rows], case.user_id[rows], case.job_id, when)


@invariant
def an_unlisted_job_may_go(case: Case) -> None:
    """Without jobs that are not in a user's list, the list is the same."""
    whole, random, seen = case.scorer.top_k(_SHORT), case.random(), 0
    for row in random.permutation(case.users)[:_ALONE]:
        listed = whole.job_row[row, : whole.count[row]]
        unlisted = random.permutation(np.setdiff1d(case.jobs, listed))
        seen += len(unlisted)
        kept = np.setdiff1d(case.jobs, unlisted[: (len(unlisted) + 1) // 2])
        scorer = case.asked(case.request(jobs=case.inputs.jobs.frame.iloc[kept]))
        when = f"without {len(case.jobs) - len(kept)} jobs that are not in the list"
        same_lists(scorer.top_k(_SHORT, np.array([row])), whole.take(np.array([row])), when)
    show(seen, "no job outside of a list")


@invariant
def an_ineligible_job_may_come(case: Case) -> None:
    """Copies of the best jobs that have expired change no list."""
    model = case.model.with_eligibility(open=True)
    whole = case.asked(case.inputs, model).top_k(_SHORT)
    best = np.unique(whole.job_row[:, :3])
    best = best[best >= 0]
    show(len(best), "nobody with a list")
    jobs = case.inputs.jobs.frame
    copies = jobs.iloc[best].copy()
    copies["job_id"] = case.job_id.min() - 1 - np.arange(len(best))  # the ids that would win a tie
    copies["expires_at"] = pd.Series(case.dataset.as_of, index=copies.index).astype(jobs["expires_at"].dtype)
    more = case.request(jobs=pd.concat([copies, jobs], ignore_index=True))
    found = case.asked(more, model).top_k(_SHORT)
    same_lists(found, whole, f"with {len(best)} expired copies of the best jobs")


@invariant
def a_user_without_data_gets_a_list(case: Case) -> None:
    """A user of whom nothing but a new id is known has a list as long as there are jobs for, with finite scores."""
    new = int(case.dataset.users.user_id.max(initial=0)) + 1
    frame = canonical("users", user_id=[new])
    users = frame.reindex(columns=case.inputs.users.frame.columns)
    inputs = case.request(users=users.astype(case.inputs.users.frame.dtypes.to_dict()))
    plan = case.engine.build(case.model.with_eligibility(max_per_company=None), inputs)
    scorer, there = case.engine.scorer(plan), int(plan.exclusions.open_to_all.sum())
    for k in case.lengths:
        ranking = scorer.top_k(k)
        count = int(ranking.count[0])
        told = f"user {new}, new, in a list of {k}: {count} jobs of {there} that are open to all"
        assert count == min(k, there), f"{told}."
        assert np.isfinite(ranking.scores).all(), f"user {new}, new, in a list of {k}: a score is no number."


@of_any_data
def nobody_and_nothing_can_be_asked_about(case: Case) -> None:
    """Without users, without jobs, or without any tables' rows there are no lists and no scores, and no error."""
    nobody, nothing = case.inputs.users.frame.iloc[:0], case.inputs.jobs.frame.iloc[:0]
    tables = case.dataset.tables
    empty = tables.with_tables(jobs=tables.jobs[:0], users=tables.users[:0], actions=tables.actions[:0])
    for inputs, when in (
        (case.request(users=nobody), "without users"),
        (case.request(jobs=nothing), "without jobs"),
        (case.request(users=nobody, jobs=nothing), "without users and jobs"),
        (case.inputs_of(case.at_the_clock(empty)), "of empty tables"),
    ):
        scorer, (n, m) = case.asked(inputs), (len(inputs.users), len(inputs.jobs))
        ranking, shape = scorer.top_k(_SHORT), scorer.all_pairs().shape
        assert shape == (4, n, m), f"{when}: scores are of shape {shape}, not {(4, n, m)}."
        assert len(ranking.user_id) == n, f"{when}: there are {len(ranking.user_id)} lists, not {n}."
        assert not ranking.count.any(), f"{when}: a list holds something."


@invariant
def nothing_after_the_clock_is_read(case: Case) -> None:
    """With the clock set back, later actions change nothing: scores are those of a log that ends there."""
    tables = case.dataset.tables
    times = tables.actions["occurred_at"].sort_values(ignore_index=True)
    show(len(times), "no actions")
    clock = times.iloc[len(times) // 2]
    until = tables.actions["occurred_at"] <= clock
    show(not until.all(), "no action after another")
    ended = tables.with_tables(actions=tables.actions[until].reset_index(drop=True))
    later, truncated = (case.asked(case.inputs_of(Dataset(log, as_of=clock, set_back=True))) for log in (tables, ended))
    when = f"as of {clock:%Y-%m-%d %H:%M}, with {int((~until).sum())} later actions"
    same_scores(later.all_pairs(), truncated.all_pairs(), case.user_id, case.job_id, when)
    same_lists(later.top_k(_SHORT), truncated.top_k(_SHORT), when)


@invariant
def an_action_counts_once(case: Case) -> None:
    """The same action (user, job, kind, time) in the log twice changes nothing."""
    actions = case.dataset.tables.actions
    show(len(actions), "no actions")
    again = actions.sample(frac=0.5, random_state=4)
    inputs = case.inputs_of(case.changed(actions=pd.concat([actions, again], ignore_index=True)))
    when = f"with {len(again)} actions in the log twice"
    _same(case, case.asked(inputs), inputs.users.user_id, inputs.jobs.job_id, when)
