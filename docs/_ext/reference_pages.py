"""Pages that are generated from the package: a Sphinx extension.

Each function returns the text of a page or of a part of it. The package is the only source: no option, parameter or
name is written a second time.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from typing import Any

from package_reference import MARKER, fill_markers

import scoring

API_FOLDER = Path(__file__).parents[1] / "api"
MODULES = (
    "scoring.array_types",
    "scoring.backends.reference",
    "scoring.components.helpers",
    "scoring.components.learned",
    "scoring.database.database",
    "scoring.database.readers",
    "scoring.database.writers",
    "scoring.dataset.arrays",
    "scoring.dataset.frame_validation",
    "scoring.dataset.smaller_dtypes",
    "scoring.errors",
    "scoring.evaluation.list_writer",
    "scoring.tuning.logistic_fit",
)
"""Modules that guides and notebooks import from."""
MOST_FUNCTIONS = 12
"""With more functions, each one has a page of its own."""
LONGEST_VALUE = 100
"""Longer values of constants are not shown."""

ENTRY_SECTIONS = ("Attributes", "Parameters", "Raises")
ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*): (?P<text>.+)")


def list_packages() -> list[str]:
    """Return the names of the package and of all packages in it that export names or describe modules."""
    found = pkgutil.walk_packages(scoring.__path__, "scoring.")
    return ["scoring", *sorted((part.name for part in found if part.ispkg), key=lambda name: (name.count("."), name))]


def list_exports(package: str) -> list[str]:
    """Return the public names of a package or module: those of `__all__`, or none."""
    return list(getattr(importlib.import_module(package), "__all__", ()))


def make_api_pages() -> dict[str, str]:
    """Return the pages of all packages and of `MODULES` in reStructuredText, by file name.

    The page of a package has a table of its names, and the entries of its functions and constants. Classes, and
    functions of packages with many of them, have a page of their own. They are in folders, because some file systems
    do not distinguish `Gate.rst` and `gate.rst`. A name that several packages export has its entry in the first one.
    """
    homes: dict[int, str] = {}
    pages = {}
    for package in [*list_packages()[1:], *MODULES, "scoring"]:
        module = importlib.import_module(package)
        rows: list[str] = []
        entries: list[str] = []
        links: list[str] = []
        names = list_exports(package)
        has_many = sum(inspect.isroutine(getattr(module, name)) for name in names) > MOST_FUNCTIONS
        for name in names:
            value = getattr(module, name)
            is_class, is_function = isinstance(value, type), inspect.isroutine(value)
            home = homes.setdefault(id(value), package) if is_class or is_function else package
            rows += [f"   * - :py:obj:`{name} <{home}.{name}>`", f"     - {summarise(package, name, value)}"]
            entry = ["", *_make_entry(package, name, value)]
            if home == package and (is_class or (is_function and has_many)):
                page = f"{'classes' if is_class else 'functions'}/{package}.{name}"
                links.append(f"   {name} <{page}>")
                pages[f"{page}.rst"] = "\n".join([*_make_title(f"{package}.{name}"), *entry, ""])
            elif home == package:
                entries += entry
        table = ["", ".. list-table::", "   :class: names", "", *rows] if rows else []
        tree = ["", ".. toctree::", "   :hidden:", "", *links] if links else []
        lines = [*_make_title(package), f".. automodule:: {package}", "   :no-members:", *table, *tree, *entries]
        pages[f"{package}.rst"] = "\n".join(lines) + "\n"
    return pages


def _make_title(text: str) -> list[str]:
    return [text, "=" * len(text), ""]


def summarise(package: str, name: str, value: object) -> str:
    """Return the first sentence of a docstring on one line of reStructuredText, or an escaped space."""
    is_documented = isinstance(value, type) or inspect.isroutine(value)
    lines = inspect.getdoc(value) if is_documented else "\n".join(find_constant_docstring(package, name))
    paragraph = " ".join((lines or "").split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.:]) ", paragraph, maxsplit=1)[0].removesuffix(":")
    parts = re.split(r"(`[^`]*`)", sentence)
    parts[::2] = [re.sub(r"([*|_])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts) or "\\ "


def _make_entry(package: str, name: str, value: object) -> list[str]:
    if isinstance(value, type):
        return [f".. autoclass:: {package}.{name}"]
    if inspect.isroutine(value):
        return [f".. autofunction:: {package}.{name}"]
    return [f".. autodata:: {package}.{name}", *(["   :no-value:"] if len(repr(value)) > LONGEST_VALUE else [])]


def write_api_pages() -> None:
    """Write one page per package, where the text has changed."""
    for folder in ("classes", "functions"):
        (API_FOLDER / folder).mkdir(parents=True, exist_ok=True)
    pages = make_api_pages()
    for path in API_FOLDER.rglob("*.rst"):
        if path.relative_to(API_FOLDER).as_posix() not in pages:
            path.unlink()
    for name, text in pages.items():
        path = API_FOLDER / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def find_constant_docstring(module: str, name: str) -> list[str]:
    """Return the text below a constant in the module that defines it; Sphinx looks in the given module only."""
    body = ast.parse(Path(str(importlib.import_module(module).__file__)).read_text("utf-8")).body
    for node, following in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.ImportFrom) and node.module and name in [alias.name for alias in node.names]:
            return find_constant_docstring(node.module, name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if name in [target.id for target in targets if isinstance(target, ast.Name)]:
            value = following.value if isinstance(following, ast.Expr) else None
            text = value.value if isinstance(value, ast.Constant) else ""
            return inspect.cleandoc(text).splitlines() if isinstance(text, str) else []
    return []


def convert_docstring(lines: list[str]) -> list[str]:
    """Return a docstring of the package as reStructuredText.

    Indented blocks after a paragraph are code, a list needs no empty line before it, tables are those of Markdown, and
    an entry of a section such as `Parameters` or `Raises` is one line: `name: text`.
    """
    converted: list[str] = []
    section = ""
    for number, line in enumerate(lines):
        previous = converted[-1] if converted else ""
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if following and set(following) == {"-"}:
            section = line
        if section in ENTRY_SECTIONS and (entry := ENTRY.match(line)):
            converted += [entry["names"], f"    {entry['text']}"]
            continue
        if line.startswith("|"):
            if not previous.startswith("     "):
                converted += ["", ".. list-table::", "   :header-rows: 1", ""]
            if set(line) - set("|-: "):
                cells = [cell.strip() for cell in line.strip("|").split("|")]
                converted += [f"   {'* -' if position == 0 else '  -'} {cell}" for position, cell in enumerate(cells)]
                converted.append("     ")
            continue
        if line.startswith("    ") and not previous and _last_paragraph_is_text(converted):
            converted += ["::", ""]
        if line.lstrip().startswith("- ") and previous.strip() and not _is_in_list(converted):
            converted.append("")
        converted.append(line)
    return converted


def _last_paragraph_is_text(lines: list[str]) -> bool:
    text = [line for line in lines if line]
    if not text or text[-1].startswith(" "):
        return False
    return not _is_in_list(lines[: len(lines) - 1 - lines[::-1].index(text[-1]) + 1])


def _is_in_list(lines: list[str]) -> bool:
    for line in reversed(lines):
        if not line.strip():
            return False
        if line.lstrip().startswith("- "):
            return True
    return False


def _process_docstring(app: Any, what: str, name: str, value: object, options: Any, lines: list[str]) -> None:
    if what == "data":
        lines[:] = find_constant_docstring(*name.rsplit(".", 1))
    lines[:] = convert_docstring(lines)


def shorten_signature(text: str) -> str:
    """Return a signature with `...` for defaults that are not Python, such as `<factory>`, and short array types."""
    text = re.sub(r"= <(?:[^<>]|<[^<>]*>)*>", "= ...", text)
    return re.sub(r"TypeAliasForwardRef\('([\w.]+)'\)", r"\1", text).replace("scoring.array_types.", "")


def _process_signature(
    app: Any, what: str, name: str, value: object, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    return signature and shorten_signature(signature), returned and shorten_signature(returned)


def _require_exact_names(app: Any, document: Any) -> None:
    """A type of an annotation is a name of its module. Sphinx would also link `bytes` to an attribute of a class."""
    from sphinx.addnodes import pending_xref

    for node in document.findall(pending_xref):
        node.attributes.pop("refspecific", None)


def _fill_markers(app: Any, page: str, source: list[str]) -> None:
    source[0] = fill_markers(source[0])


def _find_generated_pages(app: Any, env: Any, *_: Any) -> list[str]:
    """Return the pages with markers: they are read again, because the package may have changed."""
    return [page for page in env.found_docs if MARKER.search(Path(env.doc2path(page)).read_text("utf-8"))]


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", lambda *_: write_api_pages())
    app.connect("source-read", _fill_markers)
    app.connect("env-get-outdated", _find_generated_pages)
    app.connect("autodoc-process-docstring", _process_docstring, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", _process_signature)
    app.connect("doctree-read", _require_exact_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
