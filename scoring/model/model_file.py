"""Parse and write model and weight files (YAML). Errors contain the line."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from scoring.errors import LocatedError, ModelError, shorten_repr, suggest
from scoring.model.component import Component
from scoring.model.eligibility import SHIPPED_REASONS, Eligibility
from scoring.model.eligibility_rule import EligibilityRule, RuleError, read_rules
from scoring.model.group_weights import GROUPS, WeightProfile
from scoring.model.model import Part, ScoringModel
from scoring.model.pydantic_errors import describe_problem
from scoring.storage.yaml_parser import KeyPath, YamlSource, parse_yaml

__all__ = ["dump_model", "parse_model", "parse_section", "parse_settings", "parse_weights"]

CHANGED = " (not as saved)"
"""Suffix of the name of a saved profile's model if the model has changed since it was saved."""

_T = TypeVar("_T", bound=BaseModel)

_FRACTION = re.compile(r"\s*\d+\s*/\s*[1-9]\d*\s*")
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
"""A number such as 1e-3, which YAML reads as text."""


def parse_model(
    text: str, kinds: Mapping[str, type[Component]], *, source: str = "model", name: str | None = None
) -> ScoringModel:
    """Return the model of a YAML text.

    The section `profile` records the origin of a saved profile; it is not part of the model. If its digest differs from
    the model's, `CHANGED` is added to the name, so that results are not attributed to the saved profile.

    Parameters
    ----------
    text: The content of the file.
    kinds: Component classes by kind.
    source: The file's name, for errors.
    name: The model's name if the text does not contain one; None for the stem of `source`.

    Raises
    ------
    ModelError: If the text is not a valid model. The error contains the line.
    """
    file = _parse(text, source)
    file.check_keys((), {"name", "description", "normalise", "groups", "eligibility", "profile"})
    file.check_keys(("groups",), set(GROUPS))
    parts: list[Part] = []
    for group in file.mapping(("groups",)):  # contributions are added in the file's order
        file.check_keys(("groups", group), {"weight", "components"})
        for name_in_group in file.mapping(("groups", group, "components")):
            parts.append(_parse_part(file, group, name_in_group, kinds, {part.name for part in parts}))
    eligibility = Eligibility()
    if file.data.get("eligibility") is not None:
        settings = _parse_rules(file.mapping(("eligibility",)))
        if "rules" in settings:
            settings["rules"] = _parse_own_rules(file, settings["rules"])
        eligibility = _validate_settings(file, ("eligibility",), Eligibility, settings)
    try:
        model = ScoringModel(
            name=file.text("name") or name or Path(source).stem,
            parts=tuple(parts),
            weights=_profile(file),
            eligibility=eligibility,
            description=file.text("description"),
        )
    except ModelError as error:
        raise _locate_error(error, file) from error
    changed = "profile" in file.data and file.mapping(("profile",)).get("digest") != model.digest
    return replace(model, name=f"{model.name}{CHANGED}") if changed else model


def _parse(text: str, source: str) -> YamlSource:
    return parse_yaml(text, source, expected="`name` and `groups`")


def parse_section(text: str, key: str, kind: type[_T], *, source: str) -> _T:
    """Return one section of a model file, such as `profile`.

    Raises
    ------
    ModelError: If the section is invalid. The error contains the line.
    """
    file = _parse(text, source)
    return _validate_settings(file, (key,), kind, file.mapping((key,)))


def parse_settings(text: str, kind: type[_T], *, source: str, error_class: type[LocatedError] = ModelError) -> _T:
    """Return the settings in a file that contains only the fields of `kind`.

    Raises
    ------
    `error_class`: If the file is invalid. The error contains the line.
    """
    names = ", ".join(f"`{name}`" for name in kind.model_fields)
    file = parse_yaml(text, source, expected=f"some of {names}", error_class=error_class)
    return _validate_settings(file, (), kind, file.mapping(()))


def _parse_rules(values: dict[str, Any]) -> dict[str, Any]:
    """Return the rules with None for each rule that is false and not a boolean field."""
    fields = Eligibility.model_fields
    return {
        key: None if value is False and key in fields and fields[key].annotation is not bool else value
        for key, value in values.items()
    }


def _parse_own_rules(file: YamlSource, content: Any) -> tuple[EligibilityRule, ...]:
    """Return the rules of a file with their lines, or raise the file's error with the line."""
    key = ("eligibility", "rules")
    try:
        rules = read_rules(content, SHIPPED_REASONS)
    except RuleError as error:
        inner = () if error.number is None else (str(error.number),)
        raise file.error((*key, *inner, *([error.key] if error.key else [])), str(error)) from error
    lines = [file.lines.get((*key, str(number)), file.lines.get(key)) for number in range(len(rules))]
    return tuple(
        replace(rule, origin=file.path if line is None else f"{file.path}, line {line}")
        for rule, line in zip(rules, lines, strict=True)
    )


def _parse_part(file: YamlSource, group: str, name: str, kinds: Mapping[str, type[Component]], taken: set[str]) -> Part:
    path = ("groups", group, "components", name)
    content = file.mapping(path[:-1])[name]
    if name in taken:
        has_kind = isinstance(content, dict) and "component" in content
        advice = "Use another name" if has_kind else f"Use another name and add `component: {name}` under it"
        raise file.error(path, f"duplicate component name `{name}`. {advice}.")
    if not isinstance(content, dict):
        problem = f"component `{name}` is {shorten_repr(content)}"
        raise file.error(path, f"{problem}; it must be a mapping with a weight, such as {{weight: 0.2}}.")
    parameters = dict(file.mapping(path))
    kind = parameters.pop("component", name)
    weighed = parameters.pop("weight", None) is not None
    if not isinstance(kind, str) or kind not in kinds:
        named = kind if isinstance(kind, str) else shorten_repr(kind)
        advice = "If it is a custom component, give its file with --component."
        raise file.error(path, f"unknown component `{named}`. {suggest(named, sorted(kinds))} {advice}")
    for field in kinds[kind].paths:
        if isinstance(parameters.get(field), str):
            parameters[field] = _resolve_path(parameters[field], file.path)
    component = _validate_settings(file, path, kinds[kind], parameters, other_keys=("weight", "component"))
    if not weighed:  # checked last: a mistyped `weight` is reported as an unknown key
        raise file.error(path, f"component `{name}` has no weight. Add `weight:`.")
    return Part(name, group, component)


def _resolve_path(text: str, source: str | None) -> str:
    """Return the absolute path of a file that the model file `source` names. A relative path is beside that file."""
    folder = Path(source).expanduser().parent if source is not None and Path(source).suffix else Path()
    return os.path.abspath(folder / os.path.expanduser(text))


def _profile(file: YamlSource) -> WeightProfile:
    groups: dict[str, float] = {}
    components: dict[str, dict[str, float]] = {}
    for group, content in file.mapping(("groups",)).items():
        path = ("groups", group)
        if not isinstance(content, dict) or "weight" not in content or "components" not in content:
            raise file.error(path, f"group `{group}` must have a `weight` and `components`.")
        groups[group] = _parse_weight(file, (*path, "weight"), content["weight"])
        names = file.mapping((*path, "components"))
        components[group] = {name: _read_weight(file, (*path, "components", name)) for name in names}
    normalise = file.boolean("normalise")
    try:
        if normalise:
            return WeightProfile.normalised(groups, components)
        return WeightProfile(groups, components)
    except ModelError as error:
        raise _locate_error(error, file) from error


def _parse_weight(file: YamlSource, key: KeyPath, value: Any) -> float:
    """Return a weight: a number of 0 or more, or a fraction such as 1/3."""
    number = value
    try:
        if isinstance(value, str) and _FRACTION.fullmatch(value):
            number = float(Fraction(value.replace(" ", "")))
        elif _is_number(value):
            number = float(value)
    except (OverflowError, ValueError):  # thousands of digits
        number = math.inf
    name = key[-2] if key[-1] == "weight" else key[-1]
    if not isinstance(number, float):
        problem = f"the weight of {name} is {shorten_repr(value)}"
        raise file.error(key, f"{problem}; it must be a number or a fraction such as 1/3.")
    if not (math.isfinite(number) and number >= 0):
        raise file.error(key, f"the weight of {name} is {number}; it must be a finite number of 0 or more.")
    return number


def _read_weight(file: YamlSource, key: KeyPath) -> float:
    """Return the weight of a component: the value at the key, or its `weight`."""
    value = file.mapping(key[:-1])[key[-1]]
    if not isinstance(value, dict):
        return _parse_weight(file, key, value)
    if "weight" not in value:
        raise file.error(key, f"component `{key[-1]}` has no weight. Add `weight:`.")
    return _parse_weight(file, (*key, "weight"), value["weight"])


def _locate_error(error: ModelError, file: YamlSource) -> LocatedError:
    """Return the error with the file and the line of its key."""
    return error if error.path is not None else file.error(error.key or ("groups",), str(error))


def _validate_settings(
    file: YamlSource, key: KeyPath, kind: type[_T], values: dict[str, Any], other_keys: tuple[str, ...] = ()
) -> _T:
    """Return settings of a kind from the values at a key of the file, or raise the file's error with the line.

    `other_keys` are further keys that the file may contain at `key`.
    """
    try:
        settings = kind(**values)
    except ValidationError as error:
        field, problem = describe_problem(error, kind, other_keys)
        raise file.error((*key, field) if field else key, problem) from error
    except ModelError as error:  # of a file that a component reads
        raise file.error(key, f"component `{key[-1]}`: {error}") from error
    for field, value in values.items():
        if _became_number(value, getattr(settings, field)):
            must = "all its values must be numbers" if isinstance(value, list) else "it must be a number"
            raise file.error((*key, field), f"`{field}` is {shorten_repr(value)}; {must}.")
    return settings


def _is_number(value: Any) -> bool:
    """Return whether a value is a number, including numbers that YAML reads as text."""
    if isinstance(value, str):
        return _SCIENTIFIC.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _became_number(given: Any, made: Any) -> bool:
    """Return whether pydantic converted a boolean or a text such as '5' to a number, also inside lists."""
    if isinstance(given, list) and isinstance(made, tuple | list):
        return any(_became_number(*pair) for pair in zip(given, made, strict=False))
    return _is_number(made) and isinstance(given, bool | str) and not _is_number(given)


def parse_weights(text: str, model: ScoringModel, *, source: str = "weights") -> WeightProfile:
    """Return the weights of a weight file for a model.

    The section `groups` is as in a model file. A component's weight is its value or its key `weight`.

    Raises
    ------
    ModelError: If the file is invalid, or its components are not those of the model. The error contains the line.
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
                raise file.error(
                    ("groups", group, "components", name),
                    f"model {model.name} has no component `{name}` in group {group}. {suggest(name, names)}",
                )
        missing = [name for name in names if name not in weights]
        if missing:
            raise file.error(
                ("groups", group),
                f"component `{missing[0]}` of group {group} has no weight. Add `{missing[0]}:` with a weight; it may "
                "be 0.",
            )
        ordered[group] = {name: weights[name] for name in names}
    return WeightProfile(profile.groups, ordered)


def dump_model(model: ScoringModel) -> str:
    """Return the text of the model's file. Parsing it returns an equal model."""
    return yaml.safe_dump(model.as_dict(), sort_keys=False, allow_unicode=True)
