"""Differences between two models: weights, components, parameters, rules."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from scoring.model import GROUPS, Part, ScoringModel
from scoring.model_catalog import AnyModel, load_model

__all__ = ["ProfileDiff", "diff_models"]

_COLUMNS = ["what", "group", "name", "a", "b", "change"]


@dataclass(frozen=True)
class ProfileDiff:
    """The differences from model `a` to model `b`."""

    a: ScoringModel
    b: ScoringModel

    @property
    def is_same(self) -> bool:
        """Whether both models give the same scores and rankings: their digests are equal."""
        return self.a.digest == self.b.digest

    def weights(self) -> pd.DataFrame:
        """Return a frame with one row per component of either model.

        Columns: group · component · a · b · change (flat weights, shares of the total) · a_in_group · b_in_group ·
        change_in_group. The weight of a missing component is NaN; its change is computed from or to 0.
        """
        rows = []
        for group, name in _list_places(self.a, self.b):
            flat, in_group = _list_weights(self.a, self.b, group, name)
            rows.append((group, name, *flat, _change(*flat), *in_group, _change(*in_group)))
        sides = ["a", "b", "change"]
        return pd.DataFrame(rows, columns=["group", "component", *sides, *(f"{side}_in_group" for side in sides)])

    def groups(self) -> pd.DataFrame:
        """Return a frame with one row per group: group · a · b · change."""
        rows = [(group, self.a.weights.groups[group], self.b.weights.groups[group]) for group in GROUPS]
        return pd.DataFrame([(*row, _change(*row[1:])) for row in rows], columns=["group", "a", "b", "change"])

    def settings(self) -> pd.DataFrame:
        """Return a frame with one row per component, parameter and rule that differs.

        Columns: what · group · name · a · b · change. The change is missing if a value is not a number.
        """
        a, b = self.a, self.b
        rows = [*_compare_components(a, b), *_compare_parameters(a, b), *_compare_rules(a, b)]
        return pd.DataFrame(rows, columns=_COLUMNS, dtype=object).astype({"change": float})

    def frame(self) -> pd.DataFrame:
        """Return all differences in one frame: what · group · name · a · b · change.

        `what` is group weight, weight, weight in group, component, parameter or rule. All weights are included, and
        the components, parameters and rules that differ.
        """
        weights, parts = self.weights(), []
        parts.append(self.groups().assign(what="group weight", name=""))
        for what, ending in (("weight", ""), ("weight in group", "_in_group")):
            sides = {f"{side}{ending}": side for side in ("a", "b", "change")}
            chosen = weights[["group", "component", *sides]].rename(columns={"component": "name"} | sides)
            parts.append(chosen.assign(what=what))
        parts.append(self.settings())
        return pd.concat([part[_COLUMNS].astype(object) for part in parts], ignore_index=True).astype({"change": float})

    def __repr__(self) -> str:
        if self.is_same:
            return f"ProfileDiff({self.a.name} → {self.b.name}: the same)"
        changed = int((self.weights()["change"].abs() > 0).sum())
        return f"ProfileDiff({self.a.name} → {self.b.name}: {changed} weights, {len(self.settings())} settings)"

    def _repr_html_(self) -> str:
        html: str = self.frame().to_html(index=False, na_rep="")
        return html


def diff_models(a: AnyModel, b: AnyModel) -> ProfileDiff:
    """Return the differences from `a` to `b`."""
    return ProfileDiff(load_model(a), load_model(b))


def _list_places(a: ScoringModel, b: ScoringModel) -> list[tuple[str, str]]:
    places = dict.fromkeys((part.group, part.name) for model in (a, b) for part in model.parts)
    return sorted(places, key=lambda place: GROUPS.index(place[0]))


def _list_weights(
    a: ScoringModel, b: ScoringModel, group: str, name: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    present = [name in model.weights.components[group] for model in (a, b)]
    sides = list(zip((a, b), present, strict=True))
    flat = tuple(model.weights.flat(group, name) if is_present else float("nan") for model, is_present in sides)
    in_group = tuple(
        model.weights.components[group][name] if is_present else float("nan") for model, is_present in sides
    )
    return flat, in_group


def _change(a: float, b: float) -> float:
    return (0.0 if math.isnan(b) else b) - (0.0 if math.isnan(a) else a)


def _map_parts(model: ScoringModel) -> dict[tuple[str, str], Part]:
    return {(part.group, part.name): part for part in model.parts}


def _compare_components(a: ScoringModel, b: ScoringModel) -> Iterator[tuple[Any, ...]]:
    """Yield the components that were added or removed, or whose class differs."""
    first, second = _map_parts(a), _map_parts(b)
    for place in _list_places(a, b):
        kinds = [parts[place].component.kind if place in parts else None for parts in (first, second)]
        classes = [type(parts[place].component) if place in parts else None for parts in (first, second)]
        if classes[0] is not classes[1]:
            yield ("component", *place, *kinds, None)


def _compare_parameters(a: ScoringModel, b: ScoringModel) -> Iterator[tuple[Any, ...]]:
    first, second = _map_parts(a), _map_parts(b)
    for group, name in _list_places(a, b):
        if (group, name) not in first or (group, name) not in second:
            continue
        values = [parts[group, name].component.model_dump() for parts in (first, second)]
        for key in dict.fromkeys([*values[0], *values[1]]):
            yield from _compare_setting("parameter", group, f"{name}.{key}", values[0].get(key), values[1].get(key))


def _compare_rules(a: ScoringModel, b: ScoringModel) -> Iterator[tuple[Any, ...]]:
    first, second = (dict(model.eligibility) | {"rules": _format_own_rules(model)} for model in (a, b))
    for key in first:
        yield from _compare_setting("rule", "", key, first[key], second[key])


def _format_own_rules(model: ScoringModel) -> str | None:
    """Return the conditions of a model as text; None if it has none."""
    return "; ".join(rule.describe() for rule in model.eligibility.rules) or None


def _compare_setting(what: str, group: str, name: str, a: Any, b: Any) -> Iterator[tuple[Any, ...]]:
    if a != b:
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (a, b))
        yield what, group, name, a, b, b - a if numbers else None
