"""Every command, option, parameter, measure, setting and error is on a page of the documentation site."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import data_flow
import package_reference
import pytest
import typer

from scoring import errors
from scoring.cli.app import app
from scoring.columns.board_definition import OWN_TYPES, SETTINGS
from scoring.evaluation.measure_info import MEASURES
from scoring.importing import mapping_file
from scoring.model.eligibility import Eligibility
from scoring.model_catalog import SHIPPED
from scoring.runs.gate.limits import GateLimits

DOCS = Path(__file__).parents[2] / "docs"


@cache
def page(name: str) -> str:
    """Return the text of a page with its generated parts."""
    text: str = package_reference.fill_markers((DOCS / f"{name}.md").read_text("utf-8"))
    return text


@cache
def sections(name: str) -> dict[str, str]:
    """Return the text below each heading of a page."""
    parts = re.split(r"^#+ (.+)$", page(name), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands(command: Any = None, name: str = "scoring") -> dict[str, Any]:
    """Return all commands by name, with those of groups."""
    command = typer.main.get_command(app) if command is None else command
    children = getattr(command, "commands", {})
    found = {name: command}
    for child_name, child in children.items():
        found |= commands(child, f"{name} {child_name}")
    return {known: item for known, item in found.items() if known == "scoring" or not hasattr(item, "commands")}


@pytest.mark.parametrize("name", commands())
def test_every_option_of_a_command_is_in_its_section(name: str) -> None:
    section = sections("commands")[name]
    words = set(re.findall(r"--[a-z][a-z-]*", section))
    for parameter in commands()[name].params:
        assert parameter.param_type_name == "argument" or set(parameter.opts) <= words | {"-h"}
        assert parameter.param_type_name == "option" or parameter.metavar in section


@pytest.mark.parametrize("component", SHIPPED, ids=lambda component: component.kind)
def test_every_parameter_is_in_the_section_of_its_component(component: Any) -> None:
    section = sections("shipped_components")[component.kind]
    assert {name for name in component.model_fields if f"| `{name}` |" not in section} == set()
    assert {column for column in component.reads if f"`{column}`" not in section} == set()


def test_every_measure_has_a_section() -> None:
    assert set(MEASURES) <= set(sections("measures"))


@pytest.mark.parametrize(
    "settings",
    [
        mapping_file.ImportMap,
        mapping_file.SourceMap,
        mapping_file.TableMap,
        mapping_file.ColumnMap,
        mapping_file.NumberMap,
        mapping_file.PayUnitMap,
        mapping_file.Rule,
    ],
)
def test_every_mapping_key_is_on_its_page(settings: Any) -> None:
    keys = {field.alias or name for name, field in settings.model_fields.items()}
    text = page("mapping")
    assert {key for key in keys if not re.search(rf"(?<!\w){key}(?!\w)[`:]", text)} == set()


def test_every_word_of_a_mapping_is_on_its_page() -> None:
    text = page("mapping")
    words = {*SETTINGS, *OWN_TYPES, *mapping_file.LOOKUP_TABLES, *get_args(mapping_file.Pick)}
    assert {word for word in words if f"`{word}`" not in text} == set()


@pytest.mark.parametrize("settings", [Eligibility, GateLimits])
def test_every_setting_is_on_the_page_of_configuration(settings: Any) -> None:
    assert {name for name in settings.model_fields if f"| `{name}` | " not in page("configuration")} == set()


def test_every_error_class_has_a_section() -> None:
    names = {name for name in errors.__all__ if name.endswith("Error")}
    assert names <= set(sections("errors"))


@pytest.mark.parametrize(
    ("heading", "reasons"),
    [
        ("Reasons of a DataError", errors.DataReason),
        ("Reasons of a DatabaseError", errors.DatabaseReason),
        ("Reasons of an OutputError", errors.OutputReason),
        ("Reasons of a ClusterError", errors.ClusterReason),
    ],
)
def test_pages_list_exactly_the_reasons_of_errors(heading: str, reasons: Any) -> None:
    assert re.findall(r"^\| `([^`]+)` \|", sections("errors")[heading], re.MULTILINE) == list(get_args(reasons))


def test_markers_name_existing_references() -> None:
    used = {name for path in DOCS.glob("*.md") for name in re.findall(r"<!-- generated: (\w+) -->", path.read_text())}
    assert used == set(package_reference.REFERENCES)


def test_picture_of_the_data_flow_is_that_of_the_script() -> None:
    assert data_flow.PATH.read_text("utf-8") == data_flow.draw()
    assert f"![{data_flow.TEXT}](images/data_flow.svg)" in page("concepts")


@pytest.mark.parametrize("name", commands())
def test_help_of_a_command_names_an_existing_page(name: str) -> None:
    label, path = commands()[name].epilog.split(": ")
    assert label == "Documentation"
    assert (DOCS.parent / path).is_file()
