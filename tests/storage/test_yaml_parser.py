"""YAML that is safe and bounded, and errors that know their file, line and key."""

from __future__ import annotations

import pickle
import time
from itertools import pairwise
from pathlib import Path

import pytest

from scoring.errors import ConfigurationError, LocatedError, ModelError
from scoring.storage import yaml_parser
from scoring.storage.yaml_parser import MAX_DEPTH, MAX_KEYS, KeyPath, YamlSource, parse_yaml
from tests.support.errors import raises_at

LETTERS = "abcdefghijklmnop"

TEXT = """\
# a comment
name: mine
groups:
  base:
    weight: 0.5
    curve:
      - [0, 1]
      - {x: 2,
         y: 3}
7: seven
on: true
"""


def parse(text: str, error_class: type[LocatedError] = ModelError) -> YamlSource:
    return parse_yaml(text, "mine.yaml", expected="`name`", error_class=error_class)


def catch_error(text: str) -> LocatedError:
    with pytest.raises(ModelError) as raised:
        parse(text)
    assert raised.value.path == "mine.yaml"
    return raised.value


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("name",), 2),
        (("groups",), 3),
        (("groups", "base", "weight"), 5),
        (("groups", "base", "curve"), 6),
        (("groups", "base", "curve", "0"), 7),
        (("groups", "base", "curve", "1", "y"), 9),
        (("7",), 10),
        # keys that the file does not have: the innermost that it has
        (("groups", "base", "missing"), 4),
        (("groups", "match", "weight"), 3),
        (("groups", "base", "curve", "5"), 6),
        (("missing",), None),
        ((), None),
    ],
)
def test_error_has_path_line_and_key(key: KeyPath, line: int | None) -> None:
    error = parse(TEXT).error(key, "it is wrong.")
    assert (error.path, error.line, error.key) == ("mine.yaml", line, key)
    assert str(error) == ("mine.yaml: it is wrong." if line is None else f"mine.yaml, line {line}: it is wrong.")


def test_lines_equal_those_of_the_text() -> None:
    source, lines = parse(TEXT), TEXT.splitlines()
    for key, line in source.lines.items():
        assert key[-1].isdigit() or lines[line - 1].lstrip("- {").startswith(f"{key[-1]}:")


def test_error_class_can_be_chosen() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse("a: 1\na: 2", ConfigurationError)
    assert (raised.value.line, raised.value.key) == (2, ("a",))
    with pytest.raises(ConfigurationError):
        parse("[", ConfigurationError)
    assert isinstance(parse("a: 1", ConfigurationError).error((), "wrong"), ConfigurationError)


def test_error_attributes_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(parse(TEXT).error(("groups",), "it is wrong.")))  # noqa: S301 - its own
    assert (type(error), error.path, error.line, error.key) == (ModelError, "mine.yaml", 3, ("groups",))
    plain = ModelError("no place")
    assert (str(plain), plain.path, plain.line, plain.key) == ("no place", None, None, ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", None),
        ("- a\n", None),
        ("text", None),
        ("a: [1\nb: 2", 2),
        ("a: 1\n---\nb: 2", 2),
        ("a\0b", None),
        ("a: 2025-13-45", None),
        ("? [a]\n: b", 1),
        ("[" * 1_000, None),
        ("a: 1\nb: !!python/object/apply:os.system ['true']", 2),
        ("a: 1\nb: !own {}", 2),
        ("a: 1\nb: !!timestamp x", 2),
        ("a: 1\nb: !!bool maybe", 2),
        ("a: 1\nb: !!int ''", 2),
        ("a: 1\nb: !!float ''", 2),
    ],
)
def test_other_text_than_a_mapping_is_rejected(text: str, line: int | None) -> None:
    assert catch_error(text).line == line


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("a: 1\nb: 2\na: 3", 3, ("a",)),
        ("a:\n  b: 1\n  b: 2", 3, ("a", "b")),
        ("a:\n  - b: 1\n    b: 2", 3, ("a", "0", "b")),
        ("a: 1\n'a': 2", 2, ("a",)),
    ],
)
def test_duplicate_key_is_rejected_with_its_line(text: str, line: int, key: KeyPath) -> None:
    error = catch_error(text)
    assert (error.line, error.key) == (line, key)


def test_equal_keys_of_other_mappings_are_accepted() -> None:
    assert parse("a: {x: 1}\nb: {x: 2}\nc: [{x: 1}, {x: 1}]").data["c"] == [{"x": 1}, {"x": 1}]
    assert parse("a: &a {x: 1}\nb: *a\nc: {<<: *a, x: 2}").data == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 2}}


# The parser in C, compared with the parser in Python

REPOSITORY = Path(__file__).parents[2]

FILES = sorted(path for folder in ("scoring", "examples") for path in (REPOSITORY / folder).rglob("*.y*ml"))

SCALARS = (
    "[yes, 027, 12:30, 2025-06-03, ~, null, true, 1_0, 1e5, .5, .inf, -.inf, 0x1F, 時給, '', \"\\u3042\", !!str 1]"
)


@pytest.mark.parametrize("as_typed", [False, True])
def test_parser_in_python_reads_the_same(monkeypatch: pytest.MonkeyPatch, as_typed: bool) -> None:
    texts = [TEXT, f"a: {SCALARS}\n{{b: 1}}: 2", f"a: {SCALARS}", *(file.read_text() for file in FILES)]
    texts += [
        "a: &a {x: 1}\nb: {<<: *a, yes: 2}",
        "a: |\n  x\n   y\nb: >-\n  x\n  y\n",
        "a: 1\na: 2",
        "a: [1",
        "- 1",
        "",
    ]

    def read(text: str) -> tuple[object, object]:
        try:
            source = parse_yaml(text, "mine.yaml", expected="`name`", as_typed=as_typed)
        except ModelError as error:
            return str(error), error.line
        return repr(source.data), dict(source.lines)

    compiled = [read(text) for text in texts]
    monkeypatch.setattr(yaml_parser, "_TypedLoader", yaml_parser._PythonTypedLoader)
    monkeypatch.setattr(yaml_parser, "_BoundedLoader", yaml_parser._PythonBoundedLoader)
    assert [read(text) for text in texts] == compiled
    assert sum(isinstance(data, str) and data.startswith("{") for data, _ in compiled) > len(FILES)


# Bounds


@pytest.mark.parametrize("pair", ["[]", "{}"])
@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH, 900, 100_000])
def test_levels_are_limited(pair: str, levels: int) -> None:
    opening, closing = pair
    inner = opening + "a: " * (pair == "{}")
    text = "a: " + inner * levels + "1" + closing * levels
    if levels > MAX_DEPTH - 1:
        assert catch_error(text).line in (1, None)
    else:
        assert parse(text).data


@pytest.mark.parametrize(("keys", "refused"), [(MAX_KEYS, False), (MAX_KEYS + 1, True)])
def test_keys_of_a_merged_mapping_are_limited(keys: int, refused: bool) -> None:
    half = keys // 2
    text = "".join(
        f"{name}: &{name} {{{', '.join(f'{name}{n}: 1' for n in range(size))}}}\n"
        for name, size in (("a", half), ("b", keys - half))
    )
    text += "c: {<<: [*a, *b]}\n"
    if refused:
        assert "more than 10,000 keys" in str(catch_error(text))
    else:
        assert len(parse(text).data["c"]) == keys


def test_nested_aliases_are_read_quickly() -> None:
    lists = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise(LETTERS))
    source = parse(lists)
    assert len(source.lines) < 200
    with pytest.raises(ModelError) as raised:
        source.text("p")
    assert len(str(raised.value)) < 500
    assert "unhashable" in str(catch_error(f"{lists}? *p\n: 1"))


def test_recursive_alias_is_read_once() -> None:
    source = parse("a: &a [*a]")
    assert source.data["a"][0] is source.data["a"]
    assert source.lines == {("a",): 1, ("a", "0"): 1}


def test_nested_merges_are_rejected_quickly() -> None:
    """Releases of PyYAML before 6.0.4 keep each key as often as it is merged: they meet the bound."""
    merges = "a: &a {k: 1}\n" + "".join(
        f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}\n" for a, b in pairwise(LETTERS)
    )
    begun = time.monotonic()
    try:
        assert parse(merges).data["p"] == {"k": 1}
    except ModelError as error:
        assert "more than 10,000 keys" in str(error)  # noqa: PT017 - either is right
    assert time.monotonic() - begun < 5


# Values


def test_values_are_checked_by_type() -> None:
    source = parse(TEXT)
    assert source.mapping(("groups", "base"))["weight"] == 0.5
    assert source.text("name") == "mine"
    assert source.text("missing") == ""
    assert source.boolean("missing") is False
    for work, line, key in (
        (lambda: source.text("groups"), 3, ("groups",)),
        (lambda: source.boolean("name"), 2, ("name",)),
        (lambda: source.mapping(("groups", "match")), 3, ("groups", "match")),
        (lambda: source.mapping(("name",)), 2, ("name",)),
        (lambda: source.mapping(()), None, ()),  # the key 7 is a number
        (lambda: source.check_keys(("groups", "base"), {"weight"}), 6, ("groups", "base", "curve")),
    ):
        with raises_at(ModelError, *key, line=line):
            work()


def test_error_names_the_path_as_given(tmp_path: Path) -> None:
    with raises_at(ModelError, path="../a.yaml", line=1, match=r"^\.\./a\.yaml, line 1: "):
        parse_yaml("[1", "../a.yaml", expected="`a`")
