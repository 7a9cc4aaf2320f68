"""README.md is short, links lead somewhere, and the commands, options and code of the documentation exist."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

from scoring.cli.app import app
from scoring.deprecated_module_paths import MOVED

ROOT = Path(__file__).parents[1]
FOLDERS = ("", "benchmarks", "data", "docs", "examples", "tests")
PAGES = sorted(
    page for folder in FOLDERS for page in (ROOT / folder).glob("**/*.md" if folder else "*.md") if page.is_file()
)
GUIDES = [ROOT / "README.md", ROOT / "MIGRATING.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```[^\S\n]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")

relative = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


@functools.cache
def build_commands() -> Any:
    """Return the tree of commands. To build it takes 20 ms."""
    return typer.main.get_command(app)


def words_of_prose(text: str) -> int:
    """Count the words beside code blocks, tables and the targets of links."""
    text = FENCE.sub("", text)
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("|"))
    text = re.sub(r"(\[[^\]]*\])\([^)]*\)", r"\1", text)
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands(text: str) -> list[list[str]]:
    """Return the arguments of each `scoring` command in code blocks, without comments."""
    blocks = "".join(block for language, block in FENCE.findall(text) if language in ("", "sh"))
    lines = blocks.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if re.match(r"scoring [a-z]", line)]


def test_word_count_excludes_code_and_tables() -> None:
    text = "# One two\n\n```\nnot counted\n```\n\n| not | counted |\n|---|---|\n\n[three](a/b.md) · `four`, 5\n"
    assert words_of_prose(text) == 5


def test_readme_has_at_most_900_words_of_prose() -> None:
    assert words_of_prose((ROOT / "README.md").read_text("utf-8")) <= 900


@relative
def test_relative_links_and_anchors_exist(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_commands_and_options_of_guides_exist(page: Path) -> None:
    for arguments in commands(page.read_text("utf-8")):
        command = build_commands()
        while arguments and arguments[0] in getattr(command, "commands", {}):
            command = command.commands[arguments.pop(0)]
        assert not getattr(command, "commands", {}), arguments
        known = {name for parameter in command.params for name in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("--")} <= known, arguments


def test_guides_have_commands_and_code() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(commands(readme)) >= 10
    assert "```python" in readme


def test_readme_lists_every_command_and_page() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert {name for name in build_commands().commands if f"`scoring {name}" not in readme} == set()
    menus = [ROOT / "docs" / name for name in ("index.md", "guides.md", "reference.md")]  # of the documentation site
    listed = [line for menu in menus for line in menu.read_text("utf-8").splitlines()]
    assert "(docs/index.md)" in readme
    assert {
        page.name
        for page in (ROOT / "docs").glob("*.md")
        if f"(docs/{page.name})" not in readme and page.stem not in listed
    } == set()


def test_make_targets_of_readme_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|[`\s])make ([a-z-]+)", (ROOT / "README.md").read_text("utf-8")))
    assert {"run", "test"} <= named
    assert named <= targets


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_names_imported_in_guides_exist(page: Path) -> None:
    source = "\n".join(block for language, block in FENCE.findall(page.read_text("utf-8")) if language == "python")
    for module, name in re.findall(r"\b(scoring)\.([a-zA-Z]\w+)\(", source):
        assert hasattr(importlib.import_module(module), name), name
    for line in re.findall(r"^(?:from scoring|import scoring).*$", source, re.MULTILINE):
        for node in ast.parse(line).body:
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names), line


def test_migrating_lists_every_moved_module() -> None:
    text = (ROOT / "MIGRATING.md").read_text("utf-8")
    table = text.partition("| old module | new module |")[2].partition("| old name | new name |")[0]
    rows = dict(re.findall(r"^\| `(scoring\.[a-z_.]+)` \| `(scoring\.[a-z_.]+)` \|$", table, re.MULTILINE))
    assert rows == MOVED


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_files_named_in_guides_exist(page: Path) -> None:
    named = re.findall(r"`((?:tests|scripts|examples|benchmarks|scoring)/[\w./]+)`", page.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_renamed_objects_of_migrating_exist() -> None:
    text = (ROOT / "MIGRATING.md").read_text("utf-8").partition("| old name | new name |")[2]
    aliases, _, without_alias = text.partition("These names have no alias:")
    row = re.compile(r"^\| `(scoring[\w.]*)\.(\w+)` \| `(scoring[\w.]*)\.(\w+)` \|$", re.MULTILINE)
    assert len(row.findall(aliases)) >= 5
    for old_module, old_name, module, name in row.findall(aliases):
        assert hasattr(importlib.import_module(old_module), old_name), old_name
        assert hasattr(importlib.import_module(module), name), name
    for _, _, module, name in row.findall(without_alias):
        assert hasattr(importlib.import_module(module), name), name


def test_modules_named_in_contributing_exist() -> None:
    named = re.findall(r"`(\w+(?:/\w+)+(?:\.py|/))`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists() and not (ROOT / "scoring" / path).exists()] == []
