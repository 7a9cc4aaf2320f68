"""Model and weight files: written models are read back unchanged, and each error names its line."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from scoring.errors import ModelError
from scoring.model import ScoringModel, WeightProfile, dump_model, parse_model, parse_weights
from scoring.model_catalog import get_component_kinds, list_preset_names, load_model
from tests.support.errors import raises_at
from tests.support.proof_counts import record_count

GOOD = """\
name: mine
description: Two groups.
groups:
  match:
    weight: 0.25
    components:
      location: {weight: 1}
  base:
    weight: 0.75
    components:
      wage: {weight: 0.5}
      fee: {weight: 0.3, low: 100}
      cheap: {component: fee, weight: 0.2, low: 0, high: 1e3}
eligibility:
  min_fee: 10
"""

WEIGHTS = """\
groups:
  base:
    weight: 0.5
    components: {wage: 0.2, fee: {weight: 0.2}, cheap: 3/5}
  match:
    weight: 0.5
    components: {location: 1}
"""


def parse(text: str) -> ScoringModel:
    return parse_model(text, get_component_kinds(), source="mine.yaml")


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def problem(text: str) -> str:
    with pytest.raises(ModelError) as raised:
        parse(text)
    return str(raised.value)


# --- Valid files --------------------------------------------------------------------------------------------


def test_file_defines_model() -> None:
    model = parse(GOOD)
    assert (model.name, model.description) == ("mine", "Two groups.")
    # the file's order is the order of adding
    assert [(part.group, part.name, part.component.kind) for part in model.parts] == [
        ("match", "location", "location"),
        ("base", "wage", "wage"),
        ("base", "fee", "fee"),
        ("base", "cheap", "fee"),
    ]
    assert model.parts[3].component.model_dump() == {"low": 0, "high": 1000}
    np.testing.assert_array_equal(model.flat_weights, [0.25, 0.75 * 0.5, 0.75 * 0.3, 0.75 * 0.2])
    np.testing.assert_array_equal(model.weights_in_group, [1, 0.5, 0.3, 0.2])
    assert model.eligibility.min_fee == 10
    assert model.eligibility.not_applied


@pytest.mark.parametrize("name", ["standard", "classic"])
def test_written_model_is_read_unchanged(name: str) -> None:
    model = load_model(name)
    assert parse(dump_model(model)) == model
    assert parse(dump_model(model)).digest == model.digest
    tuned = model.with_weights(
        {part.name: 1 + 1 / (3 + place) for place, part in enumerate(model.parts)}
    ).with_eligibility(max_per_company=3, employment_types=(1, 5), company_cooldown_days=None)
    again = parse(dump_model(tuned))
    assert again == tuned
    np.testing.assert_array_equal(again.flat_weights, tuned.flat_weights)


def test_shipped_models_are_found_by_name() -> None:
    assert list_preset_names() == ["classic", "standard"]
    assert load_model() == load_model("standard")


def test_written_model_is_standard_yaml() -> None:
    model = parse(changed("name: mine", "name: 東京 'quoted': yes"[:12]))
    assert yaml.safe_load(dump_model(model))["groups"]["base"]["components"]["cheap"]["component"] == "fee"
    assert "東京" in dump_model(model)


def test_model_without_name_has_name_of_file(tmp_path: Path) -> None:
    file = tmp_path / "night_shift.yaml"
    file.write_text(changed("name: mine\n", ""), encoding="utf-8")
    assert load_model(file).name == "night_shift"
    assert load_model(str(file)).name == "night_shift"


@pytest.mark.parametrize("weight", ["3/10", " 3 / 10 ", "30/100", "3e-1", "0.3", ".3", "3.0E-1"])
def test_weight_formats_are_equivalent(weight: str) -> None:
    assert parse(changed("weight: 0.3", f"weight: {weight}")).weights.components["base"]["fee"] == 0.3


def test_thirds_sum_to_1() -> None:
    text = changed("weight: 0.5", "weight: 1/3").replace("0.3,", "1/3,").replace("0.2,", "1/3,")
    assert parse(text).weights.components["base"] == {"wage": 1 / 3, "fee": 1 / 3, "cheap": 1 / 3}


def test_normalise_divides_each_level_by_its_sum() -> None:
    text = "normalise: true\n" + changed("weight: 0.75", "weight: 3").replace("weight: 0.25", "weight: 1").replace(
        "weight: 0.5", "weight: 7"
    ).replace("weight: 0.3", "weight: 2").replace("weight: 0.2", "weight: 1/1")
    model = parse(text)
    assert model.weights.groups == {"base": 0.75, "match": 0.25, "personal": 0.0}
    assert model.weights.components["base"] == {"wage": 0.7, "fee": 0.2, "cheap": 0.1}
    assert parse("normalise: false\n" + GOOD) == parse(GOOD)


def test_weight_0_is_accepted() -> None:
    model = parse(changed("weight: 0.3", "weight: 0").replace("weight: 0.5}", "weight: 0.8}"))
    assert model.weights.flat("base", "fee") == 0.0


def test_group_and_its_components_may_have_weight_0() -> None:
    model = parse(
        changed("weight: 0.25", "weight: 0").replace("weight: 0.75", "weight: 1").replace("{weight: 1}", "{weight: 0}")
    )
    assert model.weights.groups["match"] == 0.0


@pytest.mark.parametrize("rule", ["min_fee", "company_cooldown_days", "employment_types", "max_per_company"])
@pytest.mark.parametrize("off", ["null", "false", "~"])
def test_null_or_false_disables_rule(rule: str, off: str) -> None:
    assert getattr(parse(changed("min_fee: 10", f"{rule}: {off}")).eligibility, rule) is None


def test_eligibility_is_optional() -> None:
    for text in (
        changed("eligibility:\n  min_fee: 10\n", ""),
        changed("eligibility:\n  min_fee: 10\n", "eligibility:\n"),
    ):
        assert parse(text).eligibility == load_model("standard").eligibility


def test_anchors_and_merge_keys_are_accepted() -> None:
    text = changed("{weight: 0.3, low: 100}", "&fee {weight: 0.3, low: 100}").replace(
        "{component: fee, weight: 0.2, low: 0, high: 1e3}", "{<<: *fee, component: fee, weight: 0.2}"
    )
    assert parse(text).parts[3].component == parse(text).parts[2].component


# --- Errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "word"),
    [
        # unknown keys at each level
        ("name: mine", "nmae: mine", 1, "nmae", "unknown key"),
        ("  base:", "  basis:", 8, "groups.basis", "unknown key"),
        ("weight: 0.75", "wieght: 0.75", 9, "groups.base.wieght", "unknown key"),
        ("low: 100", "lo: 100", 12, "groups.base.components.fee.lo", "unknown key"),
        ("min_fee: 10", "minfee: 10", 15, "eligibility.minfee", "unknown key"),
        ("      wage:", "      wages:", 11, "groups.base.components.wages", "`wages`. Did you mean wage?"),
        ("component: fee", "component: fees", 13, "groups.base.components.cheap", "`fees`. Did you mean fee?"),
        ("component: fee", "component: [fee]", 13, "groups.base.components.cheap", "`['fee']`. Did you mean fee?"),
        # weights
        ("weight: 0.3", "weight: 0.4", 8, "groups.base", "sum to 1.1,"),
        ("weight: 0.75", "weight: 0.7", 3, "groups", "sum to 0.95,"),
        ("weight: 0.3", "weight: 0.300002", 8, "groups.base", "sum to 1.000002,"),
        ("weight: 0.3", "weight: -0.3", 12, "groups.base.components.fee.weight", "is -0.3;"),
        ("weight: 0.3", "weight: .nan", 12, "groups.base.components.fee.weight", "is nan;"),
        ("weight: 0.3", "weight: .inf", 12, "groups.base.components.fee.weight", "is inf;"),
        ("weight: 0.3", "weight: 1e999", 12, "groups.base.components.fee.weight", "is inf;"),
        ("weight: 0.3", "weight: 1" + "0" * 400, 12, "groups.base.components.fee.weight", "is inf;"),
        ("weight: 0.3", "weight: 1" + "0" * 400 + "/3", 12, "groups.base.components.fee.weight", "is inf;"),
        ("weight: 0.3", "weight: much", 12, "groups.base.components.fee.weight", "'much'; it must be a number or"),
        ("weight: 0.3", "weight: '0.3'", 12, "groups.base.components.fee.weight", "is '0.3';"),
        ("weight: 0.3", "weight: 1/0", 12, "groups.base.components.fee.weight", "is '1/0';"),
        ("weight: 0.3", "weight: -1/3", 12, "groups.base.components.fee.weight", "is '-1/3';"),
        ("weight: 0.3", "weight: true", 12, "groups.base.components.fee.weight", "is True;"),
        ("weight: 0.3", "weight: [0.3]", 12, "groups.base.components.fee.weight", "is [0.3];"),
        ("weight: 0.3, ", "", 12, "groups.base.components.fee", "no weight"),
        ("weight: 0.3", "weight: null", 12, "groups.base.components.fee", "no weight"),
        ("weight: 0.75", "weight: -0.75", 9, "groups.base.weight", "is -0.75;"),
        ("    weight: 0.75\n", "", 8, "groups.base", "must have"),
        ("{weight: 1}", "{weight: 0}", 4, "groups.match", "components have weight 0"),
        # parameters
        ("low: 100", "low: 6000", 12, "groups.base.components.fee", "below high"),
        ("low: 100", "low: .nan", 12, "groups.base.components.fee.low", "finite"),
        ("low: 100", "low: cheap", 12, "groups.base.components.fee.low", "valid number"),
        ("low: 100", "low: '100'", 12, "groups.base.components.fee.low", "it must be a number"),
        ("low: 100", "low: true", 12, "groups.base.components.fee.low", "it must be a number"),
        ("{weight: 0.5}", "{weight: 0.5, curve: [[0, 0], [0, 1]]}", 11, "groups.base.components.wage.curve", "each x"),
        ("{weight: 0.5}", "{weight: 0.5, curve: [[0, 0], [1, '5']]}", 11, "groups.base.components.wage.curve", "all"),
        ("{weight: 1}", "{weight: 1, same_city: 100.5}", 7, "groups.match.components.location.same_city", "less than"),
        ("{weight: 1}", "{weight: 1, adjacent: 99}", 7, "groups.match.components.location", "descending"),
        # eligibility
        ("min_fee: 10", "max_per_company: 0", 15, "eligibility.max_per_company", "or equal to 1"),
        ("min_fee: 10", "max_per_company: 2.5", 15, "eligibility.max_per_company", "integer"),
        ("min_fee: 10", "max_per_company: true", 15, "eligibility.max_per_company", "it must be a number"),
        ("min_fee: 10", "company_cooldown_days: 0", 15, "eligibility.company_cooldown_days", "greater than 0"),
        ("min_fee: 10", "min_fee: .inf", 15, "eligibility.min_fee", "finite"),
        ("min_fee: 10", "open: perhaps", 15, "eligibility.open", "boolean"),
        ("min_fee: 10", "employment_types: 3", 15, "eligibility.employment_types", "tuple"),
        ("  min_fee: 10", "  - min_fee", 14, "eligibility", "mapping"),
        # shapes
        ("name: mine", "name: [mine]", 1, "name", "text"),
        ("description: Two groups.", "description: {a: 1}", 2, "description", "text"),
        ("name: mine", "normalise: 'yes'", 1, "normalise", "true or false"),
        ("{weight: 1}", "1", 7, "groups.match.components.location", "mapping"),
        ("      location: {weight: 1}", "      - location", 6, "groups.match.components", "['location']"),
        ("      location:", "      7:", 6, "groups.match.components", "quotes"),
        # duplicates
        ("description: Two groups.", "name: again", 2, "name", "duplicate key"),
        ("      wage:", "      fee:", 12, "groups.base.components.fee", "duplicate key"),
        ("low: 100", "weight: 0.3", 12, "groups.base.components.fee.weight", "duplicate key"),
        ("      location: {", "      fee: {", 12, "groups.base.components.fee", "name and add"),
        ("      cheap:", "      location:", 13, "groups.base.components.location", "another name."),
    ],
)  # fmt: skip
def test_error_names_line(old: str, new: str, line: int, key: str, word: str) -> None:
    with raises_at(ModelError, *key.split("."), path="mine.yaml", line=line, match=re.escape(word)):
        parse(changed(old, new))
    record_count("model mistakes", "{} mistakes", 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yaml: the content must be a YAML mapping (`key: value` lines) with `name` and `groups`."),
        ("# nothing\n", "mine.yaml: the content must be a YAML mapping (`key: value` lines) with `name` and `groups`."),
        ("- a\n- b\n", "mine.yaml: the content must be a YAML mapping (`key: value` lines) with `name` and `groups`."),
        ("just text", "mine.yaml: the content must be a YAML mapping (`key: value` lines) with `name` and `groups`."),
        ("name: x\n", "mine.yaml: `groups` is missing."),
        ("groups: 3\n", "mine.yaml, line 1: `groups` is 3; it must be a mapping (`key: value` lines)."),
        ("groups:\n", "mine.yaml, line 1: `groups` is empty; it must be a mapping (`key: value` lines)."),
        ("7: x\n", "mine.yaml: the key 7 is not text. Put it in quotes."),
        ("groups: {}\n", "mine.yaml, line 1: the weights of the groups sum to 0, not 1."),
        (
            "normalise: true\ngroups: {}\n",
            "mine.yaml, line 2: the weights of the groups sum to 0. At least one must be above 0.",
        ),
        ("groups: {base: {weight: 1}}\n", "mine.yaml, line 1: `groups.base.components` is missing."),
        ("groups:\n  base: {weight: 1, components: {}}\n", "mine.yaml, line 2: group base has weight 1, but it has no"),
        ("a: [1\nb: 2", "mine.yaml, line 2: invalid YAML: "),
        ("a: 1\n\tb: 2", "mine.yaml, line 2: invalid YAML: "),
        ("a: 1\n---\nb: 2", "mine.yaml, line 2: invalid YAML: but found another document."),
        ("a\x00b", "mine.yaml: invalid YAML: unacceptable character"),
        ("name: 2025-13-45", "mine.yaml: invalid YAML: month must be in 1..12."),
        ("? [a]\n: b", "mine.yaml, line 1: invalid YAML: found unhashable key."),
        ("[" * 1000, "mine.yaml: invalid YAML: "),
        ("{a: &a {b: *a}}", "mine.yaml, line 1: unknown key `a`; known: "),
    ],
)
def test_text_that_is_not_a_model_is_rejected(text: str, message: str) -> None:
    assert problem(text).startswith(message), problem(text)
    record_count("model mistakes", "{} mistakes", 1)


def test_weights_of_0_are_rejected_with_normalise() -> None:
    text = "normalise: true\n" + changed("weight: 0.5", "weight: 0").replace("0.3,", "0,").replace("0.2,", "0,")
    assert problem(text) == "mine.yaml, line 9: the weights of group base sum to 0. At least one must be above 0."


def test_aliases_for_billions_of_keys_are_rejected() -> None:
    levels = [f"l{level}: &l{level} {{a: *l{level - 1}, b: *l{level - 1}}}" for level in range(1, 60)]
    assert "unknown key `l0`" in problem("\n".join(["l0: &l0 {a: 1}", *levels]))


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch {file}']",
        "!!python/object/new:subprocess.check_output [['touch', '{file}']]",
        "!!python/object/apply:builtins.open ['{file}', 'w']",
        "!!python/name:os.system",
        "!!python/module:os",
        "!own {{}}",
    ],
)
def test_unsafe_tags_are_rejected_and_not_executed(tag: str, tmp_path: Path) -> None:
    file = tmp_path / "executed"
    text = problem(changed("description: Two groups.", "description: " + tag.format(file=file)))
    assert text.startswith("mine.yaml, line 2: invalid YAML: could not determine a constructor")
    assert not file.exists()


def test_error_of_unreadable_file_states_reason(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model nothing: No such file.*\. Use one of: classic, standard, or the path"):
        load_model("nothing")
    with raises_at(ModelError, path=str(tmp_path), match="directory"):
        load_model(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("name: café".encode("latin-1"))
    with raises_at(ModelError, path=str(tmp_path / "latin.yaml"), match="UTF-8"):
        load_model(tmp_path / "latin.yaml")


# --- Weight files -------------------------------------------------------------------------------------------


def test_weight_file_changes_weights_of_model() -> None:
    model = parse(GOOD)
    profile = parse_weights(WEIGHTS, model)
    assert profile.components["base"] == {"wage": 0.2, "fee": 0.2, "cheap": 0.6}
    assert list(profile.components["base"]) == ["wage", "fee", "cheap"]
    moved = model.with_weights(profile)
    assert moved.parts == model.parts
    assert moved.weights.groups == {"base": 0.5, "match": 0.5, "personal": 0.0}
    again = yaml.safe_dump({"groups": profile.as_dict()})
    assert parse_weights(again, model) == profile


def test_order_in_weight_file_does_not_matter() -> None:
    model = parse(GOOD)
    turned = WEIGHTS.replace("{wage: 0.2, fee: {weight: 0.2}, cheap: 3/5}", "{cheap: 0.6, fee: 0.2, wage: 2e-1}")
    assert (
        model.with_weights(parse_weights(turned, model)).digest
        == model.with_weights(parse_weights(WEIGHTS, model)).digest
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "word"),
    [
        ("wage: 0.2", "wages: 0.2", 4, "groups.base.components.wages", "Did you mean wage?"),
        ("wage: 0.2, ", "", 2, "groups.base", "sum to 0.8,"),
        ("wage: 0.2, fee: {weight: 0.2}", "fee: 0.4", 2, "groups.base", "`wage`"),
        ("wage: 0.2", "wage: -0.2", 4, "groups.base.components.wage", "is -0.2;"),
        ("wage: 0.2", "wage: null", 4, "groups.base.components.wage", "is None;"),
        ("{weight: 0.2}", "{low: 3}", 4, "groups.base.components.fee.low", "unknown key"),
        ("{weight: 0.2}", "{}", 4, "groups.base.components.fee", "no weight"),
        ("  match:", "  macht:", 5, "groups.macht", "unknown key"),
        ("groups:", "eligibility: {}\ngroups:", 1, "eligibility", "unknown key"),
    ],
)
def test_weight_file_error_names_line(old: str, new: str, line: int, key: str, word: str) -> None:
    assert WEIGHTS.count(old) == 1
    model = parse(GOOD)
    with raises_at(ModelError, *key.split("."), path="w.yaml", line=line, match=re.escape(word)):
        parse_weights(WEIGHTS.replace(old, new), model, source="w.yaml")
    record_count("model mistakes", "{} mistakes", 1)


def test_weight_file_supports_normalise() -> None:
    model = parse(GOOD)
    profile = parse_weights("normalise: true\n" + WEIGHTS.replace("weight: 0.5", "weight: 4"), model)
    assert profile.groups == {"base": 0.5, "match": 0.5, "personal": 0.0}
    assert isinstance(profile, WeightProfile)


def test_message_about_aliases_is_short() -> None:
    levels = "".join(f"    - &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefghijkl"))
    bomb = "description:\n    - &a [x]\n" + levels
    text = problem(changed("description: Two groups.\n", bomb).replace("weight: 0.75", "weight: *l"))
    assert "it must be a number" in text
    assert len(text) < 500


def test_numbers_with_thousands_of_digits_are_rejected() -> None:
    assert "it must be a finite number of 0 or more" in problem(changed("weight: 0.75", f"weight: 1/{'9' * 5000}"))
    assert "`max_per_company`" in problem(changed("min_fee: 10", f"max_per_company: {10**30}"))
