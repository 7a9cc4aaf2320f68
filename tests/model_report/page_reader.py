"""Reads a page without a browser: its text, tables, ids and references, and elements that are not closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["PageReader"]

_VOID = {"meta", "br", "hr", "rect", "line", "circle", "path"}
_INLINE = {"b", "bdi", "code", "span", "a"}
_REFERENCES = {"src", "srcset", "href", "xlink:href", "action", "data", "poster", "background", "manifest"}


@dataclass
class PageReader(HTMLParser):
    """The content of a page."""

    tags: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    """Anchors that links of the page lead to."""
    references: list[str] = field(default_factory=list)
    """Values of attributes that a browser would load, and of attributes that would run."""
    unclosed: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    """Cells of the rows of all tables."""
    parts: list[str] = field(default_factory=list)
    policy: str = ""
    _open: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: str) -> PageReader:
        reader = cls()
        HTMLParser.__init__(reader)
        reader.feed(page)
        reader.close()
        reader.unclosed += reader._open
        return reader

    @property
    def text(self) -> str:
        """The text of the page with single spaces."""
        return " ".join("".join(self.parts).split())

    def find_row(self, name: str, value: str) -> list[str]:
        """Return the first row whose first cell contains a name, and whose other cells contain a value."""
        return next(row for row in self.rows if name in row[0] and any(value in cell for cell in row[1:]))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        if "id" in values:
            self.ids.append(str(values["id"]))
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(values["content"])
        for name, value in values.items():
            text = str(value)
            if name == "href" and text.startswith("#"):
                self.links.append(text[1:])
            elif name in _REFERENCES or name.startswith("on"):
                self.references.append(f"{tag} {name}={text}")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self._open or self._open.pop() != tag:
            self.unclosed.append(tag)
        if tag not in _INLINE:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.parts.append(data)
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data
