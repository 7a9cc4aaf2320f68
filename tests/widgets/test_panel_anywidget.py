"""The page that opens a panel on a thread, and the files of its front end."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import scoring.widgets
from scoring import Dataset
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.registry import Registry
from scoring.widgets.panel_anywidget import PanelPage
from scoring.widgets.panel_factory import PHASES, tuning_page

WAIT = 60.0
STATIC = Path(scoring.widgets.__file__).parent / "static"


def open_page(*arguments: object, **options: object) -> PanelPage:
    page = tuning_page(*arguments, users=10, debounce=0.0, **options)
    join_threads("scoring-opening")
    return page


def join_threads(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(WAIT)


def test_page_opens_the_panel_in_phases(holdout, standard):
    page = open_page(holdout, standard)
    assert page.document["opening"] == {"phases": list(PHASES), "at": len(PHASES) - 1, "error": ""}
    assert page.document["session"]["n_users"] == 10


def test_page_without_a_kernel_is_a_sentence():
    assert repr(PanelPage()) == "PanelPage: the panel is shown while its kernel runs"


def test_page_is_opened_again_after_a_promotion(tmp_path, holdout, standard):
    """A spare kernel has opened the panel before the promotion."""
    path, folder = tmp_path / "market.db", tmp_path / "profiles"
    save_tables(Database.open(f"sqlite:///{path}"), holdout.data.tables)
    registry = Registry(folder, database=str(path))
    registry.save("tuned", standard.with_parameters("freshness", half_life_days=5))
    page = open_page(path, registry=folder)
    assert "standard" in page.document["values"]["baseline"]
    registry.promote("tuned", note="try", force="a test")
    page._handle_custom_msg({"kind": "open"}, [])
    join_threads("scoring-check")
    assert "tuned@1" in page.document["values"]["baseline"]


def test_page_shows_why_a_panel_cannot_be_opened(holdout, standard):
    tables = holdout.data.tables
    page = open_page(Dataset(tables.with_tables(actions=tables.actions[:0])), standard)
    assert "no actions" in page.document["opening"]["error"]
    assert "session" not in page.document
    assert "<b>" in open_page(holdout, "<b>").document["opening"]["error"]


def test_every_file_of_the_front_end_is_used():
    text = PanelPage._esm + PanelPage._css
    assert all(path.read_text() in text for path in STATIC.iterdir())


def test_front_end_writes_no_markup_and_loads_nothing():
    """Titles of jobs are untrusted."""
    script = PanelPage._esm
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", script)
    hosts = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", re.sub(r"^\s*//.*$", "", script, flags=re.MULTILINE))
    assert set(hosts) <= {"http://www.w3.org"}
    assert not re.findall(r"@import|url\(", PanelPage._css)


def test_style_defines_the_colours_that_it_uses():
    used = set(re.findall(r"var\((--[a-z0-9-]+)", PanelPage._css))
    defined = set(re.findall(r"(--[a-z-]+):", PanelPage._css)) | {"--header", "--view", "--jp-layout-color0"}
    assert used <= defined
