"""Eligibility of single users and jobs, kept as arrays that change in place."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from scoring.array_types import Bools, Ints, Longs
from scoring.live.compared_columns import ComparedColumns
from scoring.live.list_kernels import Rules
from scoring.live.slabs import Slabs
from scoring.model import EligibilityRule, Inputs
from scoring.model.component_inputs import History
from scoring.model.eligibility import Eligibility
from scoring.model.rule_expression import Comparison, DaysSince
from scoring.plan.own_rule_evaluation import compare_latest_actions
from scoring.plan.rule_exclusions import Exclusions, find_jobs_excluded_for_all
from scoring.plan.user_rules import RequiredJobs

__all__ = ["LiveRules"]

_JOBS, _COMPANIES = np.uint8(1), np.uint8(2)


class LiveRules:
    """The eligibility rules of a model for users and jobs whose rows change.

    Parameters
    ----------
    rules: The rules.
    board: The columns of the tables.
    users_room, jobs_room: Numbers of users and jobs that the arrays have room for.
    """

    def __init__(self, rules: Eligibility, board: Any, users_room: int, jobs_room: int) -> None:
        self.rules, self._board = rules, board
        self._days = [rule for rule in rules.rules if rule.form == "days since"]
        self._columns = [
            ComparedColumns(rule, board, users_room, jobs_room) for rule in rules.rules if rule.form == "columns"
        ]
        self.kinds = {cast(DaysSince, cast(Comparison, rule.expression).left).kind for rule in self._days}
        """The kinds of actions that rules read."""
        if rules.not_applied or rules.company_cooldown_days is not None:
            self.kinds.add("application")
        self.job_id: Longs = np.full(jobs_room, -1, dtype=np.int64)
        self.company: Ints = np.full(jobs_room, -1, dtype=np.int32)
        self.open_to_all: Bools = np.zeros(jobs_room, dtype=bool)
        self._limits = np.zeros(users_room, dtype=np.uint8)
        self._excluded, self._cooldown, self._required, self._companies = (
            Slabs((users_room,), np.int32) for _ in range(4)
        )
        self._arrays: Rules | None = None
        self._version = 0

    def arrays(self) -> Rules:
        """Return the rules as kernels read them, until the next write."""
        slabs_of_rules = (self._excluded, self._cooldown, self._required, self._companies)
        version = sum(slab.version for slab in slabs_of_rules)
        if self._arrays is not None and version == self._version:
            return self._arrays
        slabs = [slab.arrays() for slab in slabs_of_rules]
        (a, b, (excluded,)), (c, d, (cooldown,)), (e, f, (required,)), (g, h, (companies,)) = slabs
        per_company = self.rules.max_per_company or 0
        self._version = version
        self._arrays = Rules(
            self.job_id, self.company, self.open_to_all, a, b, excluded, c, d, cooldown, self._limits, e, f, required,
            g, h, companies, per_company,
        )  # fmt: skip
        return self._arrays

    def find_open_to_all(self, inputs: Inputs) -> Bools:
        """Return (m,) whether no rule excludes each job of the inputs for all users."""
        excluded = list(find_jobs_excluded_for_all(self.rules, inputs).values())
        return ~np.any(excluded, axis=0) if excluded else np.ones(len(inputs.jobs), dtype=bool)

    def write_job(self, slot: int, job_id: int, company: int, is_open: bool, row: Mapping[str, Any] | None) -> None:
        """Write one job. `row` None: it was deleted."""
        self.job_id[slot], self.company[slot], self.open_to_all[slot] = job_id, company, is_open
        if row is not None:
            for columns in self._columns:
                columns.write("jobs", slot, row)

    def write_frame(self, table: str, frame: pd.DataFrame) -> None:
        """Write the columns that rules compare, of the first rows of a table."""
        for columns in self._columns:
            columns.write_frame(table, frame)

    def write_all_users(self, found: Exclusions) -> bool:
        """Write the rules about all users. Return False if a rule requires actions: each user is then written alone."""
        if any(isinstance(rule, RequiredJobs) for rule in found.user_rules):
            return False
        self._excluded.fill(found.arrays.excluded_start, found.arrays.excluded)
        self._cooldown.fill(found.arrays.cooldown_start, found.arrays.cooldown)
        return True

    def write_user_row(self, user: int, row: Mapping[str, Any]) -> None:
        """Write the columns that rules compare, of one user."""
        for columns in self._columns:
            columns.write("users", user, row)

    def write_user(self, user: int, history: History, slot_of: Ints) -> None:
        """Write the rules about one user.

        Parameters
        ----------
        user: The user's place.
        history: The actions of this user alone.
        slot_of: The slot of each job of `history.jobs`.
        """
        company = history.jobs.company
        none: Ints = np.empty(0, dtype=np.int32)
        excluded, cooldown = [none], [none]
        if self.rules.not_applied:
            excluded.append(slot_of[history.within("application").job])
        if self.rules.company_cooldown_days is not None:
            recent = history.within("application", self.rules.company_cooldown_days)
            cooldown.append(company[recent.job])
        required: list[Ints] = []
        required_companies: list[Ints] = []
        for rule in self._days:
            since, found, is_required = _compare_days(rule, history, slot_of)
            if is_required:
                (required_companies if since.of_company else required).append(found)
            else:
                (cooldown if since.of_company else excluded).append(found)
        companies = np.unique(np.concatenate(cooldown))
        self._excluded.set((user,), np.unique(np.concatenate(excluded)).astype(np.int32))
        self._cooldown.set((user,), companies[companies >= 0].astype(np.int32))
        self._required.set((user,), reduce(np.intersect1d, required) if required else none)
        self._companies.set((user,), reduce(np.intersect1d, required_companies) if required_companies else none)
        limits = (_JOBS if required else 0) | (_COMPANIES if required_companies else 0)
        self._limits[user] = limits

    def allowed_users(self, slot: int, n_users: int) -> Bools | None:
        """Return (n_users,) whether rules that compare columns allow a job; None: no such rule."""
        return self._find_allowed("jobs", slot, n_users)

    def allowed_jobs(self, user: int, n_jobs: int) -> Bools | None:
        """Return (n_jobs,) whether rules that compare columns allow each job for a user; None: no such rule."""
        return self._find_allowed("users", user, n_jobs)

    def _find_allowed(self, table: Literal["jobs", "users"], row: int, n: int) -> Bools | None:
        allowed: Bools | None = None
        for columns in self._columns:
            of_rule = columns.find_allowed(table, row, n)
            allowed = of_rule if allowed is None else allowed & of_rule
        return allowed


def _compare_days(rule: EligibilityRule, history: History, slot_of: Ints) -> tuple[DaysSince, Ints, bool]:
    """Return what a rule about the time since an action concerns, its jobs or companies, and whether they are required.

    If the rule is true without an action, these are excluded; otherwise all other jobs or companies are.
    """
    comparison = cast(Comparison, rule.expression)
    since = cast(DaysSince, comparison.left)
    actions = history.within(since.kind)
    target = history.jobs.company[actions.job] if since.of_company else slot_of[actions.job]
    latest = compare_latest_actions(comparison, actions.user, target, history.now - actions.at)
    is_required = not latest.holds_without_action
    return since, latest.target[latest.holds if is_required else ~latest.holds].astype(np.int32), is_required
