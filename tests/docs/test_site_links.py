"""Dead links of the built site, and files that it loads from servers, are found."""

from __future__ import annotations

from pathlib import Path

import pytest
import site_links


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="b.html#here">', None),
        ('<a href="https://example.org/">', None),
        ('<div class="cell_output"><div></div><a href="report.html"></div>', None),
        ('<div class="cell_output"><div></div></div><a href="absent.html">', "a.html: absent.html does not exist"),
        ('<a href="absent.html">', "a.html: absent.html does not exist"),
        ('<a href="b.html#absent">', "a.html: b.html#absent has no such anchor"),
        ('<a href="#absent">', "a.html: #absent has no such anchor"),
        ('<script src="https://cdn.example.org/x.js"></script>', "a.html: loads https://cdn.example.org/x.js"),
        (
            '<link rel="stylesheet" href="https://fonts.example.org/x.css">',
            "a.html: loads https://fonts.example.org/x.css",
        ),
    ],
)
def test_dead_links_are_reported(tmp_path: Path, html: str, problem: str | None) -> None:
    (tmp_path / "a.html").write_text(html, "utf-8")
    (tmp_path / "b.html").write_text('<p id="here">', "utf-8")
    assert site_links.find_problems(tmp_path) == ([] if problem is None else [problem])
