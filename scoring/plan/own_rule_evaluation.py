"""Own eligibility rules on data: which jobs each rule excludes, for all users or for single users."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from scoring.array_types import Bools, Ints, Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset.arrays import DAY
from scoring.model import EligibilityRule, Inputs
from scoring.model.rule_expression import (
    ORDER,
    AllOf,
    AnyOf,
    ColumnValue,
    Comparison,
    Constant,
    Constants,
    DaysSince,
    Expression,
    IsMissing,
    Not,
)
from scoring.plan.rule_columns import RuleColumn, read_column, read_constant, require_kinds, require_operator
from scoring.plan.user_rules import (
    MAX_CLASSES,
    MAX_TABLE,
    ClassRule,
    ExcludedCompanies,
    ExcludedJobs,
    RequiredJobs,
    UserRule,
)
from scoring.ragged_array import Ragged

__all__ = ["COMPARE", "LatestActions", "compare_latest_actions", "find_excluded_jobs", "make_user_rule"]

COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def find_excluded_jobs(rule: EligibilityRule, inputs: Inputs) -> Bools:
    """Return (m,) the jobs that a rule over the job alone excludes.

    Raises
    ------
    ModelError: If a column does not exist, or its type does not fit. The message names rule and column.
    """
    return ~_JobCondition(rule, inputs).holds(rule.expression)


def make_user_rule(rule: EligibilityRule, inputs: Inputs) -> UserRule:
    """Return a rule that depends on the user.

    Raises
    ------
    ModelError: As `find_excluded_jobs`; also if a comparison of columns has too many classes.
    """
    comparison = rule.expression
    assert isinstance(comparison, Comparison)
    if rule.form == "days since":
        return _compare_days(rule, comparison, inputs)
    return _compare_columns(rule, comparison, inputs)


class _JobCondition:
    """Evaluates an expression over the job alone."""

    def __init__(self, rule: EligibilityRule, inputs: Inputs) -> None:
        self._rule, self._inputs = rule, inputs
        self._columns: dict[str, RuleColumn] = {}

    def holds(self, expression: Expression) -> Bools:
        """Return (m,) whether the expression is true of each job."""
        match expression:
            case AllOf(parts=parts):
                return np.logical_and.reduce([self.holds(part) for part in parts])
            case AnyOf(parts=parts):
                return np.logical_or.reduce([self.holds(part) for part in parts])
            case Not(part=part):
                return ~self.holds(part)
            case IsMissing(column=column, negated=negated):
                return self._is_missing(column) ^ negated
            case Comparison():
                return self._compare(expression)
            case ColumnValue():
                return self._flag(expression)
        raise TypeError(expression)

    def _column(self, value: ColumnValue) -> RuleColumn:
        if value.name not in self._columns:
            self._columns[value.name] = read_column(self._inputs, self._rule, value)
        return self._columns[value.name]

    def _is_missing(self, value: ColumnValue) -> Bools:
        column = self._column(value)
        return column.place < 0 if column.start is None else np.diff(column.start) == 0

    def _flag(self, value: ColumnValue) -> Bools:
        column = self._column(value)
        if column.kind != "flag":
            problem = f"uses {value.text} as a condition, but it is not a flag"
            raise self._rule.error(problem, value.place, "Compare it with a value.", value.text)
        return _take(column.values.astype(bool), column.place)

    def _compare(self, comparison: Comparison) -> Bools:
        name, left, right = comparison.operator, comparison.left, comparison.right
        if isinstance(left, Constant):  # `in` and `not in`; other operators have the column on the left
            assert isinstance(right, ColumnValue)
            return self._list_contains(left, right, negated=name == "not in")
        assert isinstance(left, ColumnValue)
        column = self._column(left)
        if isinstance(right, ColumnValue):
            return self._compare_with_column(comparison, left, right)
        require_operator(self._rule, name, left, column)
        if isinstance(right, Constants):
            constants = [read_constant(self._rule, left, column, value, right.place) for value in right.values]
            truth = np.array([value in constants for value in column.values.tolist()], dtype=bool)
            return _take(truth ^ (name == "not in"), column.place)
        assert isinstance(right, Constant)
        constant = read_constant(self._rule, left, column, right.value, right.place)
        return _take(np.asarray(COMPARE[name](column.values, constant), dtype=bool), column.place)

    def _list_contains(self, constant: Constant, value: ColumnValue, *, negated: bool) -> Bools:
        column = self._column(value)
        if column.start is None:
            advice = "Use == for one value, or put several values in parentheses."
            raise self._rule.error(f"searches in {value.text}, which is not a list", value.place, advice, value.text)
        wanted = read_constant(self._rule, value, column, constant.value, constant.place)
        found = np.concatenate([[0], np.cumsum((column.values == wanted)[column.place])])
        return (found[column.start[1:]] > found[column.start[:-1]]) ^ negated

    def _compare_with_column(self, comparison: Comparison, left: ColumnValue, right: ColumnValue) -> Bools:
        first, second = self._column(left), self._column(right)
        require_operator(self._rule, comparison.operator, left, first)
        if comparison.operator not in COMPARE:
            return self._search_in_list(comparison.operator == "not in", left, right)
        require_operator(self._rule, comparison.operator, right, second)
        require_kinds(self._rule, left, first, right, second)
        both = np.flatnonzero((first.place >= 0) & (second.place >= 0))
        result = np.zeros(len(first.place), dtype=bool)
        values = first.values[first.place[both]], second.values[second.place[both]]
        result[both] = np.asarray(COMPARE[comparison.operator](*values), dtype=bool)
        return result

    def _search_in_list(self, negated: bool, left: ColumnValue, right: ColumnValue) -> Bools:
        one, many = self._column(left), self._column(right)
        _require_list(self._rule, right, many)
        require_kinds(self._rule, left, one, right, many)
        assert many.start is not None
        rows = np.repeat(np.arange(len(one.place)), np.diff(many.start))
        place = one.place[rows]
        equal = np.zeros(len(rows), dtype=bool)
        equal[place >= 0] = one.values[place[place >= 0]] == many.values[many.place[place >= 0]]
        found = np.bincount(rows[equal], minlength=len(one.place)) > 0
        return (found ^ negated) & (one.place >= 0)


def _take(truth: Bools, place: Longs) -> Bools:
    """Return the truth of each row's value; false for a missing value."""
    return np.append(truth, False)[place]


def _require_list(rule: EligibilityRule, value: ColumnValue, column: RuleColumn) -> None:
    if not column.is_list:
        advice = "Use == to compare two values."
        raise rule.error(f"searches in {value.text}, which is not a list", value.place, advice, value.text)


# --- A job column with a user column -----------------------------------------------------------------------------


def _compare_columns(rule: EligibilityRule, comparison: Comparison, inputs: Inputs) -> ClassRule:
    left, right, name = comparison.left, comparison.right, comparison.operator
    assert isinstance(left, ColumnValue)
    assert isinstance(right, ColumnValue)
    first, second = read_column(inputs, rule, left), read_column(inputs, rule, right)
    require_operator(rule, name, left, first)
    if name in COMPARE:
        require_operator(rule, name, right, second)
    else:
        _require_list(rule, right, second)
    require_kinds(rule, left, first, right, second)
    makers = {"==": _classify_equal, "!=": _classify_equal, "in": _classify_members, "not in": _classify_members}
    try:
        places, others, table = makers.get(name, _order)(name, first, second)
    except _TooManyClassesError as error:
        problem = f"compares {left.text} with {right.text}, which gives {error.count:,} {error.noun}"
        advice = f"At most {error.limit:,} are possible. Use a column with fewer values, such as groups."
        raise rule.error(problem, comparison.place, advice, left.text) from error
    if left.table == "jobs":
        places, others, table = others, places, table.T
    return ClassRule(rule.reason, places.astype(np.int32), others.astype(np.int32), np.ascontiguousarray(table))


class _TooManyClassesError(Exception):
    def __init__(self, count: int, limit: int, noun: str) -> None:
        super().__init__(count, limit, noun)
        self.count, self.limit, self.noun = count, limit, noun


Classes = tuple[Longs, Longs, Bools]
"""The class of each row of the left column, of the right column, and the table (left classes, right classes)."""


def _require_classes(count: int) -> None:
    if count > MAX_CLASSES:
        raise _TooManyClassesError(count, MAX_CLASSES, "classes")


def _classify_equal(name: str, first: RuleColumn, second: RuleColumn) -> Classes:
    """Classes are the common values, all other values, and missing."""
    common = np.intersect1d(first.values, second.values)
    _require_classes(len(common) + 2)
    equal = np.zeros((len(common) + 2,) * 2, dtype=bool)
    np.fill_diagonal(equal[:-2, :-2], True)
    if name == "!=":
        equal[:-1, :-1] = ~equal[:-1, :-1]
    return _classify_common(first, common), _classify_common(second, common), equal


def _classify_common(column: RuleColumn, common: np.ndarray) -> Longs:
    """Return the place of each row's value in `common`; len(common) for other values, and one more if missing."""
    of_value = np.full(len(column.values) + 1, len(common), dtype=np.int64)
    shared = np.flatnonzero(np.isin(column.values, common))
    of_value[shared] = np.arange(len(shared))
    of_value[-1] = len(common) + 1
    return of_value[column.place]


def _order(name: str, first: RuleColumn, second: RuleColumn) -> Classes:
    """The column with fewer values has a class per value, and the other one a class per interval between them."""
    assert name in ORDER
    if len(first.values) < len(second.values):
        others, places, table = _order(_MIRRORED[name], second, first)
        return places, others, np.ascontiguousarray(table.T)
    n = len(second.values)
    _require_classes(n + 2)
    # value < second[i] for all i from the position on, and value > second[i] for all i before it
    position = np.searchsorted(second.values, first.values, side="right" if name in ("<", ">=") else "left")
    of_value = np.append(position, n + 1)
    at, position_of_class = np.arange(n)[None, :], np.arange(n + 1)[:, None]
    table = np.zeros((n + 2, n + 1), dtype=bool)
    table[:-1, :-1] = at >= position_of_class if name in ("<", "<=") else at < position_of_class
    return of_value[first.place], np.append(np.arange(n), n)[second.place], table


def _classify_members(name: str, first: RuleColumn, second: RuleColumn) -> Classes:
    """Classes of the left column are the common values, all other values, and missing; of the right one, the sets."""
    assert second.start is not None
    common = np.intersect1d(first.values, second.values)
    _require_classes(len(common) + 2)
    is_common = np.isin(second.values, common)
    of_value = np.where(is_common, np.cumsum(is_common) - 1, -1)
    place, rows = of_value[second.place], np.repeat(np.arange(len(second.start) - 1), np.diff(second.start))
    keys = np.unique(rows[place >= 0] * len(common) + place[place >= 0])  # rows ascending, distinct values ascending
    start = np.searchsorted(keys, np.arange(len(second.start)) * len(common))
    values = keys % max(len(common), 1)
    numbers: dict[bytes, int] = {}
    sets: list[Longs] = []
    of_row = np.empty(len(start) - 1, dtype=np.int64)
    for row in range(len(of_row)):
        members = values[start[row] : start[row + 1]]
        number = numbers.setdefault(members.tobytes(), len(sets))
        if number == len(sets):
            sets.append(members)
        of_row[row] = number
    if len(sets) * (len(common) + 2) > MAX_TABLE:
        raise _TooManyClassesError(len(sets), MAX_TABLE // (len(common) + 2), "different lists")
    table = np.zeros((len(common) + 2, len(sets)), dtype=bool)
    for number, members in enumerate(sets):
        table[members, number] = True
    if name == "not in":
        table[:-1] = ~table[:-1]
    return _classify_common(first, common), of_row, table


# --- The time since an action --------------------------------------------------------------------------------------


def _compare_days(rule: EligibilityRule, comparison: Comparison, inputs: Inputs) -> UserRule:
    since = comparison.left
    assert isinstance(since, DaysSince)
    assert since.kind in ACTION_KINDS
    actions = inputs.history.within(since.kind)
    if since.of_company:
        target: Ints | Longs = inputs.history.jobs.company[actions.job]
    else:
        target, _ = inputs.jobs.id_index.find(inputs.history.jobs.job_id[actions.job])
    latest = compare_latest_actions(comparison, actions.user, target, inputs.now - actions.at)
    if latest.holds_without_action:
        found = _make_ragged(latest.user[~latest.holds], latest.target[~latest.holds], len(inputs.users))
        if since.of_company:
            return ExcludedCompanies(rule.reason, found, inputs.jobs.company)
        return ExcludedJobs(rule.reason, found)
    found = _make_ragged(latest.user[latest.holds], latest.target[latest.holds], len(inputs.users))
    return RequiredJobs(rule.reason, _find_jobs_of_companies(found, inputs) if since.of_company else found)


class LatestActions(NamedTuple):
    """The latest action of each user on each target, a job or a company, ordered by user and target."""

    user: Ints
    target: Ints | Longs
    holds: Bools
    """Whether the comparison of the time since the action holds."""
    holds_without_action: bool


def compare_latest_actions(comparison: Comparison, user: Ints, target: Ints | Longs, age: Longs) -> LatestActions:
    """Compare the time since the latest action of each user on each target.

    Parameters
    ----------
    comparison: `days_since` compared with a number of days.
    user, target, age: (n,) of each action. A target of -1 does not count. Ages are in microseconds, as action times.
    """
    days, compare = comparison.right, COMPARE[comparison.operator]
    assert isinstance(days, Constant)
    limit = np.inf if days.value == np.inf else float(round(float(days.value) * DAY))
    known = target >= 0
    user, target, age = user[known], target[known], age[known]
    order = np.lexsort((age, target, user))
    user, target, age = user[order], target[order], age[order]
    latest = np.ones(len(user), dtype=bool)
    latest[1:] = (user[1:] != user[:-1]) | (target[1:] != target[:-1])
    holds = np.asarray(compare(age[latest].astype(np.float64), limit), dtype=bool)
    return LatestActions(user[latest], target[latest], holds, bool(compare(np.inf, limit)))


def _make_ragged(users: Ints, values: Ints | Longs, n_users: int) -> Ragged:
    """Return the values of each user; users ascend."""
    start = np.searchsorted(users, np.arange(n_users + 1))
    return Ragged(start.astype(np.int64), values.astype(np.int32))


def _find_jobs_of_companies(companies: Ragged, inputs: Inputs) -> Ragged:
    """Return the rows of the jobs of each user's companies, ascending."""
    from scipy import sparse

    company, n_users = inputs.jobs.company, len(companies)
    n_companies = max(len(inputs.words.company), int(company.max(initial=-1)) + 1)
    order = np.argsort(companies.values, kind="stable")
    start = np.searchsorted(companies.values[order], np.arange(n_companies + 2))  # no user has the last one
    users = Ragged(start.astype(np.int64), companies.rows[order]).take(np.where(company >= 0, company, n_companies))
    by_job = sparse.csc_matrix(
        (np.ones(len(users.values), dtype=np.int8), users.values, users.start), shape=(n_users, len(company))
    )
    by_user = by_job.tocsr()  # a counting sort
    return Ragged(by_user.indptr.astype(np.int64), by_user.indices.astype(np.int32))
