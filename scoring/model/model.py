"""A scoring model: components, their weights and the eligibility rules. It does not depend on data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from scoring.errors import ModelError, suggest
from scoring.model.component import Component
from scoring.model.eligibility import Eligibility
from scoring.model.group_weights import GROUPS, WeightProfile, read_weights
from scoring.model.pydantic_errors import describe_problem
from scoring.model.setting_text import describe_settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Part", "ScoringModel"]


@dataclass(frozen=True)
class Part:
    """A component of a model, with its unique name and its group."""

    name: str
    group: str
    component: Component


@dataclass(frozen=True)
class ScoringModel:
    """A scoring model. The contributions of `parts` are added in their order.

    Raises
    ------
    ModelError: If the parts are empty, do not match the weights, are not grouped, or have duplicate names.
    """

    name: str
    parts: tuple[Part, ...]
    weights: WeightProfile
    eligibility: Eligibility = field(default_factory=Eligibility)
    description: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.weights, WeightProfile):
            raise ModelError(
                f"model {self.name}: weights is of type {type(self.weights).__name__}. Use a WeightProfile, or call "
                "with_weights.",
                key=("weights",),
            )
        if not self.parts:
            raise ModelError(f"model {self.name} has no components. Add at least one.", key=("parts",))
        named = {group: list(self.weights.components[group]) for group in GROUPS}
        names = {group: [part.name for part in self.parts if part.group == group] for group in GROUPS}
        if named != names:
            raise ModelError(
                f"model {self.name}: `weights` has the components {named}, but `parts` has {names}. Give both the same "
                "names in the same order.",
                key=("weights",),
            )
        order = [part.group for part in self.parts]
        if order != sorted(order, key=order.index):
            raise ModelError(
                f"model {self.name}: `parts` has the groups {', '.join(order)}. Put all parts of a group next to each "
                "other.",
                key=("parts",),
            )
        all_names = [part.name for part in self.parts]
        duplicate = next((name for name in all_names if all_names.count(name) > 1), None)
        if duplicate is not None:
            raise ModelError(
                f"model {self.name}: duplicate component name {duplicate!r}. Names must be unique in a model.",
                key=(duplicate,),
            )

    def frame(self) -> pd.DataFrame:
        """Return one row per component: group · component · weight (flat) · parameters (as text)."""
        import pandas as pd

        return pd.DataFrame(
            {
                "group": [part.group for part in self.parts],
                "component": [part.name for part in self.parts],
                "weight": self.flat_weights,
                "parameters": [describe_settings(part.component) for part in self.parts],
            }
        )

    def _repr_html_(self) -> str:
        """Return the name, the description, the components and the rules."""
        from scoring.plotting.html_table import render_html_table  # imports pandas

        own = "".join(f"<p>rule: {escape(rule.describe())}</p>" for rule in self.eligibility.rules)
        head = f"<b>{escape(self.name)}</b> {escape(self.description)}"
        rules = escape(describe_settings(self.eligibility))
        return f"<p>{head}</p>{render_html_table(self.frame())}<p>rules: {rules}</p>{own}"

    def with_weights(self, weights: WeightProfile | Mapping[str, float] | pd.Series) -> Self:
        """Return the model with other weights: a profile, or flat weights by component name (normalised to sum 1).

        Flat weights are a mapping, or a Series with the names as its index. Text is accepted if it is a number.

        Raises
        ------
        ModelError: If a component does not exist or a weight is invalid.
        """
        if not isinstance(weights, WeightProfile):
            weights = self.profile_of(weights)
        return replace(self, weights=weights)

    def profile_of(self, flat: Mapping[str, float] | pd.Series) -> WeightProfile:
        """Return the normalised profile of flat weights by component name. Omitted components get weight 0.

        Raises
        ------
        ModelError: If a component does not exist or a weight is invalid.
        """
        flat = read_weights(flat)
        unknown = set(flat) - {part.name for part in self.parts}
        if unknown:
            raise self._unknown_component(sorted(unknown)[0])
        groups = dict.fromkeys(GROUPS, 0.0)
        components: dict[str, dict[str, float]] = {group: {} for group in GROUPS}
        for part in self.parts:
            weight = flat.get(part.name, 0.0)
            groups[part.group] += weight
            components[part.group][part.name] = weight
        return WeightProfile.normalised(groups, components)

    def with_parameters(self, name: str, /, **parameters: Any) -> Self:
        """Return the model with other parameters of one component.

        Raises
        ------
        ModelError: If the component does not exist or a parameter is invalid.
        """
        parts = []
        for part in self.parts:
            if part.name == name:
                try:
                    component = type(part.component)(**(part.component.model_dump() | parameters))
                except ValidationError as error:
                    field, problem = describe_problem(error, type(part.component))
                    key = (name, field) if field else (name,)
                    raise ModelError(f"model {self.name}, component {name}: {problem}", key=key) from error
                part = replace(part, component=component)
            parts.append(part)
        if name not in {part.name for part in self.parts}:
            raise self._unknown_component(name)
        return replace(self, parts=tuple(parts))

    def with_name(self, name: str, description: str = "") -> Self:
        """Return the model under another name. Its digest does not change.

        Raises
        ------
        ModelError: If the name is empty.
        """
        if not isinstance(name, str) or not name.strip():
            raise ModelError(f"model {self.name}: name is {name!r}. Give a text.", key=("name",))
        return replace(self, name=name, description=description)

    def with_component(self, component: Component, group: str, weight: float, name: str | None = None) -> Self:
        """Return the model with one more component, the last of its group. Other weights keep their proportions.

        Parameters
        ----------
        group: One of `GROUPS`.
        weight: Its share of the total score, from 0 to less than 1.
        name: Its name in the model; None: its kind.

        Raises
        ------
        ModelError: If the group does not exist, the name is taken, or the weight is invalid.
        """
        name = component.kind if name is None else name
        if group not in GROUPS:
            raise ModelError(f"model {self.name}: {group!r} is not a group. {suggest(group, GROUPS)}", key=("group",))
        if name in {part.name for part in self.parts}:
            raise ModelError(
                f"model {self.name}: duplicate component name {name!r}. Names must be unique in a model.", key=(name,)
            )
        share = read_weights({name: weight})[name]
        if not 0 <= share < 1:
            raise ModelError(
                f"model {self.name}, component {name}: the weight is {share:g}. Use a share of the total score, from 0 "
                "to less than 1.",
                key=("weight",),
            )
        end = max((place + 1 for place, part in enumerate(self.parts) if part.group == group), default=len(self.parts))
        parts = (*self.parts[:end], Part(name, group, component), *self.parts[end:])
        flat = {part.name: value * (1 - share) for part, value in zip(self.parts, self.flat_weights, strict=True)}
        groups = dict.fromkeys(GROUPS, 0.0)
        components: dict[str, dict[str, float]] = {one: {} for one in GROUPS}
        for part in parts:
            components[part.group][part.name] = flat.get(part.name, share)
            groups[part.group] += components[part.group][part.name]
        return replace(self, parts=parts, weights=WeightProfile.normalised(groups, components))

    def with_eligibility(self, **rules: Any) -> Self:
        """Return the model with some eligibility rules changed.

        Raises
        ------
        ModelError: If a rule does not exist or its value is invalid.
        """
        try:
            eligibility = Eligibility(**(dict(self.eligibility) | rules))
        except ValidationError as error:
            field, problem = describe_problem(error, Eligibility)
            raise ModelError(f"model {self.name}, eligibility: {problem}", key=(field,)) from error
        return replace(self, eligibility=eligibility)

    def _unknown_component(self, name: str) -> ModelError:
        known = suggest(name, (part.name for part in self.parts))
        return ModelError(f"unknown component {name!r} in model {self.name}. {known}", key=(name,))

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the model's file."""
        groups: dict[str, Any] = {}
        for group in dict.fromkeys(part.group for part in self.parts):
            groups[group] = {
                "weight": self.weights.groups[group],
                "components": {part.name: self._part_as_dict(part) for part in self.components_of(group)},
            }
        return {
            "name": self.name,
            "description": self.description,
            "groups": groups,
            "eligibility": self.eligibility.model_dump(mode="json"),
        }

    def _part_as_dict(self, part: Part) -> dict[str, Any]:
        kind = {} if part.component.kind == part.name else {"component": part.component.kind}
        weight = {"weight": self.weights.components[part.group][part.name]}
        return kind | weight | part.component.model_dump(mode="json")

    @property
    def flat_weights(self) -> NDArray[np.float64]:
        """(n_parts,) weight of each component in the total score."""
        return np.array([self.weights.flat(part.group, part.name) for part in self.parts])

    @property
    def weights_in_group(self) -> NDArray[np.float64]:
        """(n_parts,) weight of each component in the score of its group."""
        return np.array([self.weights.components[part.group][part.name] for part in self.parts])

    @cached_property
    def digest(self) -> str:
        """Digest of everything in the model that results depend on: all but its name and description."""
        content = {key: value for key, value in self.as_dict().items() if key not in ("name", "description")}
        for part in self.parts:
            for path in part.component.paths:
                del content["groups"][part.group]["components"][part.name][path]
        classes = [f"{type(part.component).__module__}.{type(part.component).__qualname__}" for part in self.parts]
        classes += [part.component.fingerprint for part in self.parts if part.component.fingerprint]
        text = json.dumps([content, classes], sort_keys=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def components_of(self, group: str) -> Sequence[Part]:
        """Return the parts of one group, in order."""
        return [part for part in self.parts if part.group == group]
