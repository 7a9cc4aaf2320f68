"""The index of the site's search: the words of each section. A Sphinx extension.

Sphinx's own index knows which pages contain a word. A question is answered by a section, often by one that lacks a word
of the question. `docs/_static/search.js` ranks sections by this index.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from docutils import nodes

NAME: Final = "section_index.js"
TITLE_WEIGHT: Final = 4
"""A word in the title of a section counts as so many in its text."""
PAGE_TITLE_WEIGHT: Final = 2
"""A word in the title of the page counts as so many in the text of each of its sections."""


class Section(NamedTuple):
    """A part of a page with an anchor: its own text, without that of the sections in it."""

    anchor: str  # empty: the first section, which is the top of the page
    title: str
    text: str


def find_sections(document: nodes.document) -> Iterator[Section]:
    """Yield the sections of a page, and the classes and functions of an API page."""
    from docutils import nodes
    from sphinx.addnodes import desc

    for number, node in enumerate(document.findall(nodes.section)):
        title = node.next_node(nodes.title)
        yield Section(node["ids"][0] if number else "", title.astext() if title else "", _read_text(node))
    for node in document.findall(desc):
        signature = node.next_node(nodes.Element)
        if _is_top_level(node) and signature is not None and signature["ids"]:
            yield Section(signature["ids"][0], signature["ids"][0], node.astext())


def _is_top_level(node: nodes.Element) -> bool:
    from sphinx.addnodes import desc

    parent = node.parent
    while parent is not None and not isinstance(parent, desc):
        parent = parent.parent
    return parent is None


def _read_text(node: nodes.Element) -> str:
    """Return the text of a node, without its title, the sections in it and the outputs of notebooks."""
    from docutils import nodes
    from sphinx.addnodes import desc

    parts = []
    for child in node.children:
        if isinstance(child, nodes.section | nodes.title | nodes.raw | nodes.comment | desc):
            continue
        if isinstance(child, nodes.Element) and "cell_output" in child.get("classes", ()):
            continue
        parts.append(_read_text(child) if isinstance(child, nodes.container) else child.astext())
    return "\n".join(parts)


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case. A name with underscores counts as a whole and in parts."""
    words = re.findall(r"\w+", text.lower())
    return words + [part for word in words if "_" in word.strip("_") for part in word.split("_") if part]


def make_index(pages: dict[str, tuple[str, list[Section]]], stem: Callable[[str], str]) -> dict[str, Any]:
    """Return the index of pages by name, each with its title and sections.

    `words` has for each stem the positions of its sections in `sections`, each followed by how much it counts there.
    """
    sections: list[list[Any]] = []
    words: defaultdict[str, list[int]] = defaultdict(list)
    for number, (page_title, parts) in enumerate(pages.values()):
        for part in parts:
            counts: Counter[str] = Counter()
            text = split_words(part.text)
            titles = [(part.title, TITLE_WEIGHT), *([(page_title, PAGE_TITLE_WEIGHT)] if part.anchor else [])]
            for title, weight in titles:
                counts.update(dict.fromkeys({stem(word) for word in split_words(title)}, weight))
            counts.update(stem(word) for word in text)
            for word, count in counts.items():
                words[word] += [len(sections), count]
            sections.append([number, part.anchor, part.title, len(text)])
    titles_by_page = [[name, title] for name, (title, _) in pages.items()]
    return {"pages": titles_by_page, "sections": sections, "words": words}


def _write_index(app: Any, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    pages = {}
    for name in sorted(app.env.found_docs):
        parts = list(find_sections(app.env.get_doctree(name)))
        pages[name] = app.env.titles[name].astext(), parts
    index = make_index(pages, app.builder.indexer.lang.stem)
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    Path(app.outdir, "_static", NAME).write_text(f"const SECTION_INDEX = {text};\n", "utf-8")


def _load_index(app: Any, page: str, template: str, context: Any, document: Any) -> None:
    if page == "search":
        app.add_js_file(NAME, loading_method="defer")


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", _load_index)
    app.connect("build-finished", _write_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
