"""Check the built site: every link leads to a file and an anchor, and no page loads anything from a server.

Usage: python docs/_ext/site_links.py build/docs
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src"}
"""Tags that load a file, and the attribute with its address."""


class Page(HTMLParser):
    """The anchors, the links and the loaded files of a page. Links in outputs of notebooks are not read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.depth = 0  # of elements `div` from the output of a cell
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "div" and (self.depth or "cell_output" in values.get("class", "").split()):
            self.depth += 1
        if tag == "a" and "href" in values and not self.depth:
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.append(values["href"])
        if LOADED.get(tag, "") in values:
            self.loaded.append(values[LOADED[tag]])

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self.depth:
            self.depth -= 1


def find_problems(folder: Path) -> list[str]:
    """Return a line for each link without a target, and for each file that is loaded from a server."""
    pages = {
        path.resolve(): Page(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts
    }
    problems = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        problems += [f"{name}: loads {url}" for url in page.loaded if urlsplit(url).netloc]
        for url in {*page.links, *page.loaded}:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or not url:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                problems.append(f"{name}: {url} does not exist")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                problems.append(f"{name}: {url} has no such anchor")
    return problems


if __name__ == "__main__":
    found = find_problems(Path(sys.argv[1]))
    print("\n".join(found) or "All links of the site lead to a file, and no page loads anything from a server.")
    sys.exit(bool(found))
