"""One eligibility rule of a model file: a condition that holds for each job in a user's list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from scoring.errors import ModelError, make_printable, shorten_repr
from scoring.model.rule_expression import Expression, Form, RuleSyntaxError, find_form, parse_rule

__all__ = ["MAX_RULES", "EligibilityRule", "RuleError", "read_rules"]

MAX_RULES: Final = 100
MAX_NAME: Final = 80
QUOTED: Final = 200
"""Characters of a rule that a message quotes."""


class RuleError(ValueError):
    """An invalid rule or list of rules.

    Attributes
    ----------
    number: place of the rule in the list, from 0; None if the list is invalid.
    key: the key of the rule that is invalid; None if it concerns the rule.
    """

    def __init__(self, message: str, number: int | None = None, key: str | None = None) -> None:
        super().__init__(message)
        self.number, self.key = number, key


@dataclass(frozen=True)
class EligibilityRule:
    """A rule: jobs for which `where` is false are excluded.

    Attributes
    ----------
    where: the condition; `scoring.model.rule_expression` describes the grammar.
    name: how reports name the rule; empty: its text.
    origin: the file and line of the rule, for errors; empty if it does not come from a file.

    Raises
    ------
    RuleError: If the text is not a condition.

    Example
    -------
    >>> EligibilityRule("job.fee >= 800", name="worth it").form
    'job'
    """

    where: str
    name: str = ""
    origin: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        try:
            self.expression  # noqa: B018 - parses the text
        except RuleSyntaxError as error:
            raise RuleError(self._message(error.problem, error.place, error.advice), key="where") from error

    @cached_property
    def expression(self) -> Expression:
        """The parsed condition."""
        return parse_rule(self.where)

    @cached_property
    def form(self) -> Form:
        """Which of the three forms the condition has."""
        return find_form(self.expression)

    @property
    def reason(self) -> str:
        """How reports name the rule: its name, or its text."""
        return self.name or self.where

    def describe(self) -> str:
        """Return the name and the condition."""
        return f"{self.name}: {self.where}" if self.name else self.where

    def error(self, problem: str, place: int, advice: str, column: str | None = None) -> ModelError:
        """Return an error about the rule and the data, such as an unknown column."""
        origin = f"{self.origin}: " if self.origin else ""
        key = ("eligibility", "rules", self.reason) + (() if column is None else (column,))
        return ModelError(origin + self._message(problem, place, advice), key=key)

    def _message(self, problem: str, place: int, advice: str) -> str:
        named = f"rule {self.name!r}" if self.name else "the rule"
        return f'{named} {problem}, at character {place} of "{self._quote(place)}". {advice}'

    def _quote(self, place: int) -> str:
        """Return the text around a place, on one printable line."""
        start = max(0, min(place - 1, len(self.where)) - 60) if len(self.where) > QUOTED else 0
        return ("…" if start else "") + make_printable(self.where[start:], QUOTED)

    def as_dict(self) -> dict[str, str]:
        """Return the content of the rule in a model file."""
        return ({"name": self.name} if self.name else {}) | {"where": self.where}


def read_rules(value: Any, reserved: Sequence[str] = ()) -> tuple[EligibilityRule, ...]:
    """Return the rules of a list of texts, mappings or rules. A single one is a list of one; None is an empty list.

    `reserved` are the names of other reasons in reports.

    Raises
    ------
    RuleError: If a rule is invalid, or two rules have the same name or text.
    """
    if value is None or value is False:
        return ()
    if isinstance(value, str | Mapping | EligibilityRule):
        value = [value]
    if not isinstance(value, list | tuple):
        raise RuleError(f"`rules` is {shorten_repr(value)}; it must be a list of conditions.")
    if len(value) > MAX_RULES:
        raise RuleError(f"`rules` has {len(value):,} rules; at most {MAX_RULES} are possible. Combine some of them.")
    rules: list[EligibilityRule] = []
    for number, content in enumerate(value):
        try:
            rule = _read_rule(content)
        except RuleError as error:
            raise RuleError(str(error), number, error.key) from error
        if rule.reason in reserved:
            problem = f"the name {rule.name!r} of a rule is the name of another reason in reports. Use another name."
            raise RuleError(problem, number, "name")
        if rule.reason in {other.reason for other in rules}:
            raise RuleError(f"duplicate rule {shorten_repr(rule.reason)}. Keep one, or use other names.", number)
        rules.append(rule)
    return tuple(rules)


def _read_rule(content: Any) -> EligibilityRule:
    if isinstance(content, EligibilityRule):
        return content
    if isinstance(content, str):
        return EligibilityRule(_join_lines(content))
    if not isinstance(content, Mapping):
        raise RuleError(f"a rule is {shorten_repr(content)}; it must be a condition, or a mapping with `where`.")
    for key in content:
        if key not in ("name", "where"):
            raise RuleError(f"unknown key {shorten_repr(key)} in a rule; known: name, where.", key=str(key))
    if "where" not in content:
        raise RuleError("a rule has no `where`. Add it with a condition.")
    where = content["where"]
    if not isinstance(where, str):
        raise RuleError(f"`where` is {shorten_repr(where)}; it must be text. Put it in quotes.", key="where")
    return EligibilityRule(_join_lines(where), _read_name(content.get("name")))


def _read_name(name: Any) -> str:
    if name is None:
        return ""
    if not isinstance(name, str):
        raise RuleError(f"`name` is {shorten_repr(name)}; it must be text. Put it in quotes.", key="name")
    if not 0 < len(name.strip()) <= MAX_NAME or not name.isprintable():
        problem = f"`name` is {shorten_repr(name)}; it must have 1 to {MAX_NAME} printable characters."
        raise RuleError(problem, key="name")
    return name.strip()


def _join_lines(where: str) -> str:
    """Return the text on one line: YAML texts may have several."""
    return " ".join(line.strip() for line in where.splitlines()).strip()
