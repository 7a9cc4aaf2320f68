"""YAML files of mappings that know the line of each of their keys, so that a mistake is told with its line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from scoring.dataset.bounded_yaml import BoundedLoader
from scoring.errors import ModelError
from scoring.model.problems import problem_of, short

__all__ = ["KeyPath", "LocatedFile", "read", "validated"]

KeyPath = tuple[str, ...]
T = TypeVar("T", bound=BaseModel)
_FRACTION = re.compile(r"\s*\d+\s*/\s*[1-9]\d*\s*")
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
"""Such as 1e-3, which YAML takes for text."""


@dataclass(frozen=True)
class LocatedFile:
    """A parsed file that knows the line of each of its keys."""

    source: str
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def error(self, path: KeyPath, message: str) -> ModelError:
        while path and path not in self.lines:
            path = path[:-1]
        place = f"{self.source}, line {self.lines[path]}" if path in self.lines else self.source
        return ModelError(f"{place}: {message}")

    def mapping(self, path: KeyPath) -> dict[str, Any]:
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

    def check_keys(self, path: KeyPath, allowed: set[str]) -> None:
        for key in self.mapping(path):
            if key not in allowed:
                what = f" in `{'.'.join(path)}`" if path else ""
                raise self.error((*path, key), f"unknown key `{key}`{what}; known: {', '.join(sorted(allowed))}.")

    def weight(self, path: KeyPath, value: Any) -> float:
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

    def weight_of(self, path: KeyPath) -> float:
        """Of a component: the value itself, or under `weight`."""
        value = self.mapping(path[:-1])[path[-1]]
        if not isinstance(value, dict):
            return self.weight(path, value)
        if "weight" not in value:
            raise self.error(path, f"component `{path[-1]}` has no weight.")
        return self.weight((*path, "weight"), value["weight"])


def read(text: str, source: str, expected: str = "`name` and `groups`") -> LocatedFile:
    """Raises ModelError: no YAML, no mapping of what is `expected`, or a key that stands twice."""
    lines: dict[KeyPath, int] = {}
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
    file = LocatedFile(source, data, lines)
    if twice is not None:
        raise file.error(twice, f"`{twice[-1]}` stands twice.")
    return file


def _collect_lines(root: yaml.Node, lines: dict[KeyPath, int]) -> KeyPath | None:
    """Fills in the line of each key; returns the first that stands twice in its mapping.

    A node that aliases name again is visited once: a file of a few lines may stand for billions of keys, or for
    endlessly many.
    """
    twice: KeyPath | None = None
    seen: set[int] = set()
    waiting: list[tuple[yaml.Node, KeyPath]] = [(root, ())]
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


def validated(
    file: LocatedFile, path: KeyPath, kind: type[T], values: dict[str, Any], beside: tuple[str, ...] = ()
) -> T:
    """Settings of a kind from the values at a path of the file; `beside` are keys that stand there, too.

    Raises ModelError with the line.
    """
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
