"""Make the README's pictures from the running servers, with Debian's chromium: `python scripts/pictures.py`.

They show the panel of `scoring panel` after a slider has moved, and a notebook in JupyterLab. The browser also gets the
Japanese font that plots use, because many machines have none.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
PANEL, NOTEBOOK = ROOT / "notebooks/images/tuning_panel.png", ROOT / "docs/notebook.png"
MARKET = ("--users", "1000", "--jobs", "8000", "--actions", "80000", "--db", "market.db")
SETTLED = '.scoring-page[data-state="settled"]'
PATIENCE = 120_000  # milliseconds


@contextmanager
def serve(folder: Path, *arguments: str) -> Iterator[str]:
    """Yield the address, with the token, of `scoring lab` or `scoring panel`."""
    command = [sys.executable, "-m", "scoring.cli", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://127\S+", line)))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def add_font(folder: Path) -> dict[str, str | float | bool]:
    """Return the environment of a browser that knows the fonts of the system and that of the plots."""
    spec = importlib.util.find_spec("matplotlib_fontja")
    assert spec is not None
    assert spec.origin is not None
    config = folder / "fonts.conf"
    config.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig>'
        '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
        f"<dir>{Path(spec.origin).parent / 'fonts'}</dir></fontconfig>",
        encoding="utf-8",
    )
    return {**os.environ, "FONTCONFIG_FILE": str(config)}


def open_page(browser: Browser, width: int, height: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE)
    return page


def save_panel_picture(browser: Browser, folder: Path) -> None:
    """Save the top of the panel, with a changed weight of location and a chosen job."""
    subprocess.run([sys.executable, "-m", "scoring.cli", "init", *MARKET], cwd=folder, check=True)
    with serve(folder, "panel", "--db", "market.db", "--profiles", "profiles") as url:
        page = open_page(browser, 1600, 1000)
        page.goto(url)
        page.locator(SETTLED).wait_for()
        page.get_by_role("spinbutton", name="location", exact=True).fill("0.6")
        page.keyboard.press("Enter")
        page.get_by_text("1 setting compared").wait_for()
        page.locator('.list tr[tabindex="0"]').focus()
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        page.get_by_role("heading", name="Why job").wait_for()
        page.locator(SETTLED).wait_for()
        page.evaluate("document.querySelector('#rendered_cells').scrollTo(0, 0)")
        page.screenshot(path=PANEL)


def save_notebook_picture(browser: Browser, folder: Path) -> None:
    """Save the committed search notebook, from its first plot on."""
    (folder / "pages").mkdir()
    shutil.copy(ROOT / "notebooks/07_search_weights.ipynb", folder / "pages")
    with serve(folder, "lab", "pages") as url:
        page = open_page(browser, 1200, 900)
        page.goto(url.replace("/lab?", "/lab/tree/07_search_weights.ipynb?"))
        plot = page.locator('.jp-RenderedHTML img[alt^="Plot"]').first
        plot.wait_for(state="attached")
        page.locator(".jp-toast, .Toastify").evaluate_all("all => all.forEach(one => one.remove())")
        plot.scroll_into_view_if_needed()
        page.wait_for_function("one => one.complete", arg=plot.element_handle())
        page.screenshot(path=NOTEBOOK)


def main() -> None:
    NOTEBOOK.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"], env=add_font(Path(folder))
        )
        save_panel_picture(browser, Path(folder))
        save_notebook_picture(browser, Path(folder))
        browser.close()
    for path in (PANEL, NOTEBOOK):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
