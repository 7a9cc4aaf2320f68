"""Files of rules of lists: what they accept, when rules are active, and what is refused with its line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scoring.errors import ModelError
from scoring.model.list_rules import ListRules, parse_list_rules

RULE = "name: campaign, kind: boost, points: 5, where: job.fee >= 800, owner: Sato, reason: contract"
DATED = f"{RULE}, from: 2026-11-01 00:00, until: 2026-11-08, zone: Asia/Tokyo"


def parse(*rules: str) -> ListRules:
    return parse_list_rules("rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules), source="rules.yaml")


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_a_period_contains_its_start_but_not_its_end() -> None:
    rules = parse(DATED)
    active = [
        len(rules.active_at(datetime(2026, month, day, 15, minute, second, tzinfo=UTC)).rules)
        for month, day, minute, second in ((10, 31, 0, 0), (11, 7, 0, 0), (11, 6, 59, 59))
    ]
    assert active == [1, 0, 1]
    assert not rules.active_at(datetime(2026, 10, 31, 14, 59, 59, tzinfo=UTC)).rules


def test_a_rule_without_dates_is_always_active() -> None:
    assert parse(RULE).active_at(datetime(1990, 1, 1, tzinfo=UTC)).rules


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (changed(RULE, ", owner: Sato", ""), "`owner` is missing"),
        (changed(RULE, "points: 5", "points: -5"), "greater than 0"),
        (changed(RULE, ", points: 5", ""), "`points` is required for boost and bury"),
        (changed(RULE, "kind: boost", "kind: pin"), "unknown for other kinds"),
        (changed(RULE, "kind: boost", "kind: lift"), "`kind` is 'lift'"),
        (changed(RULE, "where: job.fee >= 800, ", ""), "`where` is missing"),
        (changed(RULE, "job.fee >= 800", "job.fee >="), "cannot be read"),
        (changed(RULE, "job.fee >= 800", "job.occupation_code in user.preferred_occupations"), "depends on the user"),
        (f"{RULE}, colour: red", "unknown key `colour`"),
        (changed(DATED, ", zone: Asia/Tokyo", ""), "`zone` is missing"),
        (changed(DATED, "Asia/Tokyo", "Asia/Nowhere"), "`zone` is 'Asia/Nowhere'"),
        (changed(DATED, "2026-11-08", "2026-11-01"), "can never apply: `until` is not after `from` of line 2"),
        (changed(DATED, "2026-11-08", "Sunday"), "`until` is 'Sunday'"),
        (changed(DATED, "2026-11-08", '"2026-11-08T00:00+09:00"'), "Omit the offset"),
        (
            "name: spread, kind: at_most, count: 2, per: company_id, owner: Sato, reason: variety",
            "Give a column of the job",
        ),
    ],
)
def test_an_invalid_rule_is_refused_with_its_line(rule: str, problem: str) -> None:
    with pytest.raises(ModelError) as error:
        parse(rule)
    assert problem in str(error.value)
    assert str(error.value).startswith("rules.yaml, line 2: ")


@pytest.mark.parametrize(
    ("start", "problem"), [("2026-03-29 02:30", "clocks in Europe/Zurich skip"), ("2026-10-25 02:30", "occurs twice")]
)
def test_a_time_that_a_zone_does_not_define_is_refused(start: str, problem: str) -> None:
    with pytest.raises(ModelError) as error:
        parse(f"{RULE}, from: {start}, zone: Europe/Zurich")
    assert problem in str(error.value)


OTHER = changed(changed(RULE, "campaign", "old"), "job.fee >= 800", "(job.fee>=800)")


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("kind: exclude", "an excluded job cannot be boosted"),
        ("kind: bury, points: 1", "cannot be boosted and buried"),
    ],
)
def test_a_contradiction_is_refused_with_both_lines(kind: str, problem: str) -> None:
    with pytest.raises(ModelError) as error:
        parse(RULE, changed(OTHER, "kind: boost, points: 5", kind))
    assert problem in str(error.value)
    assert "line 3: " in str(error.value)
    assert "of line 2" in str(error.value)


def test_rules_of_different_periods_do_not_contradict() -> None:
    later = changed(changed(OTHER, "kind: boost, points: 5", "kind: exclude"), ", owner", ", from: 2026-11-08, owner")
    assert len(parse(DATED, f"{later}, zone: Asia/Tokyo").rules) == 2


def test_two_limits_of_the_same_jobs_are_refused() -> None:
    limit = "kind: at_most, count: {}, per: job.company_id, owner: Sato, reason: variety"
    with pytest.raises(ModelError) as error:
        parse(f"name: a, {limit.format(2)}", f"name: b, {limit.format(3)}")
    assert "only the smaller limit would apply" in str(error.value)


def test_a_name_is_used_once() -> None:
    with pytest.raises(ModelError) as error:
        parse(RULE, changed(RULE, "800", "900"))
    assert "the rule of line 2 has the same name 'campaign'" in str(error.value)


def test_the_digest_ignores_owners_and_reasons() -> None:
    rules = parse(RULE)
    assert rules.digest == parse(changed(RULE, "Sato", "Mori")).digest
    assert rules.digest != parse(changed(RULE, "points: 5", "points: 6")).digest
