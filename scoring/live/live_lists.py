"""Exact lists of all users, kept up to date event by event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, Final, cast

import numpy as np
import pandas as pd

from scoring.argument_checks import check_list_length
from scoring.array_types import Bools, Ints, Longs, Singles
from scoring.backends.numba.backend import NumbaBackend
from scoring.bundle.ranked_lists import SCORES, Ranking
from scoring.columns import ACTION_KINDS
from scoring.columns.board_definition import Board
from scoring.columns.dataset_frames import Tables
from scoring.dataset import Dataset
from scoring.dataset.arrays import ActionArrays, JobArrays, UserArrays
from scoring.dataset.clock import Clock
from scoring.dataset.python_row_encoding import encode_jobs, encode_users
from scoring.dataset.vocabularies import Vocabularies
from scoring.errors import ConfigurationError, ScoringError
from scoring.live.events import Event, Row, make_rows, to_microseconds
from scoring.live.growing_codes import GrowingVocabulary, make_growing
from scoring.live.job_cells import JobCells
from scoring.live.job_columns import JobColumns, take_users
from scoring.live.leaf_masks import LeafTerm
from scoring.live.learned_terms import compute_terms
from scoring.live.list_kernels import (
    ListArrays,
    begin_ranking,
    bound_users,
    collect_jobs,
    end_ranking,
    find_users,
    insert_jobs,
    rank_user,
    update_lists,
)
from scoring.live.live_rules import LiveRules
from scoring.live.live_tables import ActionKey, LiveTables
from scoring.live.output_columns import OutputTerm
from scoring.live.pair_arrays import EncodedJobs, JobBound, LayoutChangedError, PairLayout
from scoring.live.published_lists import PublishedLists, UserList, make_unknown
from scoring.live.row_check import require_row_component
from scoring.live.rule_sources import list_sources
from scoring.model import GROUPS, Inputs, Part, ScoringModel, WeightProfile
from scoring.model.component_inputs import History
from scoring.model.terms import JobTerm, Value
from scoring.model_catalog import AnyModel, load_model
from scoring.plan import Plan
from scoring.plan.plan import build_program, call_terms
from scoring.plan.rule_exclusions import Exclusions
from scoring.plan.term_checks import check_value
from scoring.plan.value_range_check import is_shipped
from scoring.statistics import Basis, Statistics

__all__ = ["REBUILD_AT", "SPARE", "LiveLists", "UserList", "make_next_basis"]

SPARE: Final = 16
"""Jobs of a list beyond those that readers see. As many can leave before a list is computed again."""

REBUILD_AT: Final = 2000
"""Events up to which applying them one by one takes less time than building all lists."""

REFILLS_AT_ONCE: Final = 16
"""Lists that an event may compute again at once. If it leaves more lists short, they are computed later."""

_MIN_ROOM: Final = 64
_CHECKED_ROWS: Final = 12
"""Jobs and users whose terms are computed alone, to compare them with those of all rows."""
_MAX_LOOSE: Final = 512
"""Loose jobs from which building the cells again takes less time than trying them for each user."""
_JOBS_AT_ONCE: Final = 64
"""Jobs of a user whose outputs are computed first, from the best bound on. Each further batch is twice as large."""
_PAIRS_RANKED_ALONE: Final = 2_000_000
"""Pairs up to which the first lists are computed user by user: a search index takes longer to build."""


class LiveLists:
    """The lists of all active users, exact given a basis and the events so far.

    Components read the rows of a pair, the user's actions and the basis; others are refused. A row of an event is used
    at once. Freshness, opening, expiry and windows of days follow the clock of the basis. `tick` replaces the clock,
    area means, popularity and similarity.

    One thread at a time may use an object.

    Parameters
    ----------
    tables: The tables without events, or tables with events, which these lists then change.
    model: The model, the name of a shipped model, or the path of a model file.
    basis: The basis of the scores, with all values computed, such as `Statistics(dataset).basis.materialize([360.0])`.
    k: Length of the lists that readers see.
    dataset: The dataset of the tables at the clock of the basis, if the caller has made it.
    accepted: The model of earlier lists. If it is `model`, components are not compared on subsets again.

    Raises
    ------
    ConfigurationError: If k is not an integer of 1 or more, or the basis lacks a popularity window.
    ModelError: If a component or a rule reads something else, such as other users. The message names it.

    Example
    -------
    >>> from datetime import UTC, datetime
    >>> basis = Statistics(data).basis.materialize([360.0])
    >>> lists = LiveLists(data.tables, "standard", basis, k=5)
    >>> user, job = int(lists.ranking().user_id[0]), int(lists.ranking().job_id[0, 0])
    >>> lists.apply(Event(1, "job", job, None, datetime(2025, 6, 1, tzinfo=UTC)))  # deleted
    True
    >>> job in lists.get(user).job_id
    False
    """

    def __init__(
        self,
        tables: Tables | LiveTables,
        model: AnyModel,
        basis: Basis,
        *,
        k: int = 40,
        dataset: Dataset | None = None,
        accepted: ScoringModel | None = None,
    ) -> None:
        self.k, self.model = check_list_length(k), load_model(model)
        list_sources(self.model.eligibility)
        self.basis = basis.materialize()
        self.tables = tables if isinstance(tables, LiveTables) else LiveTables(tables)
        self._own = frozenset(number for number, part in enumerate(self.model.parts) if not is_shipped(part))
        for number in self._own if self.model is not accepted else ():
            require_row_component(self.model.parts[number], self.tables.make_dataset(self.basis.clock), self.basis)
        self.seq = 0
        """The highest number of an event that was applied."""
        self.n_rebuilds = 0
        """How often all arrays and lists were built, the first time included."""
        self.n_refills = 0
        self.builds_in_place = True
        """Whether an event that needs other arrays builds all lists at once. If not, it changes only the tables and
        raises `LayoutChangedError`: the caller builds other lists."""
        """How many lists were computed again because they had too few exact places."""
        self._build(dataset)

    def __repr__(self) -> str:
        return f"LiveLists({self.model.name}, {int(self._has_list.sum()):,} lists, event {self.seq:,}, {self.basis!r})"

    # --- Reading -----------------------------------------------------------------------------------------------------

    @property
    def has_row_terms(self) -> bool:
        """Whether an event changes lists in place. If not, each event builds all lists."""
        return self._has_row_terms

    @property
    def n_lists(self) -> int:
        """The number of active users."""
        return int(np.count_nonzero(self._has_list))

    @property
    def n_jobs(self) -> int:
        """The number of jobs, open or not."""
        return self._n_jobs - len(self._deleted_jobs)

    def refill(self, at_most: int | None = None) -> int:
        """Compute lists that have too few exact places; return how many are left. `get` computes those it reads.

        An event can leave thousands of lists short. To compute them takes seconds, in which no list could be read.
        """
        n = len(self._to_refill) if at_most is None else min(at_most, len(self._to_refill))
        for _ in range(n):
            self.n_refills += 1
            self._rank_user(next(iter(self._to_refill)))
        return len(self._to_refill)

    def warm_up(self) -> None:
        """Load the kernels that events need, so that the first event does not wait for them. No list changes."""
        if self._n_jobs and self._n_users and self._has_row_terms:
            slot = int(np.argmax(self._rules.open_to_all[: self._n_jobs]))  # a closed job is in no list
            self._update_jobs([int(self._rules.job_id[slot])])
            self._refresh_user(0, self._of_users)

    def publish(self) -> PublishedLists:
        """Return copies of the lists for readers in other threads. `PublishedLists.renew` follows later events.

        It requires `builds_in_place` to be False: a build replaces the arrays.
        """
        return PublishedLists(
            self.k, self._lists, self._has_row, self._has_list, self._user_of, self._user_id, self._rules.job_id
        )

    def get(self, user_id: int) -> UserList | None:
        """Return the list of a user; None if the user is inactive.

        Raises
        ------
        UnknownIdError: If the user does not exist.
        """
        user = self._user_of.get(user_id)
        if user is None or not self.tables.users.contains(user_id):
            raise make_unknown(user_id, "does not exist")
        if not self._has_list[user]:
            return None
        if user in self._to_refill:
            self.n_refills += 1
            self._rank_user(user)
        n = min(self.k, int(self._lists.valid[user]))
        slots = self._lists.slot[user, :n]
        return UserList(user_id, self._rules.job_id[slots], self._lists.scores[user, :n].copy())

    def ranking(self, user_ids: Sequence[int] | None = None) -> Ranking:
        """Return the lists of these users as a ranking; None for all active users, in order of their ids.

        Raises
        ------
        UnknownIdError: If a user does not exist or is inactive.
        """
        if user_ids is None:
            user_ids = sorted(user for user, place in self._user_of.items() if self._has_list[place])
        found = [self.get(user) for user in user_ids]
        for user, of_user in zip(user_ids, found, strict=True):
            if of_user is None:
                raise make_unknown(user, "is inactive")
        width = max((len(of_user) for of_user in found if of_user is not None), default=0)
        job_id = np.full((len(found), width), -1, dtype=np.int64)
        scores = np.zeros((len(found), width, len(SCORES)), dtype=np.float32)
        count = np.zeros(len(found), dtype=np.int32)
        for row, of_user in enumerate(found):
            assert of_user is not None
            count[row] = len(of_user)
            job_id[row, : len(of_user)], scores[row, : len(of_user)] = of_user.job_id, of_user.scores
        return Ranking(np.array(user_ids, dtype=np.int64), job_id, np.full_like(job_id, -1), scores, count)

    # --- Events ------------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> bool:
        """Apply an event; return whether it changed a row. An event that was applied before changes nothing.

        Raises
        ------
        DataError: If the row is not canonical. Nothing is changed.
        """
        if not self.tables.apply(event):
            return False
        self.seq = max(self.seq, event.seq)
        try:
            if not self._has_row_terms:
                raise LayoutChangedError
            if event.kind == "job":
                self._update_jobs([event.key])
            elif event.kind == "user":
                if event.body is None:
                    self._forget_actions(event.key)
                self._update_user(event.key, forgets=event.body is None)
            else:
                self._add_action(event)
        except LayoutChangedError:
            if not self.builds_in_place:
                raise
            self._build()
        return True

    def apply_all(self, events: Sequence[Event]) -> int:
        """Apply events in order; return how many changed a row.

        More than `REBUILD_AT` events change only the tables. The lists are then built once, which takes less time. So
        do any events if an own component has terms that cannot be computed for single rows.

        Raises
        ------
        DataError: If a row is not canonical. Nothing is changed.
        """
        for event in events:
            event.require_canonical(self.tables.board)
        if len(events) <= REBUILD_AT and self._has_row_terms:
            # the terms of own components are computed for single rows
            groups = groupby(events, key=lambda event: event.kind == "job" and not self._own)
            return sum(
                self._apply_jobs(list(group)) if is_job else sum(self.apply(event) for event in group)
                for is_job, group in groups
            )
        n_changed = sum(self.tables.apply(event) for event in events)
        self.seq = max(self.seq, *(event.seq for event in events))
        if n_changed:
            self._build()
        return n_changed

    def _apply_jobs(self, events: Sequence[Event]) -> int:
        """Apply events of jobs, whose rows are encoded together."""
        changed = [event.key for event in events if self.tables.apply(event)]
        self.seq = max(self.seq, *(event.seq for event in events))
        try:
            self._update_jobs(list(dict.fromkeys(changed)))
        except LayoutChangedError:
            if not self.builds_in_place:
                raise
            self._build()
        return len(changed)

    def tick(self, as_of: datetime) -> None:
        """Replace the basis by that of the current tables at a time. Factors are kept.

        Raises
        ------
        ConfigurationError: If the time is before the clock of the basis.
        """
        clock = Clock(pd.Timestamp(as_of), set_back=False)
        if clock.now < self.basis.clock.now:
            raise ConfigurationError(
                f"as_of is {as_of}, before the clock of the basis, {self.basis.clock.as_of}. A clock never goes back.",
                key=("as_of",),
            )
        self.basis = make_next_basis(self.tables.make_dataset(clock), self.basis)
        self._build()

    # --- Building ----------------------------------------------------------------------------------------------------

    def _build(self, dataset: Dataset | None = None) -> None:
        """Build all arrays and lists from the tables, or from their dataset."""
        self.n_rebuilds += 1
        self._now = self.basis.clock.as_of.to_pydatetime()
        self._dataset = self.tables.make_dataset(self.basis.clock) if dataset is None else dataset
        inputs = Inputs.of(self._dataset, basis=self.basis)
        self._inputs = replace(inputs, words=make_growing(inputs.words))
        self._n_users, self._n_jobs = len(inputs.users), len(inputs.jobs)
        self._n_base_users, self._n_base_jobs = self._n_users, self._n_jobs
        users_room, jobs_room = _add_room(self._n_users), _add_room(self._n_jobs)
        job_of = {job: slot for slot, job in enumerate(inputs.jobs.job_id.tolist())}
        values = [compute_terms(part, self._inputs, job_of) for part in self.model.parts]
        for number in self._own:
            build_program(_make_model_of(self.model.parts[number]), self._inputs)  # checks terms and range
        self._evaluated = frozenset(
            number
            for number, value in enumerate(values)
            if number in self._own or any(isinstance(term, JobTerm | LeafTerm | OutputTerm) for term in value.terms)
        )
        self._layout = self._make_layout(values, users_room, jobs_room)
        self._user_id: Longs = np.zeros(users_room, dtype=np.int64)
        self._user_id[: self._n_users] = inputs.users.user_id
        self._user_of = {user: place for place, user in enumerate(inputs.users.user_id.tolist())}
        self._job_of = job_of
        self._deleted_jobs: set[int] = set()
        self._is_deleted: Bools = np.zeros(jobs_room, dtype=bool)
        self._jobs = JobColumns(inputs.jobs, jobs_room)
        self._changed_users: dict[int, UserArrays] = {}  # place → the user's row, if an event changed it
        self._no_users = take_users(inputs.users, None)
        self._no_dataset = cast(Dataset, _NoDataset(self.tables.board))
        no_frame = self._dataset.tables.jobs.iloc[:0]  # without `self`: a cycle would keep replaced lists in memory
        no_jobs = self._jobs.take(np.empty(0, dtype=np.int32), lambda: no_frame)
        none = np.empty(0, dtype=np.int32)
        no_actions = ActionArrays(none, none, none.astype(np.int8), none.astype(np.int64))
        self._no_history = History.of_actions(no_actions, no_jobs, self.basis.clock, 0)
        self._no_jobs = no_jobs
        empty = self._make_inputs(no_jobs, self._no_users, self._no_history)
        self._no_user_fields = empty.has_profile, empty.user_vectors, empty.user_has_vector
        self._of_users = np.flatnonzero(~self._layout.is_job_only).tolist()
        self._note_reads()
        self._empty_history = History.of_actions(no_actions, no_jobs, self.basis.clock, 1)
        has = np.flatnonzero(self.basis.factors.job_has)
        self._vector_row = dict(zip(self.basis.job_id[has].tolist(), has.tolist(), strict=True))
        self._collect_actions()
        self._has_list: Bools = np.zeros(users_room, dtype=bool)
        self._has_row: Bools = np.zeros(users_room, dtype=bool)
        self._has_row[: self._n_users] = True
        self._has_history: Bools = np.zeros(users_room, dtype=bool)
        self._has_history[: self._n_users] = inputs.history.counts > 0
        self._has_list[: self._n_users] = inputs.users.active
        self._refills: Ints = np.zeros(users_room, dtype=np.int32)
        self._seen, self._turn = np.zeros(jobs_room, dtype=np.int64), 0
        self._make_rules(users_room, jobs_room)
        self._has_row_terms = self._check_row_terms()
        if not self._has_row_terms:
            self._layout = self._make_layout(values, users_room, jobs_room)
        bound_users(self._layout.arrays, 0, self._n_users)
        self._make_cells()
        self._make_lists(users_room, jobs_room)

    def _make_cells(self) -> None:
        self._cells = JobCells(self._layout.arrays, self._rules.open_to_all[: self._n_jobs])

    def _note_reads(self) -> None:
        """Note which components an action or a change of a user's row concerns. Own components read anything."""
        reads = {number: self.model.parts[number].component.reads for number in self._of_users}

        def choose(*prefixes: str) -> list[int]:
            return [
                number
                for number, names in reads.items()
                if number in self._own or not names or any(name.startswith(prefixes) for name in names)
            ]

        self._parts_of_history, self._parts_of_row = choose("actions"), choose("users.")
        self._parts_of_action = {
            kind: [n for n in self._parts_of_history if n in self._own or _reads_kind(reads[n], kind)]
            for kind in ACTION_KINDS
        }
        self._parts_without_history = set(self._of_users) - set(self._parts_of_history)

    def _make_layout(self, values: Sequence[Value], users_room: int, jobs_room: int) -> PairLayout:
        return PairLayout(
            values,
            self.model.flat_weights,
            self.model.weights_in_group,
            np.array([GROUPS.index(part.group) for part in self.model.parts]),
            self._n_users,
            self._n_jobs,
            users_room,
            jobs_room,
            self._evaluated,
        )

    def _collect_actions(self) -> None:
        """Divide the actions into those of the checkpoint, as arrays, and those of events, by user and by job."""
        dataset, frame = self._dataset, self.tables.make_checkpoint_actions()
        users, has_user = dataset.user_index.find(frame["user_id"].to_numpy())
        jobs, has_job = dataset.job_index.find(frame["job_id"].to_numpy())
        used = has_user & has_job
        self._quarantined_users = set(frame["user_id"][~has_user].tolist())
        self._quarantined_jobs = set(frame["job_id"][~has_job].tolist())
        self._base = ActionArrays.encode(
            frame[used], users[used].astype(np.int32), jobs[used].astype(np.int32), self.basis.clock.now
        )
        self._user_start = np.searchsorted(self._base.user, np.arange(self._n_users + 1, dtype=np.int32))
        self._erased_places: set[int] = set()
        self._by_job = np.argsort(self._base.job, kind="stable")
        self._job_start = np.searchsorted(self._base.job[self._by_job], np.arange(self._n_jobs + 1))
        self._event_actions: dict[int, list[ActionKey]] = defaultdict(list)
        self._actors: dict[int, set[int]] = defaultdict(set)
        for key in self.tables.actions:
            self._note_action(key)

    def _note_action(self, key: ActionKey) -> None:
        self._event_actions[key[0]].append(key)
        self._actors[key[1]].add(key[0])

    def _make_rules(self, users_room: int, jobs_room: int) -> None:
        inputs, n_jobs = self._inputs, self._n_jobs
        exclusions = Exclusions.of(self.model.eligibility, inputs)  # also checks the rules
        rules = self._rules = LiveRules(self.model.eligibility, inputs.board, users_room, jobs_room)
        rules.job_id[:n_jobs], rules.company[:n_jobs] = inputs.jobs.job_id, inputs.jobs.company
        rules.open_to_all[:n_jobs] = rules.find_open_to_all(inputs)
        for table in ("jobs", "users"):
            rules.write_frame(table, getattr(self._dataset.tables, table))
        if rules.write_all_users(exclusions):
            return
        for user in range(self._n_users):
            rules.write_user(user, *self._find_history(user))

    def _make_lists(self, users_room: int, jobs_room: int) -> None:
        self._to_refill: set[int] = set()  # places of users whose lists are computed when they are read
        width = self.k + SPARE
        self._lists = ListArrays(
            np.full((users_room, width), -1, dtype=np.int32),
            np.zeros((users_room, width, len(SCORES)), dtype=np.float32),
            np.zeros(users_room, dtype=np.int32),
            np.zeros(users_room, dtype=bool),
            np.zeros(jobs_room, dtype=np.int32),
            np.full(users_room, np.inf, dtype=np.float32),
            np.zeros(users_room, dtype=bool),
        )
        if self._n_users * self._n_jobs <= _PAIRS_RANKED_ALONE:
            for user in range(self._n_users):
                self._rank_user(user)
            return
        users = np.flatnonzero(self._has_list[: self._n_users])
        found = NumbaBackend(Plan.build(self.model, self._inputs).bundle).top_k(width, users)
        rows, count = found.job_row, found.count
        self._lists.slot[users, : rows.shape[1]] = rows
        self._lists.scores[users, : rows.shape[1]] = found.scores
        self._lists.valid[users] = count
        self._lists.complete[users] = count < width
        self._lists.n_lists[:] = np.bincount(rows[rows >= 0], minlength=jobs_room)
        last = self._lists.scores[users, width - 1, 0]
        self._lists.threshold[users] = np.where(count < width, -np.inf, last)

    # --- Jobs --------------------------------------------------------------------------------------------------------

    def _update_jobs(self, job_ids: Sequence[int]) -> None:
        """Update the lists after changes of jobs, whose rows the tables contain."""
        table, rows = self.tables.jobs.table, {}
        for job_id in job_ids:
            found = self.tables.jobs.get(job_id)
            if found is None:
                self._remove_job(job_id)
            else:
                rows[job_id] = found.clamped(table, self._now)
        if not rows:
            return
        if not self._quarantined_jobs.isdisjoint(rows):
            raise LayoutChangedError
        words = self._grow(rows.values())
        jobs = encode_jobs(make_rows(table, list(rows.values())), words)
        if jobs is None:
            raise LayoutChangedError
        inputs = self._make_job_inputs(jobs)
        encoded = self._layout.encode_jobs(jobs, self._find_job_values(inputs))
        is_open = self._rules.find_open_to_all(inputs).tolist()
        for place, (job_id, row) in enumerate(rows.items()):
            self._write_job(job_id, row, jobs, encoded, place, is_open[place])

    def _remove_job(self, job_id: int) -> None:
        slot = self._job_of.get(job_id)
        if slot is not None and job_id not in self._deleted_jobs:
            self._deleted_jobs.add(job_id)
            self._is_deleted[slot] = True
            self._rules.open_to_all[slot] = False
            self._refresh_lists(slot, self._layout.find_bound(slot), int(self._rules.company[slot]))
            self._update_actors(job_id, slot)

    def _write_job(
        self, job_id: int, row: Row, jobs: JobArrays, encoded: EncodedJobs, place: int, is_open: bool
    ) -> None:
        """Write one job, row `place` of `jobs` and `encoded`, and update the lists."""
        slot = self._job_of.get(job_id)
        appears = slot is None or job_id in self._deleted_jobs
        old_company, before = -1, JobBound(0.0, 0, 0, 0)
        if slot is None:
            slot = self._n_jobs
        else:
            old_company, before = int(self._rules.company[slot]), self._layout.find_bound(slot)
        self._layout.write_job(slot, encoded, place, self._find_vector(job_id))
        if slot == self._n_jobs:
            self._n_jobs += 1
            self._job_of[job_id] = slot
        self._deleted_jobs.discard(job_id)
        self._is_deleted[slot] = False
        self._rules.write_job(slot, job_id, int(jobs.company[place]), is_open, row)
        if is_open:
            self._cells.note_change(slot, self._layout.find_bound(slot))
            if self._cells.n_loose > _MAX_LOOSE:
                self._make_cells()
        changed = self._jobs.write(slot, jobs, place)
        self._refresh_lists(slot, before, old_company)
        if changed or appears or self._own:
            self._update_actors(job_id, slot)

    def _refresh_lists(self, slot: int, before: JobBound, old_company: int) -> None:
        """Move a job in all lists after its row changed. `before`: its bound before the change."""
        arrays, rules, n = self._layout.arrays, self._rules, self._n_users
        if not rules.open_to_all[slot] and not self._lists.n_lists[slot]:
            return
        allowed = self._has_list
        of_columns = rules.allowed_users(slot, n) if rules.open_to_all[slot] else None
        if of_columns is not None:
            allowed = allowed.copy()
            allowed[:n] &= of_columns
        if self._layout.has_outputs:
            self._compute_outputs_of_job(slot, before, allowed)
        n_refills = update_lists(
            arrays, self._lists, rules.arrays(), slot, *before, old_company, allowed, n, self.k, self._refills
        )
        for user in self._refills[:n_refills].tolist():
            if n_refills <= REFILLS_AT_ONCE or self._lists.valid[user] <= self.k // 2:
                self.n_refills += 1
                self._rank_user(user)
            else:
                self._to_refill.add(user)

    def _compute_outputs_of_job(self, slot: int, before: JobBound, allowed: Bools) -> None:
        """Compute the outputs of a job for the users whose lists it may reach."""
        self._layout.clear_outputs(by_job=False)
        users = np.empty(self._n_users, dtype=np.int64)
        n = find_users(
            self._layout.arrays, self._lists, self._rules.arrays(), slot, *before, allowed, self._n_users, users
        )
        self._layout.compute_outputs(users[:n], np.full(n, slot))

    def _update_actors(self, job_id: int, slot: int) -> None:
        """Update the users who acted on a job, because their scores read its row."""
        start = self._job_start[slot : slot + 2] if slot < self._n_base_jobs else (0, 0)
        base = self._by_job[start[0] : start[1]]
        users = {int(user) for user in self._base.user[base]}
        users |= {self._user_of[user] for user in self._actors.get(job_id, ()) if user in self._user_of}
        for user in sorted(users):
            if self.tables.users.contains(int(self._user_id[user])):
                self._refresh_user(user, self._parts_of_history)

    def _grow(self, rows: Iterable[Row]) -> Vocabularies:
        """Return the words with the companies and cities of rows. Other new values change the tables of terms."""
        words = self._inputs.words
        for row in rows:
            for vocabulary, name in ((words.company, "company_id"), (words.city, "city_code")):
                assert isinstance(vocabulary, GrowingVocabulary)
                if name in row:
                    vocabulary.add(row[name])
        return words

    # --- Users -------------------------------------------------------------------------------------------------------

    def _update_user(self, user_id: int, *, forgets: bool) -> None:
        """Update a user after a change of the row. `forgets`: actions were removed, though the row may exist.

        A deletion may arrive after a later event that created the user again.
        """
        found, user = self.tables.users.get(user_id), self._user_of.get(user_id)
        if found is None:
            if user is not None:
                self._has_list[user] = self._has_row[user] = False
                self._rank_user(user)
            return
        if user_id in self._quarantined_users:
            raise LayoutChangedError
        row = found.clamped(self.tables.users.table, self._now)
        arrays = encode_users(make_rows(self.tables.users.table, [row]), self._grow([row]))
        if arrays is None:
            raise LayoutChangedError
        if user is None:
            user = self._n_users
            if user >= len(self._has_list):
                raise LayoutChangedError
            self._n_users += 1
            self._user_of[user_id], self._user_id[user] = user, user_id
        is_known = bool(self._has_row[user]) and not forgets
        self._changed_users[user] = arrays
        self._has_list[user], self._has_row[user] = bool(arrays.active[0]), True
        self._rules.write_user_row(user, row)
        self._refresh_user(user, self._parts_of_row if is_known else self._of_users, has_history=not is_known)

    def _forget_actions(self, user_id: int) -> None:
        """Remove the actions that a deleted user had."""
        user = self._user_of.get(user_id)
        if user is not None:
            self._erased_places.add(user)
        self._event_actions[user_id] = [key for key in self.tables.actions if key[0] == user_id]

    def _add_action(self, event: Event) -> None:
        assert event.body is not None
        key: ActionKey = (event.key, *(event.body[name] for name in ("job_id", "action", "occurred_at")))
        self._note_action(key)
        user = self._user_of.get(event.key)
        if user is None or not self.tables.users.contains(event.key) or not self.tables.jobs.contains(key[1]):
            return
        # whether the user has any action is also read by components that read another kind
        parts = self._parts_of_action[key[2]] if self._has_history[user] else self._parts_of_history
        reads_rules = key[2] in self._rules.kinds
        if parts or reads_rules:
            self._refresh_user(user, parts, has_history=reads_rules)

    def _refresh_user(self, user: int, parts: Sequence[int], *, has_history: bool = True) -> None:
        """Compute some components of a user, and the list, again. `has_history`: also the rules about actions."""
        arrays = self._changed_users.get(user)
        if arrays is None:
            arrays = take_users(self._inputs.users, user)
        if has_history or not self._parts_without_history.issuperset(parts):
            history, slot_of = self._find_history(user)
            self._has_history[user] = history.counts[0] > 0
        else:
            history, slot_of = self._empty_history, np.empty(0, dtype=np.int32)
        if parts:
            self._layout.write_user(
                user, self._find_user_values(self._make_inputs(self._no_jobs, arrays, history), parts)
            )
            bound_users(self._layout.arrays, user, user + 1)
        if has_history:
            self._rules.write_user(user, history, slot_of)
        self._rank_user(user)

    def _rank_user(self, user: int) -> None:
        self._to_refill.discard(user)
        self._turn += 1
        allowed = self._rules.allowed_jobs(user, self._n_jobs) if self._has_list[user] else None
        if self._layout.has_outputs and self._has_list[user]:
            self._rank_user_by_outputs(user, np.empty(0, dtype=bool) if allowed is None else allowed)
            return
        rank_user(
            self._layout.arrays,
            self._lists,
            self._rules.arrays(),
            self._cells.arrays,
            self._cells.n_loose,
            user,
            np.empty(0, dtype=bool) if allowed is None else allowed,
            bool(self._has_list[user]),
            self._seen,
            self._turn,
        )

    def _rank_user_by_outputs(self, user: int, allowed: Bools) -> None:
        """Compute the list of a user with outputs of trained models, from the best bound on, until it is exact."""
        layout, lists, rules = self._layout, self._lists, self._rules.arrays()
        before = lists.slot[user, : lists.valid[user]].astype(np.int64)
        layout.clear_outputs(by_job=True)
        layout.compute_outputs(np.full(len(before), user), before)
        begin_ranking(layout.arrays, lists, rules, user, allowed, before, self._seen, self._turn)
        jobs, bounds = np.empty(self._n_jobs, dtype=np.int64), np.empty(self._n_jobs, dtype=np.float32)
        cells, n_loose = self._cells.arrays, self._cells.n_loose
        n = collect_jobs(
            layout.arrays, lists, rules, cells, n_loose, user, allowed, self._seen, self._turn, jobs, bounds
        )
        order = np.argsort(-bounds[:n], kind="stable")
        jobs, bounds = jobs[order], bounds[order]
        at, size, last = 0, _JOBS_AT_ONCE, -np.inf
        while at < n and bounds[at] >= last:
            stop = at + int(np.count_nonzero(bounds[at : at + size] >= last))
            layout.compute_outputs(np.full(stop - at, user), jobs[at:stop])
            last = insert_jobs(layout.arrays, lists, rules, user, jobs[at:stop])
            at, size = stop, 2 * size
        end_ranking(lists, user)

    def _find_history(self, user: int) -> tuple[History, Ints]:
        """Return the actions of one user, and the slot of each job of the history."""
        base, now = self._base, self.basis.clock.now
        user_id = int(self._user_id[user])
        first, stop = self._user_start[user : user + 2] if user < self._n_base_users else (0, 0)
        if user in self._erased_places:
            first = stop
        slot, kind, at = base.job[first:stop], base.kind[first:stop], base.at[first:stop]
        recorded_at = at
        keys = self._event_actions.get(user_id)
        if keys:
            rows = [(self._job_of.get(key[1], -1), ACTION_KINDS.index(key[2]), to_microseconds(key[3]),
                     to_microseconds(self.tables.actions[key][1].at)) for key in keys]  # fmt: skip
            added = np.array(rows, dtype=np.int64).T
            slot, kind = np.append(slot, added[0].astype(np.int32)), np.append(kind, added[1].astype(np.int8))
            at, recorded_at = np.append(at, added[2]), np.append(recorded_at, added[3])
        exists = (slot >= 0) & ~self._is_deleted[slot]
        used = np.flatnonzero(exists & ((at <= now) | (at <= recorded_at)))
        slot, kind, at = slot[used], kind[used], at[used]
        order = np.lexsort((kind, self._rules.job_id[slot], at))
        slot, kind, at = slot[order], kind[order], at[order]
        new = np.ones(len(at), dtype=bool)
        new[1:] = (slot[1:] != slot[:-1]) | (kind[1:] != kind[:-1]) | (at[1:] != at[:-1])
        distinct, place = np.unique(slot[new], return_inverse=True)
        actions = ActionArrays(
            np.zeros(len(place), dtype=np.int32), place.astype(np.int32), kind[new], np.minimum(at[new], now)
        )
        jobs = self._jobs.take(distinct, lambda: self._make_job_frame(distinct))
        return History.of_actions(actions, jobs, self.basis.clock, 1), distinct.astype(np.int32)

    def _make_job_frame(self, slots: Ints) -> pd.DataFrame:
        table, rows = self.tables.jobs.table, []
        for job_id in self._rules.job_id[slots].tolist():
            found = self.tables.jobs.get(job_id)
            assert found is not None
            rows.append(found.clamped(table, self._now))
        return make_rows(table, rows).frame

    # --- Own components ------------------------------------------------------------------------------------------

    def _check_row_terms(self) -> bool:
        """Return whether single rows have the same terms as all rows together.

        The terms of an own component may contain codes that depend on which rows are scored together. Such
        codes cannot be computed for a single row. `row_check` compares values, which do not depend on codes.
        """
        if not self._own:
            return True
        layout = self._layout
        try:
            for slot in _spread(self._n_jobs):
                known = layout.read_job(slot)
                jobs = self._jobs.take(np.array([slot]), partial(self._make_job_frame, np.array([slot])))
                inputs, vector = self._make_job_inputs(jobs), self._find_vector(int(jobs.job_id[0]))
                layout.write_job(slot, layout.encode_jobs(jobs, self._find_job_values(inputs)), 0, vector)
                if not _is_equal(layout.read_job(slot), known):
                    return False
            for user in _spread(self._n_users):
                known = layout.read_user(user)
                arrays, history = take_users(self._inputs.users, user), self._find_history(user)[0]
                layout.write_user(
                    user, self._find_user_values(self._make_inputs(self._no_jobs, arrays, history), self._of_users)
                )
                if not _is_equal(layout.read_user(user), known):
                    return False
        except LayoutChangedError:
            return False
        return True

    def _find_job_values(self, inputs: Inputs) -> dict[int, Value]:
        return {number: self._call_row_terms(number, inputs) for number in self._evaluated}

    def _find_user_values(self, inputs: Inputs, parts: Iterable[int]) -> dict[int, Value]:
        return {number: self._call_row_terms(number, inputs) for number in parts}

    def _call_row_terms(self, number: int, inputs: Inputs) -> Value:
        """Return the terms of a component for a single row. Errors of an own component lead to a rebuild."""
        part = self.model.parts[number]
        if number not in self._own:
            return compute_terms(part, inputs, self._job_of)
        try:
            value = call_terms(part, inputs)
            check_value(part.name, value, len(inputs.users), len(inputs.jobs))
        except ScoringError as error:  # if the component is wrong, the rebuild raises the error
            raise LayoutChangedError from error
        return value

    # --- Inputs ------------------------------------------------------------------------------------------------------

    def _find_vector(self, job_id: int) -> Singles | None:
        """Return the factors of a job; None if it has none."""
        row = self._vector_row.get(job_id)
        return None if row is None else self.basis.factors.jobs[row]

    def _make_job_inputs(self, job: JobArrays) -> Inputs:
        """Return the inputs of a job and no users, for what depends on the job alone."""
        fields = self._no_user_fields
        return Inputs(
            self._no_dataset, self.basis, self._inputs.words, job, self._no_users, self._no_history, *fields,
            job_vectors=fields[1], job_has_vector=fields[2],
        )  # fmt: skip

    def _make_inputs(self, jobs: JobArrays, users: UserArrays, history: History) -> Inputs:
        vectors, has_vector, in_table = self.basis.user_factors(users.user_id)
        job_vectors, job_has_vector = self.basis.job_factors(jobs.job_id)
        return Inputs(
            dataset=self._no_dataset,
            basis=self.basis,
            words=self._inputs.words,
            jobs=jobs,
            users=users,
            history=history,
            has_profile=(history.counts > 0) | in_table,
            user_vectors=vectors,
            user_has_vector=has_vector,
            job_vectors=job_vectors,
            job_has_vector=job_has_vector,
        )


class _NoDataset:
    """The dataset of inputs of single rows. Components that read more than its columns need a rebuild."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def __getattr__(self, name: str) -> Any:
        raise LayoutChangedError


def make_next_basis(
    dataset: Dataset, before: Basis, windows: Iterable[float] = (), job_windows: Iterable[float | None] = ()
) -> Basis:
    """Return the basis of a dataset with the factors and popularity windows of an earlier basis, and more windows."""
    statistics = Statistics(dataset)
    found = statistics.basis
    return Basis(
        clock=found.clock,
        words=found.words,
        adjacent=found.adjacent,
        areas=found.areas,
        popularity={days: found.company_actions(days) for days in sorted({*before.popularity, *windows})},
        similarity=found.similarity,
        factors=before.factors,
        user_id=before.user_id,
        job_id=before.job_id,
        job_popularity={days: found.job_actions(days) for days in {*before.job_popularity, *job_windows}},
    )


def _add_room(n: int) -> int:
    """Return the number of columns for n rows and later ones."""
    return n + max(_MIN_ROOM, n // 8)


def _make_model_of(part: Part) -> ScoringModel:
    return ScoringModel("check", (part,), WeightProfile({part.group: 1.0}, {part.group: {part.name: 1.0}}))


def _reads_kind(names: Sequence[str], kind: str) -> bool:
    """Return whether a component reads actions of a kind. Without names, it may read anything."""
    return not names or "actions" in names or f"actions.{kind}" in names


def _spread(n: int) -> list[int]:
    """Return some of the numbers below n, the last one included."""
    return sorted({int(row) for row in np.linspace(0, n - 1, min(n, _CHECKED_ROWS))})


def _is_equal(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(some, others, strict=True))
