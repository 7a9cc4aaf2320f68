"""Model and weight files: from YAML to a `ScoringModel` or a `WeightProfile` and back, errors with their line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from scoring.errors import LocatedError, ModelError, short_repr
from scoring.model.component import Component
from scoring.model.eligibility import Eligibility
from scoring.model.model import Part, ScoringModel
from scoring.model.profile import GROUPS, WeightProfile
from scoring.model.pydantic_errors import problem_of
from scoring.storage.yaml_source import KeyPath, YamlSource, parse_yaml

__all__ = ["dump_model", "parse_model", "parse_section", "parse_settings", "parse_weights"]

CHANGED = " (not as saved)"
"""Added to the name of a saved profile's model where it is no longer the one that was saved."""

_T = TypeVar("_T", bound=BaseModel)

_FRACTION = re.compile(r"\s*\d+\s*/\s*[1-9]\d*\s*")
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
"""Such as 1e-3, which YAML takes for text."""


def parse_model(
    text: str, kinds: Mapping[str, type[Component]], *, source: str = "model", name: str | None = None
) -> ScoringModel:
    """A model from YAML text; `kinds` joins component names to classes. Raises ModelError with the line.

    A section `profile` says where the model came from, and is no part of it. Where the digest there is another model's,
    the name says so: results must not be taken for those of the profile.
    """
    file = _parse(text, source)
    file.check_keys((), {"name", "description", "normalise", "groups", "eligibility", "profile"})
    file.check_keys(("groups",), set(GROUPS))
    parts: list[Part] = []
    for group in file.mapping(("groups",)):  # the file's order is the order of adding
        file.check_keys(("groups", group), {"weight", "components"})
        for name_in_group in file.mapping(("groups", group, "components")):
            parts.append(_part(file, group, name_in_group, kinds, {part.name for part in parts}))
    eligibility = Eligibility()
    if file.data.get("eligibility") is not None:
        eligibility = _validated(file, ("eligibility",), Eligibility, _rules(file.mapping(("eligibility",))))
    try:
        model = ScoringModel(
            name=file.text("name") or name or Path(source).stem,
            parts=tuple(parts),
            weights=_profile(file),
            eligibility=eligibility,
            description=file.text("description"),
        )
    except ModelError as error:
        raise _located(error, file) from error
    changed = "profile" in file.data and file.mapping(("profile",)).get("digest") != model.digest
    return replace(model, name=f"{model.name}{CHANGED}") if changed else model


def _parse(text: str, source: str) -> YamlSource:
    return parse_yaml(text, source, expected="`name` and `groups`")


def parse_section(text: str, key: str, kind: type[_T], *, source: str) -> _T:
    """One section of a file, such as `profile`, on its own. Raises ModelError with the line."""
    file = _parse(text, source)
    return _validated(file, (key,), kind, file.mapping((key,)))


def parse_settings(text: str, kind: type[_T], *, source: str, error_class: type[LocatedError] = ModelError) -> _T:
    """A file that is nothing but settings of this kind. Raises `error_class` with the line."""
    names = ", ".join(f"`{name}`" for name in kind.model_fields)
    file = parse_yaml(text, source, expected=f"some of {names}", error_class=error_class)
    return _validated(file, (), kind, file.mapping(()))


def _rules(values: dict[str, Any]) -> dict[str, Any]:
    """False switches a rule off whatever it takes otherwise."""
    fields = Eligibility.model_fields
    return {
        key: None if value is False and key in fields and fields[key].annotation is not bool else value
        for key, value in values.items()
    }


def _part(file: YamlSource, group: str, name: str, kinds: Mapping[str, type[Component]], taken: set[str]) -> Part:
    path = ("groups", group, "components", name)
    if name in taken:
        raise file.error(path, f"another group has a component `{name}` too; give it a name of its own and write "
                               f"`component: {name}` under it.")  # fmt: skip
    if not isinstance(file.mapping(path[:-1])[name], dict):
        raise file.error(path, f"write the weight of `{name}` as {{weight: …}}, beside its parameters.")
    parameters = dict(file.mapping(path))
    kind = parameters.pop("component", name)
    weighed = parameters.pop("weight", None) is not None
    if not isinstance(kind, str) or kind not in kinds:
        named = kind if isinstance(kind, str) else short_repr(kind)
        raise file.error(path, f"unknown component `{named}`; known: {', '.join(sorted(kinds))}.")
    component = _validated(file, path, kinds[kind], parameters, beside=("weight", "component"))
    if not weighed:  # said last: a mistyped `weight` is an unknown key
        raise file.error(path, f"component `{name}` has no weight.")
    return Part(name, group, component)


def _profile(file: YamlSource) -> WeightProfile:
    groups: dict[str, float] = {}
    components: dict[str, dict[str, float]] = {}
    for group, content in file.mapping(("groups",)).items():
        path = ("groups", group)
        if not isinstance(content, dict) or "weight" not in content or "components" not in content:
            raise file.error(path, f"group `{group}` needs a `weight` and `components`.")
        groups[group] = _weight(file, (*path, "weight"), content["weight"])
        names = file.mapping((*path, "components"))
        components[group] = {name: _weight_of(file, (*path, "components", name)) for name in names}
    normalise = file.boolean("normalise")
    try:
        if normalise:
            return WeightProfile.normalised(groups, components)
        return WeightProfile(groups, components)
    except ModelError as error:
        raise _located(error, file) from error


def _weight(file: YamlSource, key: KeyPath, value: Any) -> float:
    """A number from 0, or a fraction such as 1/3."""
    number = value
    try:
        if isinstance(value, str) and _FRACTION.fullmatch(value):
            number = float(Fraction(value.replace(" ", "")))
        elif _is_number(value):
            number = float(value)
    except (OverflowError, ValueError):  # thousands of digits
        number = math.inf
    if not isinstance(number, float):
        raise file.error(key, f"the weight is {short_repr(value)}; write a number, or a fraction such as 1/3.")
    if not (math.isfinite(number) and number >= 0):
        name = key[-2] if key[-1] == "weight" else key[-1]
        raise file.error(key, f"the weight of {name} is {number}; a weight is a number from 0 to 1.")
    return number


def _weight_of(file: YamlSource, key: KeyPath) -> float:
    """Of a component: the value itself, or under `weight`."""
    value = file.mapping(key[:-1])[key[-1]]
    if not isinstance(value, dict):
        return _weight(file, key, value)
    if "weight" not in value:
        raise file.error(key, f"component `{key[-1]}` has no weight.")
    return _weight(file, (*key, "weight"), value["weight"])


def _located(error: ModelError, file: YamlSource) -> LocatedError:
    """An error about weights or a model, with the line of its key."""
    return error if error.path is not None else file.error(error.key or ("groups",), str(error))


def _validated(
    file: YamlSource, key: KeyPath, kind: type[_T], values: dict[str, Any], beside: tuple[str, ...] = ()
) -> _T:
    """Settings of a kind from the values under a key of the file; `beside` are other keys that it may have.

    Raises the file's error with the line.
    """
    try:
        settings = kind(**values)
    except ValidationError as error:
        field, problem = problem_of(error, kind, beside)
        raise file.error((*key, field), problem) from error
    for field, value in values.items():
        if _became_number(value, getattr(settings, field)):
            raise file.error((*key, field), f"`{field}` is {short_repr(value)}; write a number.")
    return settings


def _is_number(value: Any) -> bool:
    """Also where YAML takes it for text."""
    if isinstance(value, str):
        return _SCIENTIFIC.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _became_number(given: Any, made: Any) -> bool:
    """Whether pydantic made a number of true, '5' or the like, here or somewhere in a list: a typing error."""
    if isinstance(given, list) and isinstance(made, tuple | list):
        return any(_became_number(*pair) for pair in zip(given, made, strict=False))
    return _is_number(made) and isinstance(given, bool | str) and not _is_number(given)


def parse_weights(text: str, model: ScoringModel, *, source: str = "weights") -> WeightProfile:
    """A weight file (`groups:` as in a model file, a component's weight alone or under `weight`) for a model.

    Raises ModelError with the line, also for a component that the model has not and for one that is missing.
    """
    file = _parse(text, source)
    file.check_keys((), {"name", "description", "normalise", "groups"})
    file.check_keys(("groups",), set(GROUPS))
    for group in file.mapping(("groups",)):
        file.check_keys(("groups", group), {"weight", "components"})
        for name, value in file.mapping(("groups", group, "components")).items():
            if isinstance(value, dict):
                file.check_keys(("groups", group, "components", name), {"weight"})
    profile = _profile(file)
    ordered: dict[str, dict[str, float]] = {}
    for group in GROUPS:
        names = [part.name for part in model.components_of(group)]
        weights = profile.components[group]
        for name in weights:
            if name not in names:
                raise file.error(("groups", group, "components", name), f"the model has no `{name}` in {group}.")
        missing = [name for name in names if name not in weights]
        if missing:
            raise file.error(("groups", group), f"no weight for `{missing[0]}` of group {group}.")
        ordered[group] = {name: weights[name] for name in names}
    return WeightProfile(profile.groups, ordered)


def dump_model(model: ScoringModel) -> str:
    """The model as a file's text; parsing it gives an equal model."""
    return yaml.safe_dump(model.as_dict(), sort_keys=False, allow_unicode=True)
