"""The grammar of own eligibility rules, and rules in model files."""

from __future__ import annotations

import dataclasses
import pickle
import warnings

import pytest

from scoring.errors import ModelError
from scoring.model import EligibilityRule, ScoringModel, dump_model, parse_model
from scoring.model.eligibility_rule import MAX_RULES, RuleError
from scoring.model.rule_expression import MAX_LENGTH, RuleSyntaxError, parse_rule
from scoring.model_catalog import get_component_kinds, load_model
from tests.support.errors import raises_at

FORMS = {
    "job.fee >= 800": "job",
    "500 <= job.fee < 900 and not job.has_remote_work": "job",
    "job.company_id is not missing or job.title == 'x'": "job",
    "job.employment_type_code in (1, 2)": "job",
    "'night' not in job.shifts": "job",
    "job.min_salary <= job.max_salary": "job",
    "job.licence in user.licences": "columns",
    "user.preferred_salary_min <= job.min_salary": "columns",
    "days_since(user, job, 'view') > 7": "days since",
    "7 < days_since(user, job.company_id, 'click')": "days since",
    "days_since(user, job, 'application') == inf": "days since",
}


@pytest.mark.parametrize(("text", "form"), FORMS.items())
def test_rule_has_one_of_three_forms(text: str, form: str) -> None:
    assert EligibilityRule(text).form == form


REFUSED = {
    "": 1,
    "   ": 1,
    "job.fee >=": 10,
    "job.fee > 1 and": 15,
    "(job.fee > 1": 1,
    "job.fee + 1 > 3": 1,
    "fee > 3": 1,
    "job.fee.real > 3": 1,
    "job['fee'] > 3": 1,
    "3 < 4": 1,
    "job.fee == None": 12,
    "job.fee is 3": 12,
    "job.fee in 3": 12,
    "job.fee in ()": 12,
    "job.fee in (job.min_salary, 2)": 13,
    "job.fee == (1, 2)": 12,
    "job.fee < inf": 11,
    "job.fee > 1e999": 11,
    "job.fee > 99999999999999999999": 11,
    "job.fee > 1 if job.title else 2": 1,
    "(lambda: job.fee)() > 1": 1,
    "__import__('os').system('true')": 1,
    "f'{job.fee}' == job.title": 1,
    "user.is_active": 1,
    "user.age_group == '20s'": 1,
    "user.age_group is missing": 1,
    "'職' == job.title and joob.fee > 1": 22,
    "job.fee > 1 and job.city_code == user.city_code": 34,
    "not job.city_code == user.city_code": 22,
    "days_since(user, job, 'view')": 1,
    "days_since(user, job, 'view') > 7 and job.fee > 1": 1,
    "days_since(user, job, 'view') > job.fee": 1,
    "days_since(user, job, 'view') > -1": 33,
    "days_since(user, job, 'view') > True": 1,
    "days_since(user, job, 'viewed') > 7": 23,
    "days_since(user, job, view) > 7": 23,
    "days_since(job, user, 'view') > 7": 12,
    "days_since(user, job.city_code, 'view') > 7": 18,
    "days_since(user, 'view') > 7": 1,
    "days_since(user, job, kind='view') > 7": 1,
    "len(job.title) > 7": 1,
    "(" * 300 + "job.fee" + ")" * 300: None,
    "job.fee > 1\0": None,
    "job.fee > 1" + " " * MAX_LENGTH: MAX_LENGTH + 1,
}


@pytest.mark.parametrize(("text", "place"), REFUSED.items())
def test_other_texts_are_refused_with_their_place(text: str, place: int | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuleSyntaxError) as raised:
            parse_rule(text)
    if place is not None:
        assert raised.value.place == place
    assert raised.value.advice.endswith(".")


def test_python_does_not_evaluate_rules() -> None:
    for text in ("open('x', 'w')", "exec('1')", "job.__class__.__mro__ == 1", "[x for x in job.tags] == 1"):
        with pytest.raises(RuleError):
            EligibilityRule(text)


# --- Lists of rules ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> ScoringModel:
    return load_model("standard")


def test_single_text_is_a_list_of_one(model: ScoringModel) -> None:
    for value in ("job.fee > 1", ["job.fee > 1"], {"where": "job.fee > 1"}, [EligibilityRule("job.fee > 1")]):
        assert model.with_eligibility(rules=value).eligibility.rules == (EligibilityRule("job.fee > 1"),)
    assert model.with_eligibility(rules=None) == model.with_eligibility(rules=[]) == model


@pytest.mark.parametrize(
    "value",
    [
        3,
        [3],
        [None],
        ["job.fee >"],
        [{"name": "x"}],
        [{"where": 3}],
        [{"where": "job.fee > 1", "then": "x"}],
        [{"where": "job.fee > 1", "name": ""}],
        [{"where": "job.fee > 1", "name": "a\nb"}],
        [{"where": "job.fee > 1", "name": "x" * 81}],
        [{"where": "job.fee > 1", "name": "expired"}],
        ["job.fee > 1", "job.fee > 1"],
        [{"where": "job.fee > 1", "name": "a"}, {"where": "job.fee > 2", "name": "a"}],
        [f"job.fee > {i}" for i in range(MAX_RULES + 1)],
    ],
)
def test_invalid_lists_are_refused(model: ScoringModel, value: object) -> None:
    with raises_at(ModelError, "rules"):
        model.with_eligibility(rules=value)


def test_no_rules_leave_the_model_unchanged(model: ScoringModel) -> None:
    """Digests of saved profiles stay valid."""
    assert "rules" not in model.as_dict()["eligibility"]
    assert "rules" not in model.eligibility.model_dump()
    changed = model.with_eligibility(rules=["job.fee > 1"])
    assert changed.digest != model.digest
    assert changed.with_eligibility(rules=[]).digest == model.digest


# --- Model files ------------------------------------------------------------------------------------------------

FILE = """\
name: own
groups:
  base: {weight: 1, components: {fee: {weight: 1}}}
  match: {weight: 0, components: {location: {weight: 1}}}
  personal: {weight: 0, components: {history: {weight: 1}}}
eligibility:
  min_fee: 5
  rules:
    - {name: licence, where: "job.title == '免許'"}
    - where: >
        days_since(user, job, 'view')
        > 7
    - job.fee >= 800
"""


def parse(text: str) -> ScoringModel:
    return parse_model(text, get_component_kinds(), source="own.yaml")


def test_file_keeps_rules() -> None:
    model = parse(FILE)
    texts = [(rule.name, rule.where) for rule in model.eligibility.rules]
    assert texts[0] == ("licence", "job.title == '免許'")
    assert texts[1] == ("", "days_since(user, job, 'view') > 7")
    assert parse(dump_model(model)) == model
    assert parse(dump_model(model)).digest == model.digest
    assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301
    weights = model.with_weights({"fee": 1.0, "location": 2.0})
    assert weights.eligibility is model.eligibility
    assert model.eligibility.rules[2].origin == "own.yaml, line 13"
    assert "licence: job.title == " in model._repr_html_()
    assert dataclasses.replace(model.eligibility.rules[0], origin="") == model.eligibility.rules[0]


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("job.fee >= 800", "job.fee >=> 800", 13, "2"),
        ("job.title ==", "job.title =", 9, "0"),
        ("'view')", "'veiw')", 10, "1"),
        ("name: licence", "nam: licence", 9, "0"),
        ("name: licence", "name: [1]", 9, "0"),
        ("- job.fee >= 800", "- 7", 13, "2"),
    ],
)
def test_errors_name_the_line(old: str, new: str, line: int, key: str) -> None:
    with pytest.raises(ModelError) as raised:
        parse(FILE.replace(old, new))
    assert (raised.value.path, raised.value.line) == ("own.yaml", line)
    assert raised.value.key[:3] == ("eligibility", "rules", key)


def test_single_rule_of_a_file_is_accepted() -> None:
    head = FILE[: FILE.index("  rules:")]
    assert parse(f"{head}  rules: job.fee >= 800\n").eligibility.rules == (EligibilityRule("job.fee >= 800"),)
    assert parse(f"{head}  rules: false\n").eligibility.rules == ()


@pytest.mark.parametrize("text", ["job.fee >= \ud800", "job.fee >= 1 and " * 40 + "job.", "job.fee >= 1\0"])
def test_message_quotes_one_short_printable_line(text: str) -> None:
    with pytest.raises(RuleError) as raised:
        EligibilityRule(text)
    message = str(raised.value)
    assert len(message) < 400
    assert message.isprintable()
