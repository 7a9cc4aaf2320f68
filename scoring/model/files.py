"""Model and weight files: safe YAML in, a `ScoringModel` or a `WeightProfile` out, mistakes with their line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from scoring.errors import ModelError
from scoring.model.component import Component
from scoring.model.eligibility import Eligibility
from scoring.model.model import Part, ScoringModel
from scoring.model.profile import GROUPS, WeightProfile

__all__ = ["dump_model", "parse_model", "parse_weights"]

_Path = tuple[str, ...]
_T = TypeVar("_T", bound=BaseModel)
_FRACTION = re.compile(r"\s*\d+\s*/\s*[1-9]\d*\s*")


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
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.error(path, f"`{'.'.join(path)}` must be a mapping of names.")
        return value

    def check_keys(self, path: _Path, allowed: set[str]) -> None:
        for key in self.mapping(path):
            if key not in allowed:
                what = f" in `{'.'.join(path)}`" if path else ""
                raise self.error((*path, key), f"unknown key `{key}`{what}; known: {', '.join(sorted(allowed))}.")

    def weight(self, path: _Path, value: Any) -> float:
        """A number, or a fraction such as 1/3."""
        if isinstance(value, str) and _FRACTION.fullmatch(value):
            return float(Fraction(value.replace(" ", "")))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(path, f"the weight is {value!r}; write a number, or a fraction such as 1/3.")
        return float(value)


def _read(text: str, source: str) -> _File:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        data = loader.construct_document(node) if node is not None else None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{source}, line {mark.line + 1}" if mark else source
        problem = getattr(error, "problem", None) or str(error)
        raise ModelError(f"{place}: this is not YAML that can be read: {problem}.") from error
    if not isinstance(data, dict):
        raise ModelError(f"{source}: a mapping with `name` and `groups` is expected.")
    lines: dict[_Path, int] = {}
    file = _File(source, data, lines)
    _collect_lines(file, node, (), lines)
    return file


def _collect_lines(file: _File, node: yaml.Node | None, path: _Path, lines: dict[_Path, int]) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*path, str(key.value))
        twice = here in lines
        lines[here] = key.start_mark.line + 1
        if twice:
            raise file.error(here, f"`{key.value}` stands twice.")
        _collect_lines(file, value, here, lines)


def parse_model(
    text: str, kinds: Mapping[str, type[Component]], *, source: str = "model", name: str | None = None
) -> ScoringModel:
    """A model from YAML text; `kinds` joins component names to classes. Raises ModelError with the line."""
    file = _read(text, source)
    file.check_keys((), {"name", "description", "normalise", "groups", "eligibility"})
    file.check_keys(("groups",), set(GROUPS))
    parts: list[Part] = []
    for group in file.mapping(("groups",)):  # the file's order is the order of adding
        file.check_keys(("groups", group), {"weight", "components"})
        parts += [_part(file, group, key, kinds) for key in file.mapping(("groups", group, "components"))]
    eligibility = Eligibility()
    if file.data.get("eligibility") is not None:
        eligibility = _validated(file, ("eligibility",), Eligibility, file.mapping(("eligibility",)))
    try:
        return ScoringModel(
            name=str(file.data.get("name") or name or Path(source).stem),
            parts=tuple(parts),
            weights=_profile(file),
            eligibility=eligibility,
            description=str(file.data.get("description") or ""),
        )
    except ModelError as error:
        raise error if source in str(error) else file.error(("groups",), str(error)) from error


def _part(file: _File, group: str, name: str, kinds: Mapping[str, type[Component]]) -> Part:
    path = ("groups", group, "components", name)
    parameters = file.mapping(path) | {}
    kind = parameters.pop("component", name)
    if "weight" not in parameters:
        raise file.error(path, f"component `{name}` has no weight.")
    del parameters["weight"]
    if kind not in kinds:
        raise file.error(path, f"unknown component `{kind}`; known: {', '.join(sorted(kinds))}.")
    return Part(name, group, _validated(file, path, kinds[kind], parameters))


def _validated(file: _File, path: _Path, kind: type[_T], values: dict[str, Any]) -> _T:
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(kind.model_fields))
            raise file.error((*path, where), f"unknown key `{where}`; known: {known}.") from error
        raise file.error((*path, where), f"`{where}`: {first['msg']} (it is {first['input']!r}).") from error


def _profile(file: _File) -> WeightProfile:
    groups, components = {}, {}
    for group, content in file.mapping(("groups",)).items():
        path = ("groups", group)
        if not isinstance(content, dict) or "weight" not in content or "components" not in content:
            raise file.error(path, f"group `{group}` needs a `weight` and `components`.")
        groups[group] = file.weight((*path, "weight"), content["weight"])
        components[group] = {
            name: file.weight((*path, "components", name), part["weight"] if isinstance(part, dict) else part)
            for name, part in file.mapping((*path, "components")).items()
        }
    try:
        if file.data.get("normalise") is True:
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
