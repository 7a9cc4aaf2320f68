"""Random eligibility rules: the text of each, and the same condition in plain Python, pair by pair.

The condition is built together with the text, so it depends neither on the parser nor on the engine.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from tests.support.oracle import Oracle, Row, known
from tests.support.random_markets import CLOCK, FEES, FLAGS, OCCUPATIONS, SALARIES, WINDOWS

__all__ = ["RandomRule", "random_rule", "random_rules"]

Holds = Callable[[Oracle, Row, Row], bool]

COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NUMBERS: Final = ("fee", "min_salary", "max_salary", "occupation_code", "employment_type_code")
TEXTS: Final = ("prefecture_code", "city_code", "company_id", "salary_type")
TIMES: Final = ("posted_at", "expires_at")


@dataclass(frozen=True)
class RandomRule:
    """A rule and its condition for an oracle, a user and a job."""

    text: str
    holds: Holds


def random_rules(rng: random.Random, how_many: int) -> list[RandomRule]:
    """Return rules with different texts."""
    rules = {rule.text: rule for rule in (random_rule(rng) for _ in range(how_many))}
    return list(rules.values())


def random_rule(rng: random.Random) -> RandomRule:
    """Return a rule of one of the three forms."""
    return rng.choice((_job_rule, _column_rule, _days_rule))(rng)


def _job_rule(rng: random.Random, depth: int = 0) -> RandomRule:
    if depth < 2 and rng.random() < 0.4:
        if rng.random() < 0.3:
            part = _job_rule(rng, depth + 1)
            return RandomRule(f"not ({part.text})", lambda o, u, j: not part.holds(o, u, j))
        parts = [_job_rule(rng, depth + 1) for _ in range(rng.choice((2, 3)))]
        word, combine = rng.choice((("and", all), ("or", any)))
        text = f" {word} ".join(f"({part.text})" for part in parts)
        return RandomRule(text, lambda o, u, j: combine([part.holds(o, u, j) for part in parts]))
    kind = rng.choice(("number", "number", "text", "time", "flag", "missing", "members", "columns", "range"))
    return _LEAVES[kind](rng)


def _number(rng: random.Random) -> RandomRule:
    name, word = rng.choice(NUMBERS), rng.choice(list(COMPARE))
    value = rng.choice((*FEES, *SALARIES, *OCCUPATIONS, 1, 2, 3))
    text = f"job.{name} {word} {value}"
    if rng.random() < 0.3:
        mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(word, word)
        text = f"{value} {mirrored} job.{name}"
    return RandomRule(text, lambda o, u, j: _compared(word, j.get(name), value))


def _range(rng: random.Random) -> RandomRule:
    low, high = sorted(rng.sample(FEES, 2))
    return RandomRule(
        f"{low} <= job.fee < {high}",
        lambda o, u, j: _compared(">=", j.get("fee"), low) and _compared("<", j.get("fee"), high),
    )


def _text(rng: random.Random) -> RandomRule:
    name, word, value = rng.choice(TEXTS), rng.choice(("==", "!=")), rng.choice(("01", "02", "11", "C1", "C3", "daily"))
    return RandomRule(f"job.{name} {word} '{value}'", lambda o, u, j: _compared(word, j.get(name), value))


def _time(rng: random.Random) -> RandomRule:
    name, word = rng.choice(TIMES), rng.choice(list(COMPARE))
    value = rng.choice((CLOCK, CLOCK - timedelta(days=14), CLOCK + timedelta(days=20)))
    text = f"job.{name} {word} '{value.isoformat()}'"
    return RandomRule(text, lambda o, u, j: _compared(word, j.get(name), value))


def _flag(rng: random.Random) -> RandomRule:
    name, form = rng.choice(FLAGS), rng.choice(("", " == True", " == False", " != True"))
    holds: dict[str, Holds] = {
        "": lambda o, u, j: j.get(name) is True,
        " == True": lambda o, u, j: j.get(name) is True,
        " == False": lambda o, u, j: j.get(name) is False,
        " != True": lambda o, u, j: j.get(name) is False,
    }
    return RandomRule(f"job.{name}{form}", holds[form])


def _missing(rng: random.Random) -> RandomRule:
    name, negated = rng.choice((*NUMBERS, *TEXTS, *TIMES, *FLAGS)), rng.random() < 0.5
    text = f"job.{name} is {'not ' if negated else ''}missing"
    return RandomRule(text, lambda o, u, j: known(j.get(name)) is negated)


def _members(rng: random.Random) -> RandomRule:
    name, values = rng.choice((("occupation_code", (101, 102, 201, 901)), ("company_id", ("C0", "C2", "C5"))))
    chosen, negated = tuple(rng.sample(values, 2)), rng.random() < 0.5
    text = f"job.{name} {'not in' if negated else 'in'} {chosen}"
    return RandomRule(text, lambda o, u, j: known(j.get(name)) and (j.get(name) in chosen) is not negated)


def _columns(rng: random.Random) -> RandomRule:
    a, b = rng.sample(rng.choice((NUMBERS, TIMES)), 2)
    word = rng.choice(list(COMPARE))
    return RandomRule(f"job.{a} {word} job.{b}", lambda o, u, j: _compared(word, j.get(a), j.get(b)))


_LEAVES: Final[dict[str, Callable[[random.Random], RandomRule]]] = {
    "number": _number,
    "text": _text,
    "time": _time,
    "flag": _flag,
    "missing": _missing,
    "members": _members,
    "columns": _columns,
    "range": _range,
}


def _column_rule(rng: random.Random) -> RandomRule:
    if rng.random() < 0.35:
        word, negated = rng.choice((("in", False), ("not in", True)))

        def holds(oracle: Oracle, user: Row, job: Row) -> bool:
            code = job.get("occupation_code")
            return known(code) and (code in (user.get("preferred_occupations") or [])) is not negated

        return RandomRule(f"job.occupation_code {word} user.preferred_occupations", holds)
    of_job, of_user, words = rng.choice(
        (
            ("prefecture_code", "prefecture_code", ("==", "!=")),
            ("city_code", "city_code", ("==", "!=")),
            ("min_salary", "preferred_salary_min", tuple(COMPARE)),
            ("fee", "preferred_salary_min", tuple(COMPARE)),
            ("posted_at", "registered_at", tuple(COMPARE)),
            ("salary_type", "preferred_work_style", ("==", "!=")),
        )
    )
    word = rng.choice(words)
    text = f"job.{of_job} {word} user.{of_user}"
    if rng.random() < 0.3:
        mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(word, word)
        text = f"user.{of_user} {mirrored} job.{of_job}"
    return RandomRule(text, lambda o, u, j: _compared(word, j.get(of_job), u.get(of_user)))


def _days_rule(rng: random.Random) -> RandomRule:
    of_company, kind = rng.random() < 0.5, rng.choice(("application", "click", "view"))
    word, days = rng.choice(list(COMPARE)), rng.choice((*WINDOWS, 0, 7.5, 200, float("inf")))
    target = "job.company_id" if of_company else "job"
    text = f"days_since(user, {target}, '{kind}') {word} {days}"
    return RandomRule(text, lambda o, u, j: COMPARE[word](o.days_since(u, j, kind, of_company=of_company), days))


def _compared(word: str, a: Any, b: Any) -> bool:
    return known(a) and known(b) and COMPARE[word](a, b)
