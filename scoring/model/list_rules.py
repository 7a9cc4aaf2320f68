"""Rules of lists: exclude, pin, boost, bury and at_most, each with a period, an owner and a reason.

Unlike eligibility rules, they are not part of a model: a file of rules is given to a run, and a model and its evidence
do not change with a campaign.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic import StringConstraints as Constraints

from scoring.errors import ModelError
from scoring.model.eligibility_rule import MAX_NAME, MAX_RULES, EligibilityRule, RuleError
from scoring.model.pydantic_errors import describe_problem
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import describe_os_error
from scoring.storage.yaml_parser import YamlSource, parse_yaml

__all__ = ["ListRule", "ListRules", "load_list_rules", "parse_list_rules"]

Kind = Literal["exclude", "pin", "boost", "bury", "at_most"]
"""exclude: not in any list; pin: before all other jobs; boost and bury: points added to or taken from the order;
at_most: a limit of the number of jobs in a list."""

_Line = Annotated[str, Constraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME)]

_CONTRADICTIONS: Final = {
    frozenset(("exclude", "pin")): "an excluded job cannot be pinned",
    frozenset(("exclude", "boost")): "an excluded job cannot be boosted",
    frozenset(("exclude", "bury")): "an excluded job is in no list, so it cannot be buried",
    frozenset(("exclude", "at_most")): "excluded jobs are in no list, so they cannot be limited",
    frozenset(("pin", "bury")): "a job cannot be pinned and buried",
    frozenset(("boost", "bury")): "a job cannot be boosted and buried",
}
"""Kinds of two rules that cannot have the same condition at the same time, and the reason."""


class _Content(BaseModel):
    """The keys of a rule in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: _Line
    kind: Kind
    where: str | None = None
    points: Annotated[float, Field(gt=0, le=1000)] | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    per: str | None = None
    start: str | None = Field(default=None, alias="from")
    until: str | None = None
    zone: str | None = None
    owner: _Line
    reason: Annotated[str, Constraints(strip_whitespace=True, min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _check_keys_of_kind(self) -> Self:
        if (self.points is not None) != (self.kind in ("boost", "bury")):
            raise ValueError("`points` is required for boost and bury, and unknown for other kinds")
        if (self.count is not None) != (self.kind == "at_most"):
            raise ValueError("`count` is required for at_most, and unknown for other kinds")
        if self.per is not None and self.kind != "at_most":
            raise ValueError("`per` is unknown for other kinds than at_most")
        if self.where is None and self.per is None:
            raise ValueError("`where` is missing. Add a condition over the job")
        if self.zone is None and (self.start or self.until):
            raise ValueError("`zone` is missing. Add the time zone of `from` and `until`, such as Asia/Tokyo")
        return self


@dataclass(frozen=True)
class ListRule:
    """One rule. It concerns the jobs for which `condition` is true, from `start` to before `until`.

    Attributes
    ----------
    condition: None: all jobs.
    points: of boost and bury; positive.
    count, per: of at_most: the maximum number of jobs with the same value of the column `per`; None: of all jobs that
        the rule concerns.
    start, until: in UTC; None: without a start or an end.
    origin: the file and line.
    """

    name: str
    kind: Kind
    condition: EligibilityRule | None
    points: float
    count: int
    per: str | None
    start: datetime | None
    until: datetime | None
    owner: str
    reason: str
    content: Mapping[str, Any] = field(repr=False, compare=False)
    origin: str = field(default="", compare=False, repr=False)

    @property
    def title(self) -> str:
        """How reports and reasons name the rule."""
        return f"rule {self.name!r}"

    @property
    def effect(self) -> str:
        """What the rule does to a job that it concerns, with its owner and reason."""
        effects = {
            "exclude": "excludes the job",
            "pin": "pins the job before all others",
            "boost": f"adds {self.points:g} points to the job's place in the order",
            "bury": f"takes {self.points:g} points from the job's place in the order",
            "at_most": f"permits at most {self.count:,} such jobs in a list"
            + ("" if self.per is None else f" for each value of {self.per}"),
        }
        return f"{self.title} {effects[self.kind]} ({self.owner}: {self.reason})"

    def is_active(self, at: datetime) -> bool:
        """Return whether the time is in the rule's period, which contains its start but not its end."""
        return (self.start is None or self.start <= at) and (self.until is None or at < self.until)

    def overlaps(self, other: ListRule) -> bool:
        """Return whether both rules are active at some time."""
        starts = [rule.start for rule in (self, other) if rule.start is not None]
        ends = [rule.until for rule in (self, other) if rule.until is not None]
        return not starts or not ends or max(starts) < min(ends)

    @cached_property
    def _same_jobs(self) -> str:
        """A text that is equal for equal conditions, without spaces and parentheses that do not matter."""
        return "" if self.condition is None else ast.unparse(ast.parse(self.condition.where, mode="eval"))

    def find_contradiction(self, other: ListRule) -> str | None:
        """Return why the two rules cannot both apply; None if they can."""
        if self._same_jobs != other._same_jobs or not self.overlaps(other):
            return None
        if self.kind == other.kind == "at_most" and self.per == other.per:
            return "only the smaller limit would apply"
        return _CONTRADICTIONS.get(frozenset((self.kind, other.kind)))


@dataclass(frozen=True)
class ListRules:
    """The rules of a file, in its order."""

    rules: tuple[ListRule, ...]
    source: str = field(default="", compare=False)

    def active_at(self, at: datetime) -> ListRules:
        """Return the rules that are active at a time."""
        return ListRules(tuple(rule for rule in self.rules if rule.is_active(at)), self.source)

    def as_list(self) -> list[dict[str, Any]]:
        """Return the content of the rules in their file."""
        return [dict(rule.content) for rule in self.rules]

    @cached_property
    def digest(self) -> str:
        """Digest of the rules: all but their owners and reasons, on which lists do not depend."""
        left_out = ("owner", "reason")
        content = [{key: value for key, value in rule.items() if key not in left_out} for rule in self.as_list()]
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def load_list_rules(path: str | Path) -> ListRules:
    """Return the rules of a YAML file.

    Raises
    ------
    ModelError: If the file cannot be read, or as `parse_list_rules`.
    """
    try:
        text = expand_path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path}: {describe_os_error(error)}. Give the path of a YAML file of rules.", path=str(path)
        ) from error
    return parse_list_rules(text, source=str(path))


def parse_list_rules(text: str, *, source: str = "rules") -> ListRules:
    """Return the rules of a YAML text.

    Raises
    ------
    ModelError: If a rule is invalid, contradicts another or can never apply. The message has the lines.

    Example
    -------
    >>> rules = parse_list_rules('''
    ... rules:
    ...   - {name: campaign, kind: boost, points: 5, where: job.fee >= 800, owner: Sato, reason: contract}
    ... ''')
    >>> rules.rules[0].effect
    "rule 'campaign' adds 5 points to the job's place in the order (Sato: contract)"
    """
    file = parse_yaml(text, source, expected="`rules`", as_typed=True)
    file.check_keys((), {"rules"})
    content = file.data.get("rules")
    if not isinstance(content, list) or not content:
        raise file.error(("rules",), "`rules` must be a list of rules, each with a name and a kind.")
    if len(content) > MAX_RULES:
        raise file.error(("rules",), f"`rules` has {len(content):,} rules; at most {MAX_RULES} are possible.")
    rules: list[ListRule] = []
    for number in range(len(content)):
        rule = _read_rule(file, number, content[number])
        for place, other in enumerate(rules):
            key, line = ("rules", str(number)), file.lines.get(("rules", str(place)))
            if other.name == rule.name:
                raise file.error((*key, "name"), f"the rule of line {line} has the same name {rule.name!r}.")
            reason = rule.find_contradiction(other)
            if reason is not None:
                other_text = f"{other.title} ({other.kind}) of line {line}"
                problem = f"{rule.title} ({rule.kind}) contradicts {other_text}: {reason}"
                raise file.error(key, f"{problem}. Remove one of them, or change its condition or period.")
        rules.append(rule)
    return ListRules(tuple(rules), source)


def _read_rule(file: YamlSource, number: int, content: Any) -> ListRule:
    key = ("rules", str(number))
    if not isinstance(content, dict):
        raise file.error(key, "a rule must be a mapping with a name and a kind.")
    try:
        given = _Content.model_validate(content)
    except ValidationError as error:
        name, problem = describe_problem(error, _Content)
        raise file.error(
            (*key, name) if name else key, problem.replace("`start`", "`from`").replace(" start,", " from,")
        ) from error
    line = file.lines.get(key)
    origin = file.path if line is None else f"{file.path}, line {line}"
    start, until = (
        _read_time(file, (*key, name), value, given.zone)
        for name, value in (("from", given.start), ("until", given.until))
    )
    if start is not None and until is not None and until <= start:
        start_line = file.lines.get((*key, "from"))
        raise file.error(
            (*key, "until"), f"the rule can never apply: `until` is not after `from` of line {start_line}."
        )
    if not given.name.isprintable():
        raise file.error((*key, "name"), f"`name` is {given.name!r}. Use printable characters.")
    if given.per is not None and not (given.per.startswith("job.") and given.per[4:].isidentifier()):
        raise file.error((*key, "per"), f"`per` is {given.per!r}. Give a column of the job, such as job.company_id.")
    return ListRule(
        name=given.name,
        kind=given.kind,
        condition=_read_condition(file, key, given, origin),
        points=given.points or 0.0,
        count=given.count or 0,
        per=given.per,
        start=start,
        until=until,
        owner=given.owner,
        reason=given.reason,
        content=given.model_dump(mode="json", by_alias=True, exclude_none=True),
        origin=origin,
    )


def _read_condition(file: YamlSource, key: tuple[str, ...], given: _Content, origin: str) -> EligibilityRule | None:
    if given.where is None:
        return None
    try:
        condition = EligibilityRule(" ".join(given.where.split()), given.name, origin)
    except RuleError as error:
        raise file.error((*key, "where"), str(error)) from error
    if condition.form != "job":
        advice = "Use an own eligibility rule of the model instead." if given.kind == "exclude" else ""
        problem = "`where` depends on the user. Rules of lists have conditions over the job alone."
        raise file.error((*key, "where"), f"{problem} {advice}".strip())
    return condition


def _read_time(file: YamlSource, key: tuple[str, ...], text: str | None, zone: str | None) -> datetime | None:
    """Return a local time of a zone in UTC."""
    if text is None:
        return None
    assert zone is not None
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        problem = f"`zone` is {zone!r}, which is unknown. Use one such as Asia/Tokyo."
        raise file.error((*key[:-1], "zone"), problem) from error
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise file.error(key, f"`{key[-1]}` is {text!r}. Use a form such as 2026-11-01 09:00.") from error
    if local.tzinfo is not None:
        raise file.error(key, f"`{key[-1]}` is {text!r}. Omit the offset: `zone` determines it.")
    first, second = (local.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(place).replace(tzinfo=None) != local:
        raise file.error(key, f"`{key[-1]}` is {text!r}, which clocks in {zone} skip. Use another time.")
    if first.utcoffset() != second.utcoffset():
        raise file.error(key, f"`{key[-1]}` is {text!r}, which occurs twice in {zone}. Use another time.")
    return first.astimezone(UTC)
