"""Safe YAML of bounded size whose keys have line numbers, so that an error names the line of its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from scoring.errors import LocatedError, ModelError, shorten_repr

__all__ = ["MAX_KEYS", "KeyPath", "YamlSource", "parse_yaml"]

KeyPath = tuple[str, ...]
"""The keys that lead to a value; the place in a list, from 0, as text."""

MAX_KEYS: Final = 10_000
"""Of one mapping, once others are merged into it (`<<`): a few lines may stand for billions of keys."""


MAX_DEPTH: Final = 100
"""Levels of mappings and lists within each other."""


class _Bounded(yaml.constructor.SafeConstructor):
    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MAX_KEYS:
            problem = f"a mapping has more than {MAX_KEYS:,} keys"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _construct_scalar(loader: Any, node: yaml.ScalarNode) -> Any:
    try:
        return yaml.constructor.SafeConstructor.yaml_constructors[node.tag](loader, node)
    except (AttributeError, LookupError) as error:  # PyYAML expects a value that fits the tag
        problem = f"{shorten_repr(node.value)} is not a value of the tag {node.tag}"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


for _tag in ("bool", "int", "float", "timestamp"):
    _Bounded.add_constructor(f"tag:yaml.org,2002:{_tag}", _construct_scalar)


class _Typed(_Bounded, yaml.resolver.BaseResolver):
    """Reads scalars as they are typed: only true, false, null and decimal numbers are not text; keys are text or None.

    Plain YAML 1.1 would read `yes` as true, `027` as 23, `12:30` as 750 and `2025-06-03` as a date.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - as PyYAML declares it

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":null"):
                key.tag = "tag:yaml.org,2002:str"


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.inf|\.nan", list("-+.")),
    ("merge", "<<", ["<"]),
):
    _Typed.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)

# The parser in C takes a tenth of the time of the one in Python. PyYAML can be built without it.
_CompiledLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _BoundedLoader(_Bounded, _CompiledLoader):
    pass


class _TypedLoader(_Typed, _CompiledLoader):
    pass


class _PythonBoundedLoader(_Bounded, yaml.SafeLoader):
    pass


class _PythonTypedLoader(_Typed, yaml.SafeLoader):
    pass


_INVALID = (yaml.YAMLError, ValueError, RecursionError)
"""Errors about a text that is not YAML, or that has invalid values."""


@dataclass(frozen=True)
class YamlSource:
    """A parsed mapping and the line of each of its keys. Its methods raise `error_class` with path, line and key.

    Attributes
    ----------
    path
        The file, as the user named it.
    data
        What it contains.
    lines
        Keys → line, from 1.
    error_class
        The class of its errors.
    """

    path: str
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]
    error_class: type[LocatedError] = ModelError

    def error(self, key: KeyPath, message: str) -> LocatedError:
        """Return an error about a key, with the line of the innermost of its keys that the file has."""
        known = key
        while known and known not in self.lines:
            known = known[:-1]
        return _make_error(self.error_class, self.path, self.lines.get(known), message, key)

    def mapping(self, key: KeyPath) -> dict[str, Any]:
        """Return the mapping under a key, whose keys are all text; () is the file itself."""
        value: Any = self.data
        for name in key:
            if not isinstance(value, dict) or name not in value:
                raise self.error(key, f"`{'.'.join(key)}` is missing.")
            value = value[name]
        name = f"`{'.'.join(key)}`"
        if not isinstance(value, dict):
            shown = "empty" if value is None else shorten_repr(value)
            raise self.error(key, f"{name} is {shown}; it must be a mapping (`key: value` lines).")
        for entry in value:
            if not isinstance(entry, str):
                where = f" in {name}" if key else ""
                raise self.error(key, f"the key {shorten_repr(entry)}{where} is not text. Put it in quotes.")
        return value

    def text(self, name: str) -> str:
        """Return the text of a key of the file itself; a number as it is written, '' for a missing value."""
        value = self.data.get(name)
        if isinstance(value, dict | list | bool):
            raise self.error((name,), f"`{name}` is {shorten_repr(value)}; it must be text.")
        return "" if value is None else str(value)

    def boolean(self, name: str) -> bool:
        """Return true or false, for a key of the file itself; False if it is missing."""
        value = self.data.get(name, False)
        if not isinstance(value, bool):
            raise self.error((name,), f"`{name}` is {shorten_repr(value)}; it must be true or false.")
        return value

    def check_keys(self, key: KeyPath, allowed: set[str]) -> None:
        """Raise an error for the first key of a mapping that is not allowed."""
        for name in self.mapping(key):
            if name not in allowed:
                where = f" in `{'.'.join(key)}`" if key else ""
                raise self.error((*key, name), f"unknown key `{name}`{where}; known: {', '.join(sorted(allowed))}.")


def parse_yaml(
    text: str, path: str, *, expected: str, error_class: type[LocatedError] = ModelError, as_typed: bool = False
) -> YamlSource:
    """Parse a YAML text that is one mapping.

    Parameters
    ----------
    text
        The text; tags that would call Python are refused.
    path
        How errors name it.
    expected
        The keys that it should have, for the error about a text that is something else.
    error_class
        The class of all errors about it.
    as_typed
        Whether only true, false, null and decimal numbers are not text, and keys are text (null: None).

    Raises
    ------
    LocatedError
        Of `error_class`: If it is not YAML, is not a mapping, or has a key twice in one mapping.
    """
    try:
        data, lines, duplicate = _load(text, _TypedLoader if as_typed else _BoundedLoader)
    except _INVALID as error:
        if _is_explained(error):
            raise _make_syntax_error(error_class, path, error) from error
        # the parser in Python explains more of what is wrong
        try:
            data, lines, duplicate = _load(text, _PythonTypedLoader if as_typed else _PythonBoundedLoader)
        except _INVALID as explained:
            raise _make_syntax_error(error_class, path, explained) from explained
    if not isinstance(data, dict):
        raise _make_error(
            error_class, path, None, f"the content must be a YAML mapping (`key: value` lines) with {expected}."
        )
    source = YamlSource(path, data, lines, error_class)
    if duplicate is not None:
        raise source.error(duplicate, f"duplicate key `{duplicate[-1]}`. Keep one.")
    return source


def _load(text: str, loader_class: Any) -> tuple[Any, dict[KeyPath, int], KeyPath | None]:
    """Return what a text contains, the line of each key, and the first duplicate key."""
    loader = loader_class(text)
    node = loader.get_single_node()
    lines: dict[KeyPath, int] = {}
    if node is None:
        return None, lines, None
    duplicate = _collect_lines(node, lines)  # before constructing, which dissolves merge keys
    return loader.construct_document(node), lines, duplicate


def _is_explained(error: Exception) -> bool:
    """Return whether the parser in Python would only take longer (a second for 1,000 levels) to find the same."""
    if not isinstance(error, yaml.YAMLError) or isinstance(error, yaml.constructor.ConstructorError):
        return True
    return getattr(error, "problem", None) == "exceeded maximum nesting depth"


def _make_syntax_error(error_class: type[LocatedError], path: str, error: Exception) -> LocatedError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return _make_error(error_class, path, mark.line + 1 if mark else None, f"invalid YAML: {problem}.")


def _make_error(
    error_class: type[LocatedError], path: str, line: int | None, message: str, key: KeyPath = ()
) -> LocatedError:
    place = path if line is None else f"{path}, line {line}"
    return error_class(f"{place}: {message}", path=path, line=line, key=key)


def _collect_lines(root: yaml.Node, lines: dict[KeyPath, int]) -> KeyPath | None:
    """Add the line of each key and list item; return the first key that its mapping has twice.

    A node that aliases name again is visited once: a few lines may stand for billions of keys, or for endlessly many.
    """
    duplicate: KeyPath | None = None
    seen: set[int] = set()
    waiting: list[tuple[yaml.Node, KeyPath]] = [(root, ())]
    while waiting:
        node, path = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if len(path) > MAX_DEPTH:
            raise yaml.constructor.ConstructorError(None, None, f"more than {MAX_DEPTH} levels", node.start_mark)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue  # refused when it is constructed
                here = (*path, key.value)
                if here in lines and duplicate is None:
                    duplicate = here
                lines[here] = key.start_mark.line + 1
                waiting.append((value, here))
        elif isinstance(node, yaml.SequenceNode):
            for place, value in enumerate(node.value):
                here = (*path, str(place))
                lines[here] = value.start_mark.line + 1
                waiting.append((value, here))
    return duplicate
