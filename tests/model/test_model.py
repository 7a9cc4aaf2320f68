"""Models and profiles in Python: other weights, parameters and rules, and equality."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from scoring.components import Access, Fee, Wage
from scoring.errors import ModelError, shorten_repr
from scoring.model import GROUPS, Eligibility, Part, ScoringModel, WeightProfile, dump_model
from scoring.model_catalog import load_model
from tests.support.custom_components import TitleWord
from tests.support.errors import raises_at
from tests.support.example_counts import try_examples
from tests.support.random_programs import cases

HALVES = WeightProfile({"base": 1.0}, {"base": {"fee": 0.5, "wage": 0.5}})
PARTS = (Part("fee", "base", Fee()), Part("wage", "base", Wage()))


# --- Profiles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "components", "key", "word"),
    [
        ({"base": 0.5}, {"base": {"a": 1.0}}, ("groups",), "sum"),
        ({"base": 1.0}, {"base": {"a": 0.5}}, ("groups", "base"), "sum"),
        ({"base": 1.0}, {"base": {"a": 0.0}}, ("groups", "base"), "all"),
        ({"base": 1.0}, {}, ("groups", "base"), "no"),
        ({"base": 1.5, "match": -0.5}, {"base": {"a": 1.0}}, ("groups", "match"), "is -0.5"),
        ({"base": 1.0}, {"base": {"a": 2.0, "b": -1.0}}, ("groups", "base", "components", "b"), "is -1.0"),
        ({"base": math.nan}, {"base": {"a": 1.0}}, ("groups", "base"), "nan"),
        ({"base": 1.0}, {"base": {"a": math.nan}}, ("groups", "base", "components", "a"), "nan"),
        ({"base": 1.0}, {"base": {"a": math.inf}}, ("groups", "base", "components", "a"), "inf"),
        ({"basis": 1.0}, {}, ("groups", "basis"), "unknown"),
        ({"base": 1.0}, {"base": {"a": 1.0}, "x": {}}, ("groups", "x"), "unknown"),
        ({"base": 1.0}, {"base": {"a": 1e308, "b": 1e308}}, ("groups", "base"), "large"),
    ],
)
def test_invalid_weights_are_rejected(groups: Any, components: Any, key: tuple[str, ...], word: str) -> None:
    with raises_at(ModelError, *key, match=rf"\b{word}\b", path=None, line=None):
        WeightProfile(groups, components)


@pytest.mark.parametrize("off", [0.9e-6, -0.9e-6])
def test_sum_of_weights_may_differ_from_1_by_tolerance(off: float) -> None:
    assert WeightProfile({"base": 1.0 + off}, {"base": {"a": 1.0 - off}}).flat("base", "a") == pytest.approx(1.0)
    with pytest.raises(ModelError):
        WeightProfile({"base": 1.0 + 2 * off}, {"base": {"a": 1.0}})


def test_omitted_group_has_weight_0() -> None:
    assert HALVES.groups == {"base": 1.0, "match": 0.0, "personal": 0.0}
    assert list(HALVES.components) == list(GROUPS)
    assert HALVES.as_dict() == {"base": {"weight": 1.0, "components": {"fee": 0.5, "wage": 0.5}}}


@try_examples(
    60,
    200,
    how=cases,
    groups=st.fixed_dictionaries({group: st.floats(0, 1e6) for group in GROUPS}),
    components=st.fixed_dictionaries(
        {group: st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1e6)) for group in GROUPS}
    ),
)
def test_normalised_weights_are_valid_or_rejected(
    groups: dict[str, float], components: dict[str, dict[str, float]]
) -> None:
    possible = any(groups.values()) and all(any(components[group].values()) for group in GROUPS if groups[group])
    if not possible:
        with pytest.raises(ModelError):
            WeightProfile.normalised(groups, components)
        return
    profile = WeightProfile.normalised(groups, components)
    assert math.fsum(profile.groups.values()) == pytest.approx(1.0, abs=1e-12)
    flat = [profile.flat(group, name) for group in GROUPS for name in components[group]]
    assert math.fsum(flat) == pytest.approx(1.0, abs=1e-9)
    assert WeightProfile(profile.groups, profile.components) == profile


@pytest.mark.parametrize("weights", [{"a": -1.0, "b": 2.0}, {"a": math.nan}, {"a": 0.0}, {"a": 1e308, "b": 1e308}])
def test_normalising_rejects_invalid_weights(weights: dict[str, float]) -> None:
    with pytest.raises(ModelError):
        WeightProfile.normalised({"base": 1.0}, {"base": weights})


# --- Models -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "weights", "key", "word"),
    [
        ((), HALVES, "parts", "no"),
        (PARTS[:1], HALVES, "weights", "names"),
        (PARTS[::-1], HALVES, "weights", "names"),
        ((Part("fee", "match", Fee()), PARTS[1]), HALVES, "weights", "names"),
        (
            (PARTS[0], Part("fee", "match", Wage())),
            WeightProfile({"base": 1}, {"base": {"fee": 1}, "match": {"fee": 1}}),
            "fee",
            "duplicate",
        ),
        (
            (PARTS[0], Part("access", "match", Access()), PARTS[1]),
            WeightProfile({"base": 1}, {"base": {"fee": 0.5, "wage": 0.5}, "match": {"access": 1}}),
            "parts",
            "base, match, base",
        ),
    ],
)
def test_invalid_model_is_rejected(parts: tuple[Part, ...], weights: WeightProfile, key: str, word: str) -> None:
    with raises_at(ModelError, key, match=word):
        ScoringModel("m", parts, weights)


def test_flat_weights_are_normalised() -> None:
    model = load_model("standard").with_weights({"wage": 3, "fee": 1, "history": 4})
    assert model.weights.groups == {"base": 0.5, "match": 0.0, "personal": 0.5}
    assert model.weights.flat("base", "wage") == pytest.approx(3 / 8)
    assert model.weights.flat("personal", "history") == 0.5
    assert model.weights.flat("match", "location") == 0.0
    assert model.flat_weights.sum() == pytest.approx(1.0)


def test_flat_weights_round_trip() -> None:
    model = load_model("standard")
    flat = dict(zip((part.name for part in model.parts), model.flat_weights.tolist(), strict=True))
    np.testing.assert_allclose(model.with_weights(flat).flat_weights, model.flat_weights, rtol=1e-14)


@pytest.mark.parametrize(
    "flat", [{}, {"wage": 0}, {"wage": -1, "fee": 3}, {"wage": math.nan}, {"wage": math.inf}, {"wages": 1}]
)
def test_invalid_flat_weights_are_rejected(flat: dict[str, float]) -> None:
    with pytest.raises(ModelError):
        load_model("standard").with_weights(flat)


@pytest.mark.parametrize("weight", [-1.0, math.nan])
def test_invalid_flat_weight_names_its_component(weight: float) -> None:
    """The weight of its group is the sum of such weights, and is invalid too."""
    with raises_at(ModelError, "groups", "base", "components", "wage"):
        load_model("standard").with_weights({"wage": weight})


@pytest.mark.parametrize(
    "flat",
    [
        pd.Series({"wage": 3, "fee": 1.0}),
        pd.Series({"wage": "3", "fee": "1"}),
        {"wage": "3", "fee": " 1.0 "},
        {"wage": np.float32(3), "fee": np.int8(1)},
        {"wage": Decimal(3), "fee": np.array(1)},
    ],
    ids=["Series", "Series of text", "text", "NumPy", "other numbers"],
)
def test_weights_may_be_a_series_or_numeric_text(flat: Any) -> None:
    model = load_model("standard")
    assert model.with_weights(flat) == model.with_weights({"wage": 3.0, "fee": 1.0})


@pytest.mark.parametrize("weight", [None, "x", "", True, "0,5", [1], pd.NA, pd.NaT, 10**400], ids=shorten_repr)
def test_weight_that_is_not_a_number_names_its_component(weight: Any) -> None:
    for flat in ({"wage": weight}, pd.Series({"wage": weight}, dtype=object)):
        with raises_at(ModelError, "wage"):
            load_model("standard").with_weights(flat)
    with raises_at(ModelError, "wage"):
        WeightProfile({"base": 1.0}, {"base": {"wage": weight}})
    with raises_at(ModelError, "base"):
        WeightProfile.normalised({"base": weight}, {"base": {"wage": 1.0}})


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e400"])
def test_text_of_an_invalid_weight_names_its_component(text: str) -> None:
    with raises_at(ModelError, "groups", "base", "components", "wage"):
        load_model("standard").with_weights({"wage": text})


@pytest.mark.parametrize(
    "weights", [None, 3, "wage", [0.5, 0.5], np.ones(11), pd.DataFrame({"wage": [1]}), {"wage"}], ids=shorten_repr
)
def test_weights_without_names_are_rejected(weights: Any) -> None:
    with raises_at(ModelError, "weights"):
        load_model("standard").with_weights(weights)
    with raises_at(ModelError, "groups"):
        WeightProfile(weights, {})
    with raises_at(ModelError, "components"):
        WeightProfile({"base": 1.0}, weights)


def test_duplicate_name_in_a_series_of_weights_is_rejected() -> None:
    with raises_at(ModelError, "wage"):
        load_model("standard").with_weights(pd.Series([1.0, 2.0], index=["wage", "wage"]))


def test_weights_of_another_model_are_rejected() -> None:
    with raises_at(ModelError, "weights"):
        load_model("standard").with_weights(load_model("classic").weights)


def test_with_parameters_changes_one_component() -> None:
    model = load_model("standard")
    other = model.with_parameters("fee", low=0, high=100)
    assert other.parts[0].component == Fee(low=0, high=100)
    assert other.parts[1:] == model.parts[1:]
    assert other.with_parameters("fee", low=500, high=5000) == model
    with raises_at(ModelError, "fee", match="model standard, component fee: low must be below high"):
        model.with_parameters("fee", low=5000)
    with raises_at(ModelError, "fee", "lo"):
        model.with_parameters("fee", lo=5)
    with raises_at(ModelError, "fees"):
        model.with_parameters("fees", low=5)


def test_with_name_keeps_the_digest() -> None:
    model = load_model("standard").with_name("mine", "for us")
    assert (model.name, model.description) == ("mine", "for us")
    assert model.digest == load_model("standard").digest
    for name in ("", " ", None):
        with raises_at(ModelError, "name"):
            model.with_name(name)  # type: ignore[arg-type]


def test_with_component_keeps_proportions() -> None:
    model = load_model("standard")
    more = model.with_component(TitleWord(), "match", 0.2)
    assert [part.name for part in more.parts if part.group == "match"] == [
        "location", "category", "conditions", TitleWord.kind
    ]  # fmt: skip
    before, after = ({part.name: weight for part, weight in zip(one.parts, one.flat_weights, strict=True)}
                     for one in (model, more))  # fmt: skip
    assert after.pop(TitleWord.kind) == pytest.approx(0.2)
    assert after == pytest.approx({name: 0.8 * weight for name, weight in before.items()})
    two = more.with_component(TitleWord(), "base", 0.5, "second")
    assert [part.group for part in two.parts] == sorted((part.group for part in two.parts), key=GROUPS.index)
    assert two.weights.flat("base", "second") == pytest.approx(0.5)
    none = ScoringModel("small", PARTS, HALVES).with_component(TitleWord(), "personal", 0)
    assert none.weights.groups == {"base": 1.0, "match": 0.0, "personal": 0.0}


@pytest.mark.parametrize(
    ("group", "weight", "name", "key"),
    [
        ("nowhere", 0.1, None, "group"),
        ("base", 0.1, "fee", "fee"),
        ("base", 1.0, None, "weight"),
        ("base", -0.1, None, "weight"),
        ("base", math.nan, None, "weight"),
        ("base", "much", None, TitleWord.kind),
    ],
)
def test_invalid_added_component_is_rejected(group: str, weight: Any, name: str | None, key: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model("standard").with_component(TitleWord(), group, weight, name)
    assert key in caught.value.key


def test_with_eligibility_changes_single_rules() -> None:
    model = load_model("standard").with_eligibility(max_per_company=2)
    assert model.eligibility == Eligibility(max_per_company=2)
    assert model.with_eligibility(open=False).eligibility == Eligibility(max_per_company=2, open=False)
    with raises_at(ModelError, "max_per_company"):
        model.with_eligibility(max_per_company=0)
    with raises_at(ModelError, "opened"):
        model.with_eligibility(opened=True)


def test_models_are_immutable_and_can_be_copied() -> None:
    model = load_model("standard")
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):  # noqa: S301  # its own
        assert again == model
        assert again.digest == model.digest
    with pytest.raises(AttributeError):
        model.name = "other"  # type: ignore[misc]


# --- The digest ---------------------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[ScoringModel], ScoringModel]] = {
    "nothing": lambda m: m,
    "a weight": lambda m: m.with_weights({part.name: 1.0 for part in m.parts}),
    "a weight by one bit": lambda m: m.with_weights(
        WeightProfile(m.weights.groups | {"base": math.nextafter(0.4, 1)}, m.weights.components)
    ),
    "a parameter": lambda m: m.with_parameters("fee", low=501),
    "a parameter's curve": lambda m: m.with_parameters("wage", curve=((0, 0), (1, 61))),
    "a rule": lambda m: m.with_eligibility(max_per_company=2),
    "a rule switched off": lambda m: m.with_eligibility(min_fee=None),
    "the order in a group": lambda m: reordered(m, lambda parts: [parts[1], parts[0], *parts[2:]]),
    "the order of groups": lambda m: reordered(m, lambda parts: [*parts[5:8], *parts[:5], *parts[8:]]),
    "a name": lambda m: reordered(m, lambda parts: [Part("fees", "base", parts[0].component), *parts[1:]]),
    "a component": lambda m: reordered(m, lambda parts: [Part("fee", "base", Access()), *parts[1:]]),
    "a custom component": lambda m: reordered(m, lambda parts: [Part("fee", "base", TitleWord()), *parts[1:]]),
}


def reordered(model: ScoringModel, change: Callable[[list[Part]], list[Part]]) -> ScoringModel:
    """Return the model with its parts changed and with the same weights by name."""
    weight = {part.name: value for part, value in zip(model.parts, model.weights_in_group.tolist(), strict=True)}
    parts = change(list(model.parts))
    components: dict[str, dict[str, float]] = {group: {} for group in GROUPS}
    for part in parts:
        components[part.group][part.name] = weight.get(part.name, weight["fee"])
    return ScoringModel(model.name, tuple(parts), WeightProfile(model.weights.groups, components), model.eligibility)


def test_every_change_of_content_changes_digest() -> None:
    model = load_model("standard")
    digests = {what: change(model).digest for what, change in CHANGES.items()}
    for a, b in itertools.combinations(digests, 2):
        assert digests[a] != digests[b], (a, b)


def test_another_class_of_same_kind_changes_digest() -> None:
    """For example, a formula that was rewritten under the same name."""

    class Other(Access):
        pass

    one, other = (
        ScoringModel("m", (Part("a", "base", component),), WeightProfile({"base": 1}, {"base": {"a": 1}}))
        for component in (Access(), Other())
    )
    assert one.as_dict() == other.as_dict()
    assert one.digest != other.digest


def test_name_and_description_do_not_change_digest() -> None:
    model = load_model("standard")
    assert ScoringModel("x", model.parts, model.weights, model.eligibility, "y").digest == model.digest
    assert "digest" not in dump_model(model)


def test_equal_numbers_of_other_types_keep_digest() -> None:
    model = load_model("standard")
    assert model.with_parameters("fee", low=500.0, high=5000).digest == model.digest
    assert model.with_eligibility(min_fee=0).digest == model.digest
