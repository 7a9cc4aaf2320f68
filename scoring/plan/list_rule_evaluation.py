"""Rules of lists on data: which rules are active at the clock, which jobs they concern, and what they change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from scoring.array_types import Bools, Ints
from scoring.bundle.list_order import ListOrder
from scoring.errors import ModelError
from scoring.model.component_inputs import Inputs
from scoring.model.eligibility_rule import EligibilityRule
from scoring.model.list_rules import ListRule, ListRules
from scoring.model.rule_expression import ColumnValue
from scoring.plan.own_rule_evaluation import find_excluded_jobs
from scoring.plan.rule_columns import read_column
from scoring.plan.rule_exclusions import Exclusions

__all__ = ["MAX_PARTS", "RulesOnData", "evaluate_rules", "make_part_exclusions"]

MAX_PARTS: Final = 32
"""Maximum number of different sums of points, of pinned and of other jobs together. Each is ranked on its own."""


@dataclass(frozen=True, eq=False)
class RulesOnData:
    """The active rules and the jobs that each concerns, in the order of the file."""

    rules: ListRules
    concerned: tuple[Bools, ...]
    """(m,) of each rule: whether its condition is true of each job."""
    order: ListOrder | None
    """What the rules change in the order of lists; None: the rules only exclude jobs."""

    def exclude_from(self, exclusions: Exclusions) -> Exclusions:
        """Return the exclusions with the jobs that rules exclude, after those of the eligibility rules."""
        pairs = zip(self.rules.rules, self.concerned, strict=True)
        excluded = {
            rule.title: jobs | exclusions.by_rule.get(rule.title, False)
            for rule, jobs in pairs
            if rule.kind == "exclude"
        }
        return replace(exclusions, by_rule=exclusions.by_rule | excluded) if excluded else exclusions

    def find_unused(self, exclusions: Exclusions) -> list[ListRule]:
        """Return the rules that concern no job, or only jobs that eligibility or another rule excludes."""
        by_rule = exclusions.by_rule
        unused = []
        for rule, jobs in zip(self.rules.rules, self.concerned, strict=True):
            others = [out for name, out in by_rule.items() if name != rule.title]
            if not (jobs & ~np.any(others, axis=0) if others else jobs).any():
                unused.append(rule)
        return unused

    def describe(self, job: int) -> tuple[str, ...]:
        """Return what each rule does to a job, one sentence per rule that concerns it."""
        pairs = zip(self.rules.rules, self.concerned, strict=True)
        return tuple(rule.effect for rule, jobs in pairs if jobs[job])


def evaluate_rules(rules: ListRules | None, inputs: Inputs) -> RulesOnData | None:
    """Return the rules that are active at the clock of the inputs; None if there is none.

    Raises
    ------
    ModelError: If a rule names a column that does not exist or does not fit, or if points have too many sums.
    """
    active = None if rules is None else rules.active_at(inputs.basis.clock.as_of.to_pydatetime(warn=False))
    if active is None or not active.rules:
        return None
    concerned = tuple(_find_jobs(rule, inputs) for rule in active.rules)
    return RulesOnData(active, concerned, _make_order(active, concerned, inputs))


def make_part_exclusions(exclusions: Exclusions, order: ListOrder) -> Iterator[Exclusions]:
    """Yield, for each part of the order with eligible jobs, the exclusions of the jobs outside of it.

    Kernels apply a limit per company within a part only if it is the only limit: with others, a job that one of them
    removes would count for the company. A rule's limit does not remove pinned jobs.
    """
    number, is_pinned, _ = order.part_numbers()
    open_to_all, rules = exclusions.open_to_all, exclusions.rules
    of_rule = None
    if len(order.most) == 1 and rules.max_per_company is None and np.array_equal(order.value[0], exclusions.company):
        of_rule = int(order.most[0])
    for part in np.unique(number[open_to_all]):
        of_part = rules
        if len(order.most):
            of_part = rules.model_copy(update={"max_per_company": None if is_pinned[part] else of_rule})
        yield replace(exclusions, rules=of_part, by_rule={"not in this part": ~open_to_all | (number != part)})


def _find_jobs(rule: ListRule, inputs: Inputs) -> Bools:
    if rule.condition is None:
        return np.ones(len(inputs.jobs), dtype=bool)
    return ~find_excluded_jobs(rule.condition, inputs)


def _make_order(rules: ListRules, concerned: tuple[Bools, ...], inputs: Inputs) -> ListOrder | None:
    m = len(inputs.jobs)
    points, pinned = np.zeros(m), np.zeros(m, dtype=bool)
    values: list[Ints] = []
    most = []
    for rule, jobs in zip(rules.rules, concerned, strict=True):
        if rule.kind in ("boost", "bury"):
            points[jobs] += rule.points if rule.kind == "boost" else -rule.points
        elif rule.kind == "pin":
            pinned |= jobs
        elif rule.kind == "at_most":
            values.append(np.where(jobs, _find_codes(rule, inputs), -1).astype(np.int32))
            most.append(rule.count)
    if all(rule.kind == "exclude" for rule in rules.rules):
        return None
    order = ListOrder(
        points, pinned, np.array(values, dtype=np.int32).reshape(len(values), m), np.array(most, dtype=np.int64)
    )
    n_parts = len(order.part_numbers()[1])
    if n_parts > MAX_PARTS:
        raise ModelError(
            f"{rules.source}: the rules of kind boost, bury and pin divide the jobs into {n_parts} sets with different "
            f"points; at most {MAX_PARTS} are possible. Use the same points in several rules, or fewer rules.",
            key=("rules",),
        )
    return order


def _find_codes(rule: ListRule, inputs: Inputs) -> Ints:
    """Return (m,) the code of the value that the limit counts; -1 missing, and 0 without an attribute."""
    if rule.per is None:
        return np.zeros(len(inputs.jobs), dtype=np.int32)
    named = EligibilityRule(f"{rule.per} is missing", name=rule.name, origin=rule.origin)
    if rule.per == "job.company_id":
        return inputs.jobs.company
    value = ColumnValue("jobs", rule.per.removeprefix("job."), 1)
    column = read_column(inputs, named, value)
    if column.is_list:
        raise named.error(f"counts the values of {rule.per}, which is a list", 1, "Use another column.", rule.per)
    return column.place.astype(np.int32)
