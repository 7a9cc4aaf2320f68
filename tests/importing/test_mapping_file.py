"""Mapping files: keys as they are typed, conflicts of keys, and plain messages with file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scoring.errors import ConfigurationError
from scoring.importing.mapping_file import (
    ColumnMap,
    NumberMap,
    PayUnitMap,
    Rule,
    SourceMap,
    TableMap,
    parse_table_mapping,
    read_mapping,
)
from tests.support.errors import raises_at


def read(tmp_path: Path, columns: str, table: str = "jobs") -> dict[str, ColumnMap]:
    """Return the columns of a mapping file; the first one is on line 6."""
    text = f"sources: {{s: a.csv}}\ntables:\n  {table}:\n    from: s\n    columns:\n"
    (tmp_path / "m.yaml").write_text(text + "".join(f"      {line}\n" for line in columns.splitlines()), "utf-8")
    return read_mapping(tmp_path / "m.yaml").tables[table].columns


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("{yes: hourly, no: daily}", {"yes": "hourly", "no": "daily"}),
        ("{1: hourly, 2.0: daily}", {"1": "hourly", "2": "daily"}),
        ("{01: hourly}", {"01": "hourly"}),
        ("{12:30: hourly}", {"12:30": "hourly"}),
        ("{2025-06-03: hourly}", {"2025-06-03": "hourly"}),
        ("{true: hourly, OFF: daily}", {"true": "hourly", "OFF": "daily"}),
        ("{null: hourly}", {"": "hourly"}),
        ("{~: hourly}", {"": "hourly"}),
        ('{"null": hourly}', {"null": "hourly"}),
        ("{時給　: hourly, Ｈ: hourly}", {"時給": "hourly", "H": "hourly"}),
        ("{a: 027, b: yes, c: 1, d: ~, e: 1.5}", {"a": "027", "b": "yes", "c": 1, "d": None, "e": 1.5}),
    ],
)
def test_words_are_text_as_they_are_typed(tmp_path: Path, typed: str, words: dict[str, Any]) -> None:
    assert read(tmp_path, f"salary_type: {{from: x, values: {typed}}}")["salary_type"].values == words


def test_words_of_a_dict_are_in_normal_form() -> None:
    words = {True: 1, 2.0: 2, None: 3, "Ｎ": 4}
    found = parse_table_mapping("jobs", {"columns": {"fee": {"from": "x", "values": words}}})
    assert found.columns["fee"].values == {"true": 1, "2": 2, "": 3, "N": 4}


@pytest.mark.parametrize(
    ("typed", "words"),
    [("NA", ("NA",)), ("-1", ("-1",)), ("[NA, -1]", ("NA", "-1")), ("no", ("no",)), ("1.0", ("1",)), ("[]", ())],
)
def test_scalar_is_a_list_of_one(tmp_path: Path, typed: str, words: tuple[str, ...]) -> None:
    text = f"sources: {{s: {{file: a.csv, missing: {typed}}}}}\ntables: {{jobs: {{from: s, missing: {typed}}}}}\n"
    (tmp_path / "m.yaml").write_text(text)
    found = read_mapping(tmp_path / "m.yaml")
    assert found.sources["s"].missing == words
    assert found.tables["jobs"].missing == words


def test_scalars_of_column_keys_are_lists_of_one(tmp_path: Path) -> None:
    columns = read(
        tmp_path, "title: {from: 1, cut: 円}\nposted_at: {from: x, format: excel}\nfee: 2\naddress: {join: a}"
    )
    assert columns["title"].source == "1"
    assert columns["title"].cut == ("円",)
    assert columns["posted_at"].format == ("excel",)
    assert columns["fee"].source == "2"
    assert columns["address"].join == ("a",)


@pytest.mark.parametrize(
    ("column", "keys", "table"),
    [
        ("posted_at", "format: excel, unit: s", "jobs"),
        ("posted_at", "unit: s, zone: Asia/Tokyo", "jobs"),
        ("posted_at", "format: excel, lookup: occupations", "jobs"),
        ("fee", "number: true, lookup: occupations", "jobs"),
        ("fee", "format: excel", "jobs"),
        ("fee", "unit: s", "jobs"),
        ("fee", "zone: Asia/Tokyo", "jobs"),
        ("fee", "per: hour", "jobs"),
        ("fee", "normalise: true", "jobs"),
        ("fee", 'split: ","', "jobs"),
        ("fee", "pick: all", "jobs"),
        ("fee", "else: missing", "jobs"),
        ("fee", 'with: ","', "jobs"),
        ("fee", "number: true, else: keep", "jobs"),
        ("posted_at", "unit: s, else: keep", "jobs"),
        ("title", "number: true", "jobs"),
        ("title", "value: 1", "jobs"),
        ("title", "join: [a]", "jobs"),
        ("title", "first_true: [a]", "jobs"),
        ("min_salary", "per: text", "jobs"),
        ("min_salary", "per: fortnight", "jobs"),
        ("min_salary", "per: {hours: {shift: 6}}", "jobs"),
        ("min_salary", "per: {from: a, text: true}", "jobs"),
        ("min_salary", "per: {unit: hour, values: {a: hour}}", "jobs"),
        ("min_salary", "per: {from: a, values: {S: shift}}", "jobs"),
        ("registered_at", "format: excel, unit: ms", "users"),
        ("preferred_salary_min", "zone: UTC", "users"),
        ("occurred_at", "number: true", "actions"),
    ],
)
def test_conflict_names_file_line_and_column(tmp_path: Path, column: str, keys: str, table: str) -> None:
    path = str(tmp_path / "m.yaml")
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, f"{column}: {{from: x, {keys}}}", table)
    assert (raised.value.path, raised.value.line) == (path, 6)
    assert raised.value.key[:4] == ("tables", table, "columns", column)


def test_salary_type_and_per_exclude_each_other(tmp_path: Path) -> None:
    with raises_at(ConfigurationError, "tables", "jobs", "columns", "salary_type", line=7):
        read(tmp_path, "min_salary: {from: x, per: year}\nsalary_type: y")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format.1", "[iso, '%H:%M']"),
        ("format.0", "dd.mm.yyyy"),
        ("zone", "JST"),
        ("unit", "minutes"),
        ("cut.0", "'('"),
        ("values", "[a]"),
        ("values", "{1: a, 1.0: b}"),
        ("number.range", "middle"),
        ("number", "{thousands: '.'}"),
        ("number", "{thousands: ';'}"),
        ("number.decimal", "';'"),
        ("per.hours", "{year: 0}"),
        ("per.hours", "{year: many}"),
        ("normalise", "perhaps"),
        ("missing", "x"),
        ("formats", "iso"),
        ("pick", "random"),
    ],
)
def test_invalid_value_names_line_and_key(tmp_path: Path, key: str, value: str) -> None:
    name = key.partition(".")[0]
    value = value if "." not in key or key[-1] in "01" else f"{{{key.partition('.')[2]}: {value}}}"
    with raises_at(ConfigurationError, "tables", "jobs", "columns", "title", *key.split("."), line=8):
        read(tmp_path, f"title:\n  from: x\n  {name}: {value}")


VALUES = ["~", "1", "true", '""', "[]", "[{}]", "{a: 1}", "[~]", "2025-01-01", "{~: 1}"]
PYDANTIC = re.compile(
    r"Input should|Value error|valid (string|dictionary|tuple|integer)|instance of|pydantic|\bNone\b$"
)


def list_keys(model: type[Any]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def make_mappings() -> Iterator[str]:
    head = "sources:\n  s: {file: a.csv}\ntables:\n  jobs:\n    from: s\n"
    for value in VALUES:
        yield from (f"sources: {value}\ntables: {{}}\n", f"sources: {{s: {value}}}\ntables: {{}}\n")
        yield from (f"sources: {{}}\ntables: {value}\n", f"sources: {{s: a}}\ntables: {{jobs: {value}}}\n")
        yield f"{head}    columns: {{fee: {value}}}\n"
        for key in list_keys(SourceMap):
            yield f"sources: {{s: {{{key}: {value}}}}}\ntables: {{jobs: {{from: s}}}}\n"
        for key in list_keys(TableMap):
            yield f"sources: {{s: a.csv}}\ntables: {{jobs: {{{key}: {value}}}}}\n"
        for key in list_keys(ColumnMap):
            origin = "" if key == "from" else "from: x, "
            yield f"{head}    columns: {{title: {{{origin}{key}: {value}}}}}\n"
            yield f"{head}    columns: {{posted_at: {{{origin}{key}: {value}}}}}\n"
        for key in list_keys(NumberMap):
            yield f"{head}    columns: {{fee: {{from: x, number: {{{key}: {value}}}}}}}\n"
        for key in list_keys(PayUnitMap):
            yield f"{head}    columns: {{min_salary: {{from: x, per: {{{key}: {value}}}}}}}\n"
        for key in list_keys(Rule):
            yield f"{head}    rules: [{{column: fee, {'' if key == 'min' else 'min: 1, '}{key}: {value}}}]\n"


def find_error(path: Path, text: str) -> ConfigurationError | None:
    path.write_text(text)
    try:
        read_mapping(path)
    except ConfigurationError as error:
        return error
    return None


def test_messages_are_plain_and_name_the_line(tmp_path: Path) -> None:
    """Wrong values of every key: the mapping is accepted, or the error has a line and no words of pydantic."""
    path = tmp_path / "m.yaml"
    errors = [(text, error) for text in make_mappings() if (error := find_error(path, text)) is not None]
    assert len(errors) > 300
    for text, error in errors:
        assert not PYDANTIC.search(str(error)), (text, str(error))
        assert error.path == str(path)
        assert error.line is not None or "this key is missing" in str(error), (text, str(error))


def test_unknown_key_suggests_a_known_one(tmp_path: Path) -> None:
    with raises_at(
        ConfigurationError, "tables", "jobs", "columns", "fee", "formt", line=6, match="Did you mean format"
    ):
        read(tmp_path, "fee: {from: x, formt: iso}")
    with raises_at(ConfigurationError, "tables", "jobs", "columns", "fee", "number", "mark", match="decimal"):
        read(tmp_path, "fee: {from: x, number: {mark: 1}}")


def test_limit_of_a_rule_must_have_the_type_of_the_column(tmp_path: Path) -> None:
    text = (
        "sources: {s: a.csv}\ntables:\n  jobs:\n    from: s\n    rules:\n      - column: posted_at\n        min: soon\n"
    )
    (tmp_path / "m.yaml").write_text(text)
    with raises_at(ConfigurationError, "tables", "jobs", "rules", "0", "min", line=7):
        read_mapping(tmp_path / "m.yaml")
