"""Model and weight files: safe YAML in, a `ScoringModel` or a `WeightProfile` out, mistakes with their line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from scoring.dataset.bounded_yaml import BoundedLoader
from scoring.errors import ModelError
from scoring.model.component import Component
from scoring.model.eligibility import Eligibility
from scoring.model.model import Part, ScoringModel
from scoring.model.problems import problem_of, short
from scoring.model.profile import GROUPS, WeightProfile

__all__ = ["dump_model", "parse_model", "parse_section", "parse_settings", "parse_weights"]

CHANGED = " (not as saved)"
"""Added to the name of a saved profile's model where it is no longer the one that was saved."""

_Path = tuple[str, ...]
_T = TypeVar("_T", bound=BaseModel)
_FRACTION = re.compile(r"\s*\d+\s*/\s*[1-9]\d*\s*")
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
"""Such as 1e-3, which YAML takes for text."""


@dataclass(frozen=True)
class _File:
    """A parsed file that knows the line of each of its keys."""

    source: str
    data: dict[str, Any]
    lines: Mapping[_Path, int]

    def error(self, path: _Path, message: str) -> ModelError:
        while path and path not in self.lines:
            path = path[:-1]
        place = f"{self.source}, line {self.lines[path]}" if path in self.lines else self.source
        return ModelError(f"{place}: {message}")

    def mapping(self, path: _Path) -> dict[str, Any]:
        value: Any = self.data
        for key in path:
            if not isinstance(value, dict) or key not in value:
                raise self.error(path, f"`{'.'.join(path)}` is missing.")
            value = value[key]
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.error(path, f"`{'.'.join(path)}` must be a mapping of names.")
        return value

    def text(self, key: str) -> str:
        """Of the file as a whole; a number is taken as it is written, nothing gives nothing."""
        value = self.data.get(key)
        if isinstance(value, dict | list | bool):
            raise self.error((key,), f"`{key}` is {short(value)}; write a text.")
        return "" if value is None else str(value)

    def switch(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise self.error((key,), f"`{key}` is {short(value)}; write true or false.")
        return value

    def check_keys(self, path: _Path, allowed: set[str]) -> None:
        for key in self.mapping(path):
            if key not in allowed:
                what = f" in `{'.'.join(path)}`" if path else ""
                raise self.error((*path, key), f"unknown key `{key}`{what}; known: {', '.join(sorted(allowed))}.")

    def weight(self, path: _Path, value: Any) -> float:
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
            raise self.error(path, f"the weight is {short(value)}; write a number, or a fraction such as 1/3.")
        if not (math.isfinite(number) and number >= 0):
            of = path[-2] if path[-1] == "weight" else path[-1]
            raise self.error(path, f"the weight of {of} is {number}; a weight is a number from 0 to 1.")
        return number

    def weight_of(self, path: _Path) -> float:
        """Of a component: the value itself, or under `weight`."""
        value = self.mapping(path[:-1])[path[-1]]
        if not isinstance(value, dict):
            return self.weight(path, value)
        if "weight" not in value:
            raise self.error(path, f"component `{path[-1]}` has no weight.")
        return self.weight((*path, "weight"), value["weight"])


def _read(text: str, source: str, expected: str = "`name` and `groups`") -> _File:
    lines: dict[_Path, int] = {}
    try:
        loader = BoundedLoader(text)
        node = loader.get_single_node()
        # before constructing, which dissolves merge keys
        twice = None if node is None else _collect_lines(node, lines)
        data = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{source}, line {mark.line + 1}" if mark else source
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ModelError(f"{place}: this is not YAML that can be read: {problem}.") from error
    if not isinstance(data, dict):
        raise ModelError(f"{source}: a mapping with {expected} is expected.")
    file = _File(source, data, lines)
    if twice is not None:
        raise file.error(twice, f"`{twice[-1]}` stands twice.")
    return file


def _collect_lines(root: yaml.Node, lines: dict[_Path, int]) -> _Path | None:
    """Fills in the line of each key; returns the first that stands twice in its mapping.

    A node that aliases name again is visited once: a file of a few lines may stand for billions of keys, or for
    endlessly many.
    """
    twice: _Path | None = None
    seen: set[int] = set()
    waiting: list[tuple[yaml.Node, _Path]] = [(root, ())]
    while waiting:
        node, path = waiting.pop()
        if not isinstance(node, yaml.MappingNode) or id(node) in seen:
            continue
        seen.add(id(node))
        for key, value in node.value:
            here = (*path, str(key.value))
            if here in lines and twice is None:
                twice = here
            lines[here] = key.start_mark.line + 1
            waiting.append((value, here))
    return twice


def parse_model(
    text: str, kinds: Mapping[str, type[Component]], *, source: str = "model", name: str | None = None
) -> ScoringModel:
    """A model from YAML text; `kinds` joins component names to classes. Raises ModelError with the line.

    A section `profile` says where the model came from, and is no part of it. Where the digest there is another model's,
    the name says so: results must not be taken for those of the profile.
    """
    file = _read(text, source)
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
        raise error if source in str(error) else file.error(("groups",), str(error)) from error
    changed = "profile" in file.data and file.mapping(("profile",)).get("digest") != model.digest
    return replace(model, name=f"{model.name}{CHANGED}") if changed else model


def parse_section(text: str, key: str, kind: type[_T], *, source: str) -> _T:
    """One section of a file, such as `profile`, on its own. Raises ModelError with the line."""
    file = _read(text, source)
    return _validated(file, (key,), kind, file.mapping((key,)))


def parse_settings(text: str, kind: type[_T], *, source: str) -> _T:
    """A file that is nothing but settings of this kind. Raises ModelError with the line."""
    file = _read(text, source, f"some of {', '.join(f'`{name}`' for name in kind.model_fields)}")
    return _validated(file, (), kind, file.mapping(()))


def _rules(values: dict[str, Any]) -> dict[str, Any]:
    """False switches a rule off whatever it takes otherwise."""
    fields = Eligibility.model_fields
    return {
        key: None if value is False and key in fields and fields[key].annotation is not bool else value
        for key, value in values.items()
    }


def _part(file: _File, group: str, name: str, kinds: Mapping[str, type[Component]], taken: set[str]) -> Part:
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
    component = _validated(file, path, kinds[kind], parameters, beside=("weight", "component"))
    if not weighed:  # said last: a mistyped `weight` is an unknown key
        raise file.error(path, f"component `{name}` has no weight.")
    return Part(name, group, component)


def _validated(file: _File, path: _Path, kind: type[_T], values: dict[str, Any], beside: tuple[str, ...] = ()) -> _T:
    try:
        made = kind(**values)
    except ValidationError as error:
        field, problem = problem_of(error, kind, beside)
        raise file.error((*path, field), problem) from error
    for field, value in values.items():
        if _taken_for_number(value, getattr(made, field)):
            raise file.error((*path, field), f"`{field}` is {short(value)}; write a number.")
    return made


def _is_number(value: Any) -> bool:
    """Also where YAML takes it for text."""
    if isinstance(value, str):
        return _SCIENTIFIC.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _taken_for_number(given: Any, made: Any) -> bool:
    """Whether true, '5' or the like has become a number, here or somewhere in a list: a slip of the pen."""
    if isinstance(given, list) and isinstance(made, tuple | list):
        return any(_taken_for_number(*pair) for pair in zip(given, made, strict=False))
    return _is_number(made) and isinstance(given, bool | str) and not _is_number(given)


def _profile(file: _File) -> WeightProfile:
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


def _level(message: str) -> _Path:
    """The key that a message about weights speaks of."""
    group = re.search(r"group (\w+)", message)
    return ("groups", group[1]) if group else ("groups",)


def parse_weights(text: str, model: ScoringModel, *, source: str = "weights") -> WeightProfile:
    """A weight file (`groups:` as in a model file, a component's weight alone or under `weight`) for a model.

    Raises ModelError with the line, also for a component that the model has not and for one that is missing.
    """
    file = _read(text, source)
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
