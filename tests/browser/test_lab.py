"""The panel's notebook in JupyterLab, in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from scoring.registry import Registry
from tests.support.keyboard import POLLING, Keyboard
from tests.support.page_layout import find_layout_problems, measure
from tests.support.page_monitor import PageMonitor
from tests.support.server_process import Server

READY = """async () => {
  const context = window.jupyterapp.shell.currentWidget.context;
  await context.ready;
  await context.sessionContext.ready;
  await context.sessionContext.session.kernel.info;
}"""
CELLS = """() => Array.from(window.jupyterapp.shell.currentWidget.context.model.cells, cell => cell.toJSON())
  .filter(cell => cell.cell_type === "code")"""
PLACE = """() => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  return [notebook.mode, notebook.activeCellIndex, notebook.widgets.length];
}"""

DIRTY = """set => {
  const model = window.jupyterapp.shell.currentWidget.context.model;
  if (set) model.dirty = true;
  return model.dirty;
}"""


def opened(page: Page) -> None:
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context?.isReady", polling=POLLING)
    page.evaluate(READY)


def command(page: Page, name: str) -> None:
    page.evaluate("name => window.jupyterapp.commands.execute(name)", name)


def test_notebook_panel_moves_and_restores_a_profile(lab: Server, monitor: PageMonitor, folder: Path) -> None:
    page, keyboard = monitor.page, Keyboard(monitor.page)
    page.goto(f"{lab.url}/tree/06_tune_weights.ipynb?token={lab.token}")
    opened(page)
    command(page, "notebook:run-all-cells")
    cells = page.evaluate(CELLS)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]

    expect(keyboard.root.get_by_role("row", name="NDCG@10")).to_contain_text("no change")  # cells undid their changes
    start = keyboard.settle()
    keyboard.reach(keyboard.slider("fee"))
    assert find_layout_problems(page) == []
    page.evaluate("document.querySelector('.scoring-page').scrollIntoView()")
    boxes = measure(page)
    assert boxes["measures"]["left"] > boxes["left"]["left"] + boxes["left"]["width"]
    assert abs(boxes["measures"]["top"] - boxes["first"]["top"]) < 200  # beside the sliders, not below them
    place = page.evaluate(PLACE)
    expect(keyboard.entry("fee")).to_have_value("0.25")
    keyboard.expect_focus(keyboard.slider("fee"))
    keyboard.press("ArrowRight")
    expect(keyboard.entry("fee")).to_have_value("0.26")
    moved = keyboard.settle(start)
    keyboard.press("Tab")
    keyboard.expect_focus(keyboard.entry("fee"))
    keyboard.press("Tab")
    keyboard.expect_focus(keyboard.lock("fee"))
    keyboard.press("Control+z")
    keyboard.back(start)
    keyboard.reach(keyboard.button("Redo"))
    keyboard.press("Space")
    keyboard.back(moved)

    keyboard.save("slid")
    rows = keyboard.root.locator(".list tbody tr")
    keyboard.reach(keyboard.root.locator('.list tr[tabindex="0"]'))
    keyboard.press("ArrowDown")
    expect(keyboard.entry("job")).to_have_value(str(rows.nth(1).get_attribute("data-job")))
    # in command mode, these keys add, cut or delete cells, change their type or restart the kernel
    keyboard.root.get_by_role("tab", name="Weights").click()
    for control in (keyboard.slider("wage"), keyboard.button("Undo"), keyboard.lock("wage"), rows.nth(1)):
        keyboard.reach(control)
        keyboard.press("a", "b", "x", "m", "d", "d", "0", "0")
    assert page.evaluate(PLACE) == place  # the notebook handled none of the keys

    (index,) = (folder / "tmpdir").glob("*/slid")
    saved = Registry(index.parent).use("slid@1")
    assert round(saved.model.weights.components["base"]["fee"], 4) == 0.26

    page.evaluate(DIRTY, True)
    keyboard.reach(keyboard.slider("wage"))
    keyboard.press("Control+s")  # the notebook handles it, not the browser
    page.wait_for_function(f"!({DIRTY})()", polling=POLLING)
    page.reload()
    opened(page)
    keyboard.back(moved)
    keyboard.choose_profile("slid@1")

    *_, cells = page.evaluate(PLACE)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCell.node.focus()")
    page.wait_for_function(f"({PLACE})()[0] === 'command'", polling=POLLING)
    keyboard.press("b")  # outside the panel, the notebook handles the key
    page.wait_for_function(f"({PLACE})()[2] === {cells + 1}", polling=POLLING)
    expect(page.get_by_text("official Jupyter news")).to_have_count(0)  # the user is not asked
