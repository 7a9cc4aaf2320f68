"""The grammar of own eligibility rules: a text becomes a typed expression. It is never evaluated as Python.

Python's parser reads the text. Only the nodes of this module are accepted. Three forms exist:

- an expression over the job: `job.fee >= 800 and not job.has_remote_work`, `job.company_id is missing`
- a job column compared with a user column: `job.occupation_code in user.preferred_occupations`
- the time since an action: `days_since(user, job, 'view') > 7`, `days_since(user, job.company_id, 'click') == inf`
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from scoring.columns import ACTION_KINDS
from scoring.errors import suggest

__all__ = [
    "ORDER",
    "AllOf",
    "AnyOf",
    "ColumnValue",
    "Comparison",
    "Constant",
    "Constants",
    "DaysSince",
    "Expression",
    "Form",
    "IsMissing",
    "Not",
    "Operand",
    "RuleSyntaxError",
    "find_form",
    "parse_rule",
]

MAX_LENGTH: Final = 1000
"""Maximum number of characters of a rule."""
ORDER: Final = ("<", "<=", ">", ">=")
"""Operators that need an order of the values."""

_OPERATORS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_MIRRORED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

Form = Literal["job", "columns", "days since"]
"""The form of a rule: over the job alone; a job column with a user column; the time since an action."""


class RuleSyntaxError(ValueError):
    """A text is not a rule. `place` is the position of the problem in the text, from 1."""

    def __init__(self, problem: str, place: int, advice: str) -> None:
        super().__init__(problem, place, advice)
        self.problem, self.place, self.advice = problem, place, advice


@dataclass(frozen=True)
class ColumnValue:
    """The value of a column of the job or the user."""

    table: Literal["jobs", "users"]
    name: str
    place: int

    @property
    def text(self) -> str:
        """The column as a rule writes it."""
        return f"{self.table[:-1]}.{self.name}"


@dataclass(frozen=True)
class Constant:
    value: str | float | int | bool
    place: int


@dataclass(frozen=True)
class Constants:
    """Values in parentheses, to the right of `in`."""

    values: tuple[str | float | int | bool, ...]
    place: int


@dataclass(frozen=True)
class DaysSince:
    """Days from the user's latest action of a kind, on the job or on a job of its company, to the clock."""

    of_company: bool
    kind: str
    place: int


Operand = ColumnValue | Constant | Constants | DaysSince


@dataclass(frozen=True)
class Comparison:
    """Two operands and an operator; false if a value is missing."""

    operator: str
    left: Operand
    right: Operand
    place: int


@dataclass(frozen=True)
class IsMissing:
    column: ColumnValue
    negated: bool


@dataclass(frozen=True)
class Not:
    part: Expression


@dataclass(frozen=True)
class AllOf:
    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[Expression, ...]


Expression = Comparison | IsMissing | Not | AllOf | AnyOf | ColumnValue
"""A condition. A column alone is a flag; a missing flag is false."""


def parse_rule(text: str) -> Expression:
    """Return the expression of a rule.

    Raises
    ------
    RuleSyntaxError: If the text is not one of the three forms.
    """
    if not text.strip():
        raise RuleSyntaxError("is empty", 1, "Write a condition such as job.fee >= 800.")
    if len(text) > MAX_LENGTH:
        raise RuleSyntaxError(
            f"is longer than {MAX_LENGTH:,} characters", MAX_LENGTH + 1, "Split it into several rules."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns about invalid escapes in texts
            tree = ast.parse(text, mode="eval")
        expression = _Reader(text).expression(tree.body)
    except SyntaxError as error:
        place = min(error.offset or len(text), len(text))
        raise RuleSyntaxError("cannot be read", place, "Check parentheses, quotes and operators.") from error
    except (RecursionError, MemoryError) as error:
        raise RuleSyntaxError("is nested too deeply", 1, "Split it into several rules.") from error
    except RuleSyntaxError:
        raise
    except ValueError as error:  # such as a null character, half a surrogate pair, or a number of 5,000 digits
        raise RuleSyntaxError("contains a character or number that cannot be read", 1, "Remove it.") from error
    find_form(expression)
    return expression


def find_form(expression: Expression) -> Form:
    """Return the form of an expression.

    Raises
    ------
    RuleSyntaxError: If it is not one of the three forms.
    """
    operands = list(_iterate_operands(expression))
    since = next((operand for operand in operands if isinstance(operand, DaysSince)), None)
    of_user = next((o for o in operands if isinstance(o, ColumnValue) and o.table == "users"), None)
    of_job = any(isinstance(o, ColumnValue) and o.table == "jobs" for o in operands)
    if since is not None:
        if not isinstance(expression, Comparison):
            raise RuleSyntaxError("combines days_since with other conditions", since.place, _SEPARATE)
        _check_days(expression)
        return "days since"
    if of_user is not None:
        if not isinstance(expression, Comparison):
            raise RuleSyntaxError(f"combines {of_user.text} with other conditions", of_user.place, _SEPARATE)
        if not of_job or not isinstance(expression.left, ColumnValue) or not isinstance(expression.right, ColumnValue):
            problem = f"compares {of_user.text} with a value that is not a column of the job"
            raise RuleSyntaxError(problem, of_user.place, "Compare one job column with one user column.")
        return "columns"
    infinite = next((o for o in operands if isinstance(o, Constant) and o.value == math.inf), None)
    if infinite is not None:
        raise RuleSyntaxError("compares a column with inf", infinite.place, "Use a number.")
    if not of_job:
        raise RuleSyntaxError("contains no column of the job", 1, "Write a condition such as job.fee >= 800.")
    return "job"


_SEPARATE: Final = "Write each condition as a rule of its own; all rules must hold."


def _iterate_operands(expression: Expression) -> Iterator[Operand]:
    match expression:
        case Comparison():
            yield expression.left
            yield expression.right
        case IsMissing():
            yield expression.column
        case Not():
            yield from _iterate_operands(expression.part)
        case AllOf() | AnyOf():
            for part in expression.parts:
                yield from _iterate_operands(part)
        case _:
            yield expression


def _check_days(comparison: Comparison) -> None:
    days = comparison.right
    if not isinstance(days, Constant) or isinstance(days.value, bool | str) or comparison.operator in ("in", "not in"):
        advice = "Compare it with a number of days, such as days_since(user, job, 'view') > 7."
        raise RuleSyntaxError("compares days_since with something else than a number", comparison.place, advice)
    if days.value < 0:
        raise RuleSyntaxError("compares days_since with a negative number", days.place, "Use 0 or more days, or inf.")


class _Reader:
    """Converts the nodes of Python's parser."""

    def __init__(self, text: str) -> None:
        self._lines = text.encode().split(b"\n")

    def expression(self, node: ast.expr) -> Expression:
        match node:
            case ast.BoolOp(op=operator, values=values):
                parts = tuple(map(self.expression, values))
                return AllOf(parts) if isinstance(operator, ast.And) else AnyOf(parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.expression(operand))
            case ast.Compare():
                return self._comparisons(node)
            case ast.Attribute():
                column = self._column(node)
                if column.table == "users":
                    raise self._error(node, f"uses {column.text} alone", "Compare one job column with one user column.")
                return column
        raise self._error(node, f"contains {_describe(node)} where a condition is expected", _GRAMMAR)

    def _comparisons(self, node: ast.Compare) -> Expression:
        operands = [node.left, *node.comparators]
        parts: list[Expression] = [
            self._comparison(left, operator, right)
            for left, operator, right in zip(operands, node.ops, operands[1:], strict=False)
        ]
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Expression:
        if isinstance(operator, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Name) and right.id == "missing"):
                raise self._error(right, "contains `is` without `missing`", "Write `is missing`, or use ==.")
            if not isinstance(left, ast.Attribute):
                raise self._error(left, "tests a value that is not a column", "Write job.company_id is missing.")
            column = self._column(left)
            if column.table == "users":
                raise self._error(left, f"tests {column.text} alone", "Compare one job column with one user column.")
            return IsMissing(column, isinstance(operator, ast.IsNot))
        name = _OPERATORS[type(operator)]
        first = self._operand(left)
        second: Operand = (
            self._constants(right) if isinstance(right, ast.Tuple | ast.List | ast.Set) else self._operand(right)
        )
        if isinstance(second, Constants) and name not in ("in", "not in"):
            raise self._error(right, "contains several values in parentheses", "Use `in` before them.")
        if name in ("in", "not in") and isinstance(second, Constant):
            advice = "Put the values in parentheses, such as job.employment_type_code in (1, 2)."
            raise self._error(right, f"contains `{name}` before a single value", advice)
        if isinstance(first, Constant) and name in _MIRRORED:
            first, second, name = second, first, _MIRRORED[name]
        return Comparison(name, first, second, self._place(left))

    def _operand(self, node: ast.expr) -> Operand:
        match node:
            case ast.Attribute():
                return self._column(node)
            case ast.Constant(value=bool() | int() | float() | str() as value):
                self._check_number(node, value)
                return Constant(value, self._place(node))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)) if not isinstance(
                value, bool
            ):
                self._check_number(node, value)
                return Constant(-value, self._place(node))
            case ast.Name(id="inf"):
                return Constant(math.inf, self._place(node))
            case ast.Call():
                return self._days_since(node)
        raise self._error(node, f"contains {_describe(node)} where a value is expected", _GRAMMAR)

    def _check_number(self, node: ast.expr, value: bool | int | float | str) -> None:
        too_large = isinstance(value, float) and not math.isfinite(value)
        if too_large or (isinstance(value, int) and abs(value) >= 2**63):
            raise self._error(node, "contains a number that is too large", "Use a smaller number.")

    def _constants(self, node: ast.Tuple | ast.List | ast.Set) -> Constants:
        values = []
        for element in node.elts:
            operand = self._operand(element)
            if not isinstance(operand, Constant) or operand.value == math.inf:
                raise self._error(element, "contains a value in parentheses that is not a constant", _GRAMMAR)
            values.append(operand.value)
        if not values:
            raise self._error(node, "contains empty parentheses", "Write at least one value in them.")
        return Constants(tuple(values), self._place(node))

    def _column(self, node: ast.Attribute) -> ColumnValue:
        if isinstance(node.value, ast.Name) and node.value.id in ("job", "user"):
            table: Literal["jobs", "users"] = "jobs" if node.value.id == "job" else "users"
            return ColumnValue(table, node.attr, self._place(node))
        raise self._error(node, "contains a name that is not a column", "Write job.COLUMN or user.COLUMN.")

    def _days_since(self, node: ast.Call) -> DaysSince:
        if not (isinstance(node.func, ast.Name) and node.func.id == "days_since"):
            raise self._error(node, "calls an unknown function", "The only function is days_since.")
        advice = "Write days_since(user, job, 'view') or days_since(user, job.company_id, 'view')."
        if node.keywords or len(node.args) != 3:
            raise self._error(node, "calls days_since without its three arguments", advice)
        user, target, kind = node.args
        if not (isinstance(user, ast.Name) and user.id == "user"):
            raise self._error(user, "calls days_since with another first argument than user", advice)
        of_company = isinstance(target, ast.Attribute)
        if of_company:
            column = self._column(target)  # type: ignore[arg-type]
            of_company = column.table == "jobs" and column.name == "company_id"
        if not of_company and not (isinstance(target, ast.Name) and target.id == "job"):
            raise self._error(
                target, "calls days_since with another second argument than job or job.company_id", advice
            )
        if not (isinstance(kind, ast.Constant) and isinstance(kind.value, str)):
            raise self._error(kind, "calls days_since with a kind of action that is not text", advice)
        if kind.value not in ACTION_KINDS:
            raise self._error(
                kind, f"contains the unknown kind of action {kind.value!r}", suggest(kind.value, ACTION_KINDS)
            )
        return DaysSince(of_company, kind.value, self._place(node))

    def _place(self, node: ast.expr) -> int:
        """Return the position of a node in characters, from 1; Python's parser counts bytes per line."""
        before = self._lines[: node.lineno - 1]
        start = self._lines[node.lineno - 1][: node.col_offset]
        return sum(len(line.decode()) + 1 for line in before) + len(start.decode()) + 1

    def _error(self, node: ast.expr, problem: str, advice: str) -> RuleSyntaxError:
        return RuleSyntaxError(problem, self._place(node), advice)


_GRAMMAR: Final = (
    "Use columns (job.fee), constants, the operators ==, !=, <, <=, >, >=, in, not in, and, or, not, is missing, and "
    "days_since."
)

_WORDS: Final[dict[type[ast.AST], str]] = {
    ast.Name: "the name",
    ast.Call: "a call",
    ast.BinOp: "arithmetic",
    ast.Subscript: "square brackets",
    ast.Lambda: "a function",
    ast.IfExp: "`if`",
    ast.JoinedStr: "a text with placeholders",
    ast.Constant: "a constant",
    ast.Compare: "a comparison",
    ast.BoolOp: "a combined condition",
    ast.Attribute: "a column",
    ast.Tuple: "several values",
    ast.List: "several values",
    ast.UnaryOp: "a sign",
}


def _describe(node: ast.expr) -> str:
    word = _WORDS.get(type(node), "something")
    return f"{word} `{node.id}`" if isinstance(node, ast.Name) else word
