"""Type the questions of newcomers into the search of the built site, and print the rank of the first answer.

Usage: python docs/_ext/search_questions.py build/docs

`search_questions.txt` has a question per line, and the pages that answer it. The exit code is 1 if a question has no
answer among the first three results. Needs Debian's chromium and the extra `test`.
"""

from __future__ import annotations

import functools
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_plus

QUESTIONS = Path(__file__).with_name("search_questions.txt")
ENOUGH = 3


class Question(NamedTuple):
    """What a newcomer types, and the pages that answer it."""

    text: str
    pages: tuple[str, ...]


def read_questions() -> list[Question]:
    """Return the questions of the file."""
    lines = (line.split(" | ") for line in QUESTIONS.read_text("utf-8").splitlines())
    return [Question(text, tuple(pages.split())) for text, pages in lines]


def find_rank(question: Question, links: list[str]) -> int | None:
    """Return the position of the first link to a page that answers, from 1."""
    pages = [link.partition("#")[0].partition("?")[0].removesuffix(".html") for link in links]
    return next((rank for rank, page in enumerate(pages, 1) if page in question.pages), None)


def search(page: Any, site: str, text: str) -> list[str]:
    """Return the addresses of the results, the first one first."""
    page.goto(f"{site}/search.html?q={quote_plus(text)}")
    page.wait_for_selector("#search-results h2:not(:has(span))")  # the dots of the unfinished search are gone
    found: list[str] = page.eval_on_selector_all(
        "ul.search > li > a:first-child", "links => links.map(link => link.getAttribute('href'))"
    )
    return found


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine; the address is valid in the block."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(folder: Path) -> int:
    """Print the rank of each question, and return the exit code."""
    from playwright.sync_api import sync_playwright

    ranks = {}
    with serve(folder) as site, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        for question in read_questions():
            ranks[question.text] = rank = find_rank(question, search(page, site, question.text))
            print(f"{rank or '-':>3}  {question.text}")
        browser.close()
    n_found = sum(rank is not None and rank <= ENOUGH for rank in ranks.values())
    print(f"{n_found} of {len(ranks)} questions have an answer among the first {ENOUGH} results.")
    return int(n_found < len(ranks))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
