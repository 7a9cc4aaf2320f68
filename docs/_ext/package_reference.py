"""References in Markdown, generated from the commands, components, measures, settings and errors of the package.

A page contains a marker such as `<!-- generated: commands -->`, which is replaced by the text.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import typer
from pydantic import BaseModel

DOCS: Final = Path(__file__).parents[1]
MARKER: Final = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def fill_markers(text: str) -> str:
    """Return a page with the generated text in place of its markers."""
    return MARKER.sub(lambda found: REFERENCES[found[1]](), text)


def make_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a table."""
    header = list(header)
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(cell.replace("|", "\\|") or " " for cell in row) + " |" for row in rows), ""]


def format_prose(text: str) -> str:
    """Return a text of `--help` or of a docstring as Markdown: options as code, pages as links."""
    parts = re.split(r"(`[^`]*`)", text)
    for number in range(0, len(parts), 2):
        part = re.sub(r"([*<\[\]\\])", r"\\\1", parts[number])
        part = re.sub(r"(?<![\w-])(--[a-z][a-z-]*)", r"`\1`", part)
        parts[number] = re.sub(r"docs/(\w+\.md)", lambda found: f"[{read_title(found[1])}]({found[1]})", part)
    return "".join(parts)


def read_title(page: str) -> str:
    """Return the title of a page in `docs`."""
    return (DOCS / page).read_text("utf-8").partition("\n")[0].removeprefix("# ")


def read_paragraphs(docstring: str | None) -> list[str]:
    """Return the paragraphs of a docstring before its first section, such as `Attributes`."""
    text = re.split(r"^\w+\n-{3,}$", inspect.cleandoc(docstring or ""), maxsplit=1, flags=re.MULTILINE)[0]
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]


# --- commands


def walk_commands(command: Any = None, name: str = "scoring") -> Iterator[tuple[str, Any]]:
    """Yield the name and the command of each command that does something itself."""
    from scoring.cli.app import app

    command = typer.main.get_command(app) if command is None else command
    children = getattr(command, "commands", {})
    if not children or name == "scoring":
        yield name, command
    for child_name, child in children.items():
        yield from walk_commands(child, f"{name} {child_name}")


def make_command_reference() -> str:
    """Return a section for each command: its help, and a table of its arguments and options."""
    lines: list[str] = []
    for name, command in walk_commands():
        context = typer.Context(command, info_name=name)
        rows = [_describe_parameter(*parameter.get_help_record(context)) for parameter in command.params]
        arguments = [parameter.metavar for parameter in command.params if parameter.param_type_name == "argument"]
        lines += [f"## {name}", "", "```text", " ".join([name, *arguments, "[OPTIONS]"]), "```", ""]
        for paragraph in read_paragraphs(command.help):
            lines += [format_prose(paragraph), ""]
        lines += [format_prose(command.epilog), ""] if command.epilog else []
        lines += make_table(("argument or option", "meaning"), rows) if rows else []
    return "\n".join(lines)


def _describe_parameter(names: str, text: str) -> tuple[str, str]:
    """Return the cells of a parameter from the two columns of `--help`."""
    meaning, _, extra = text.rpartition("  [") if text.endswith("]") and "  [" in text else (text, "", "")
    values = re.sub(r"default: \((.*?)\)", r"default: \1", extra.removesuffix("]"))
    values = re.sub(r"(\d+)<=x<=(\d+)", r"from \1 to \2", re.sub(r"x>=(\d+)", r"at least \1", values))
    parts = [meaning, *(f"{part[:1].upper()}{part[1:]}." for part in values.split("; ") if part)]
    return f"`{re.sub(r' <(str|list.*)>$', '', names)}`", format_prose(" ".join(parts))


# --- components


def make_component_reference() -> str:
    """Return a section for each component of `standard`, with its docstring, columns and parameters."""
    from scoring import components
    from scoring.model_catalog import load_model

    model = load_model("standard")
    by_kind = {getattr(components, name).kind: getattr(components, name) for name in components.__all__}
    lines: list[str] = []
    weights = dict(zip((part.name for part in model.parts), model.flat_weights, strict=True))
    used = {part.component.kind: part for part in model.parts}
    for kind in [*used, *sorted(set(by_kind) - set(used))]:
        lines += [f"## {kind}", "", *_describe_component(by_kind[kind])]
        part = used.get(kind)
        if part:
            share = 100 * weights[part.name]
            lines += [f"In `standard`: group `{part.group}`, {share:.1f} % of the total score.", ""]
        lines += _describe_fields(by_kind[kind], part.component if part else None)
    return "\n".join(lines)


def make_legacy_component_reference() -> str:
    """Return a section for each component of `classic` that has another class than in `standard`."""
    from scoring.components import classic

    lines: list[str] = []
    for name in classic.__all__:
        component = getattr(classic, name)
        lines += [f"### {component.kind}", "", *_describe_component(component), *_describe_fields(component, None)]
    return "\n".join(lines)


def _describe_component(component: Any) -> list[str]:
    lines = [line for paragraph in read_paragraphs(component.__doc__) for line in (format_prose(paragraph), "")]
    return [*lines, f"Reads: {', '.join(f'`{column}`' for column in component.reads) or 'no column'}.", ""]


def _describe_fields(component: Any, used: Any) -> list[str]:
    from scoring.model.setting_text import format_setting

    rows = []
    for name, field in component.model_fields.items():
        default = format_setting(field.default)
        standard = format_setting(getattr(used, name)) if used is not None else ""
        rows.append((f"`{name}`", default, *((standard,) if used is not None else ()), describe_bounds(field)))
    header = ("parameter", "default", *(("in `standard`",) if used is not None else ()), "allowed")
    return make_table(header, rows) if rows else ["No parameters.", ""]


def describe_bounds(field: Any) -> str:
    """Return the bounds of a field of a settings class, such as `0 to 100`."""
    low = high = ""
    for item in field.metadata:
        low = f"from {item.ge:g}" if getattr(item, "ge", None) is not None else low
        low = f"above {item.gt:g}" if getattr(item, "gt", None) is not None else low
        high = f"to {item.le:g}" if getattr(item, "le", None) is not None else high
        high = f"below {item.lt:g}" if getattr(item, "lt", None) is not None else high
    return " ".join(part for part in (low, high) if part)


# --- measures


def make_measure_reference() -> str:
    """Return a section for each measure: plain words, the definition of the class, the direction, the unit."""
    from scoring.evaluation.measure_info import LIST_MEASURES, MEASURES, METRICS
    from scoring.model_report.measure_descriptions import describe_measure, name_measure

    lines: list[str] = []
    parts: tuple[tuple[str, tuple[type[Any], ...]], ...] = (
        ("Metrics: compared with later actions", METRICS),
        ("Properties of the lists", LIST_MEASURES),
    )
    for heading, kinds in parts:
        lines += [f"## {heading}", ""]
        for kind, label in ((kind, getattr(kind, "label", kind.__name__)) for kind in kinds):
            info = MEASURES[label]
            plain = describe_measure(f"{label}@{kind().k}")
            lines += [f"### {label}", "", f"In plain words: {name_measure(label)}. {plain}", ""]
            for paragraph in read_paragraphs(kind.__doc__):
                lines += [format_prose(paragraph), ""]
            better = f"{info.good} is better" if info.good else "neither direction is better"
            unit = {"": "none", "money": "the currency of the board"}.get(info.unit, info.unit)
            lines += [f"- default: `{kind().name}`", f"- direction: {better}", f"- unit: {unit}"]
            lines += [f"- class: {{py:obj}}`scoring.evaluation.{kind.__name__}`", ""]
    return "\n".join(lines)


# --- settings


def find_field_docstrings(settings: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field of a settings class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(settings))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for node, following in zip(body.body, body.body[1:], strict=False):
        value = following.value if isinstance(following, ast.Expr) else None
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(value, ast.Constant):
            found[node.target.id] = " ".join(str(value.value).split())
    return found


def _make_settings_table(settings: type[BaseModel]) -> str:
    texts = find_field_docstrings(settings)
    rows = [(f"`{name}`", format_prose(texts[name]), _to_yaml(field)) for name, field in settings.model_fields.items()]
    return "\n".join(make_table(("key", "meaning", "default"), rows))


def _to_yaml(field: Any) -> str:
    words = {None: "null", True: "true", False: "false", (): "none"}
    return (
        str(words.get(field.default, field.default)) if not isinstance(field.default, float) else f"{field.default:g}"
    )


def make_eligibility_reference() -> str:
    """Return a table of the keys of `eligibility` in a model file."""
    from scoring.model.eligibility import Eligibility

    return _make_settings_table(Eligibility)


def make_gate_reference() -> str:
    """Return a table of the limits of a gate file."""
    from scoring.runs.gate.limits import GateLimits

    return _make_settings_table(GateLimits)


# --- errors


def make_error_reference() -> str:
    """Return a section for each exception class: its meaning, its attributes and its reasons."""
    import scoring.errors

    lines: list[str] = []
    classes = [value for name in scoring.errors.__all__ if isinstance(value := getattr(scoring.errors, name), type)]
    for kind in sorted(classes, key=lambda kind: kind.__name__):
        bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
        lines += [f"### {kind.__name__}", ""]
        lines += [line for paragraph in read_paragraphs(kind.__doc__) for line in (format_prose(paragraph), "")]
        lines += [f"Bases: {bases}. Attributes and methods: {{py:obj}}`scoring.errors.{kind.__name__}`.", ""]
    return "\n".join(lines)


# --- packages


def make_package_reference() -> str:
    """Return a table of the packages with their first sentences, and the tree of their pages."""
    import importlib

    from reference_pages import MODULES, list_packages

    names = sorted([*list_packages(), *MODULES])
    rows = []
    for name in names:
        sentence = re.split(r"(?<=\.) ", read_paragraphs(importlib.import_module(name).__doc__)[0], maxsplit=1)[0]
        rows.append((f"{{doc}}`{name} <api/{name}>`", format_prose(sentence.removesuffix(":"))))
    tree = ["```{toctree}", ":hidden:", "", *(f"api/{name}" for name in names), "```", ""]
    return "\n".join([*make_table(("package or module", "content"), rows), *tree])


# --- inputs of trained models


def make_input_table() -> str:
    """Return the catalogue of inputs: name, formula and unit. An asterisk marks the inputs of a frame by default.

    More columns would not fit beside the longest name.
    """
    from scoring.learning.input_catalogue import INPUTS
    from scoring.training import DEFAULT_INPUTS

    rows = [
        (f"`{name}`" + (r" \*" if name in DEFAULT_INPUTS else ""), f"{found.formula} ({found.unit})")
        for name, found in INPUTS.items()
    ]
    return "\n".join(make_table(("name", "formula (unit)"), rows))


REFERENCES: Final[dict[str, Callable[[], str]]] = {
    "commands": make_command_reference,
    "components": make_component_reference,
    "legacy_components": make_legacy_component_reference,
    "measures": make_measure_reference,
    "eligibility": make_eligibility_reference,
    "gate": make_gate_reference,
    "errors": make_error_reference,
    "packages": make_package_reference,
    "learned_inputs": make_input_table,
}
