"""Model and weight files: safe YAML in, a `ScoringModel` or a `WeightProfile` out, mistakes with their line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel

from scoring.errors import ModelError
from scoring.model.component import Component
from scoring.model.eligibility import Eligibility
from scoring.model.located import KeyPath, LocatedFile, read, validated
from scoring.model.model import Part, ScoringModel
from scoring.model.problems import short
from scoring.model.profile import GROUPS, WeightProfile

__all__ = ["dump_model", "parse_model", "parse_section", "parse_settings", "parse_weights"]

CHANGED = " (not as saved)"
"""Added to the name of a saved profile's model where it is no longer the one that was saved."""

_T = TypeVar("_T", bound=BaseModel)


def parse_model(
    text: str, kinds: Mapping[str, type[Component]], *, source: str = "model", name: str | None = None
) -> ScoringModel:
    """A model from YAML text; `kinds` joins component names to classes. Raises ModelError with the line.

    A section `profile` says where the model came from, and is no part of it. Where the digest there is another model's,
    the name says so: results must not be taken for those of the profile.
    """
    file = read(text, source)
    file.check_keys((), {"name", "description", "normalise", "groups", "eligibility", "profile"})
    file.check_keys(("groups",), set(GROUPS))
    parts: list[Part] = []
    for group in file.mapping(("groups",)):  # the file's order is the order of adding
        file.check_keys(("groups", group), {"weight", "components"})
        for name_in_group in file.mapping(("groups", group, "components")):
            parts.append(_part(file, group, name_in_group, kinds, {part.name for part in parts}))
    eligibility = Eligibility()
    if file.data.get("eligibility") is not None:
        eligibility = validated(file, ("eligibility",), Eligibility, _rules(file.mapping(("eligibility",))))
    try:
        model = ScoringModel(
            name=file.text("name") or name or Path(source).stem,
            parts=tuple(parts),
            weights=_profile(file),
            eligibility=eligibility,
            description=file.text("description"),
        )
    except ModelError as error:
        raise error if source in str(error) else file.error(("groups",), str(error)) from error
    changed = "profile" in file.data and file.mapping(("profile",)).get("digest") != model.digest
    return replace(model, name=f"{model.name}{CHANGED}") if changed else model


def parse_section(text: str, key: str, kind: type[_T], *, source: str) -> _T:
    """One section of a file, such as `profile`, on its own. Raises ModelError with the line."""
    file = read(text, source)
    return validated(file, (key,), kind, file.mapping((key,)))


def parse_settings(text: str, kind: type[_T], *, source: str) -> _T:
    """A file that is nothing but settings of this kind. Raises ModelError with the line."""
    file = read(text, source, f"some of {', '.join(f'`{name}`' for name in kind.model_fields)}")
    return validated(file, (), kind, file.mapping(()))


def _rules(values: dict[str, Any]) -> dict[str, Any]:
    """False switches a rule off whatever it takes otherwise."""
    fields = Eligibility.model_fields
    return {
        key: None if value is False and key in fields and fields[key].annotation is not bool else value
        for key, value in values.items()
    }


def _part(file: LocatedFile, group: str, name: str, kinds: Mapping[str, type[Component]], taken: set[str]) -> Part:
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
        named = kind if isinstance(kind, str) else short(kind)
        raise file.error(path, f"unknown component `{named}`; known: {', '.join(sorted(kinds))}.")
    component = validated(file, path, kinds[kind], parameters, beside=("weight", "component"))
    if not weighed:  # said last: a mistyped `weight` is an unknown key
        raise file.error(path, f"component `{name}` has no weight.")
    return Part(name, group, component)


def _profile(file: LocatedFile) -> WeightProfile:
    groups: dict[str, float] = {}
    components: dict[str, dict[str, float]] = {}
    for group, content in file.mapping(("groups",)).items():
        path = ("groups", group)
        if not isinstance(content, dict) or "weight" not in content or "components" not in content:
            raise file.error(path, f"group `{group}` needs a `weight` and `components`.")
        groups[group] = file.weight((*path, "weight"), content["weight"])
        names = file.mapping((*path, "components"))
        components[group] = {name: file.weight_of((*path, "components", name)) for name in names}
    normalise = file.switch("normalise")
    try:
        if normalise:
            return WeightProfile.normalised(groups, components)
        return WeightProfile(groups, components)
    except ModelError as error:
        raise file.error(_level(str(error)), str(error)) from error


def _level(message: str) -> KeyPath:
    """The key that a message about weights speaks of."""
    group = re.search(r"group (\w+)", message)
    return ("groups", group[1]) if group else ("groups",)


def parse_weights(text: str, model: ScoringModel, *, source: str = "weights") -> WeightProfile:
    """A weight file (`groups:` as in a model file, a component's weight alone or under `weight`) for a model.

    Raises ModelError with the line, also for a component that the model has not and for one that is missing.
    """
    file = read(text, source)
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
