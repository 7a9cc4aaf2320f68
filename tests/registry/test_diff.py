"""Differences between two models."""

from __future__ import annotations

from scoring.model import ScoringModel, parse_model
from scoring.model_catalog import get_component_kinds, load_model
from scoring.registry.diff import diff_models


def test_equal_models_have_no_differences(standard: ScoringModel) -> None:
    found = diff_models(standard, load_model("standard"))
    assert found.is_same
    assert found.settings().empty
    assert (found.frame()["change"] == 0).all()


def test_diff_contains_weights_and_changed_settings(standard: ScoringModel, even: ScoringModel) -> None:
    found = diff_models(standard, even)
    frame = found.frame().set_index(["what", "name"])
    assert frame.loc[("group weight", ""), "group"].tolist() == ["base", "match", "personal"]
    assert abs(frame.loc[("weight", "fee"), "change"].item() - (1 / 11 - 0.1)) < 1e-12
    assert abs(frame.loc[("weight in group", "fee"), "change"].item() - (1 / 5 - 0.25)) < 1e-12
    assert frame.loc[("parameter", "freshness.half_life_days"), ["a", "b", "change"]].tolist() == [14, 7, -7]
    rule = frame.loc[("rule", "max_per_company")]
    assert (rule["a"], rule["b"]) == (None, 3)
    assert len(found.settings()) == 2
    assert repr(found) == "ProfileDiff(standard → standard: 11 weights, 2 settings)"
    # in the opposite direction, each change has the opposite sign
    turned = diff_models(even, standard).frame()
    weights = found.frame()["what"].str.contains("weight")
    assert (turned["change"][weights] == -found.frame()["change"][weights]).all()


def test_diff_contains_added_and_removed_components() -> None:
    text = "name: {}\ngroups: {{base: {{weight: 1, components: {}}}}}"
    first = parse_model(
        text.format("a", "{wage: {weight: 0.4}, x: {component: fee, weight: 0.6}}"), get_component_kinds()
    )
    second = parse_model(
        text.format("b", "{wage: {weight: 0.5}, x: {component: access, weight: 0.5}}"), get_component_kinds()
    )
    third = parse_model(text.format("c", "{wage: {weight: 1}}"), get_component_kinds())
    components = diff_models(first, second).settings().query("what == 'component'")
    assert components[["name", "a", "b"]].to_numpy().tolist() == [["x", "fee", "access"]]
    gone = diff_models(first, third)
    assert gone.settings()[["what", "name", "a", "b"]].to_numpy().tolist() == [["component", "x", "fee", None]]
    weights = gone.weights().set_index("component")
    assert weights["b"].isna().tolist() == [False, True]
    assert weights["change"].round(12).tolist() == [0.6, -0.6]
