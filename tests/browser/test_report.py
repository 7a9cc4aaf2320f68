"""The page of `scoring report` in a browser: from disk, without the network and without scripts, and as a PDF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from scoring.model_report import render_report_page
from tests.browser.conftest import PATIENCE
from tests.model_report.content_maker import make_content


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report_page(make_content()), "utf-8")
    return path


@pytest.fixture(params=[(390, "light"), (1280, "dark")], ids=str)
def opened(request: pytest.FixtureRequest, browser: Browser, page_file: Path) -> Iterator[tuple[Page, list[str]]]:
    """A page that was opened offline and without scripts, and what it requested or reported."""
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=False, offline=True
    )
    context.set_default_timeout(PATIENCE)
    page, events = context.new_page(), list[str]()
    page.on("request", lambda sent: events.append(sent.url))
    page.on("console", lambda message: events.append(message.text))
    page.goto(page_file.as_uri())
    yield page, events
    context.close()


def test_page_needs_no_network_and_fits_the_screen(opened: tuple[Page, list[str]], page_file: Path) -> None:
    page, events = opened
    assert events == [page_file.as_uri()]
    assert page.viewport_size is not None
    width = page.viewport_size["width"]
    boxes = [element.bounding_box() for element in page.locator("main *:visible").all()[::25]]
    ends = [box["x"] + box["width"] for box in boxes if box is not None]
    assert len(ends) > 15
    assert max(ends) <= width
    assert page.locator("h1").inner_text() == "Profile night@2"


def test_page_is_printed_with_a_summary_of_one_page(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(offline=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(page_file.as_uri())
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 1002})  # A4 without margins, at 96 dots per inch
    box = page.locator("#summary").bounding_box()
    context.close()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") >= 5
    assert box is not None
    assert box["y"] + box["height"] <= 1002
