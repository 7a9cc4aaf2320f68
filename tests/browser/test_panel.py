"""The tuning panel as a page in a real browser: layout, keyboard, errors, connection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from scoring.cli.jupyter_server import IDLE_KERNEL_SECONDS
from scoring.registry import Registry
from tests.browser.conftest import PATIENCE
from tests.support.keyboard import Keyboard
from tests.support.page_layout import find_layout_problems, measure
from tests.support.page_monitor import PageMonitor
from tests.support.server_process import Server, ask_for_page, wait_until

WIDTHS = (390, 800, 1280, 1600, 1920)
SIZE = {"width": 1600, "height": 1200}
BASE = ("fee", "wage", "popularity", "access", "freshness")


class OpenPanel:
    """One page for all tests, because a kernel starts slowly. It is reloaded if a test changed its state."""

    def __init__(self, panel: Server, monitor: PageMonitor) -> None:
        self._panel, self.monitor = panel, monitor
        self._first: tuple[object, ...] | None = None

    def keyboard(self, is_initial: bool = True) -> Keyboard:
        """Return the panel, in its initial state if `is_initial`."""
        keyboard = Keyboard(self.monitor.page)
        if self._first is None or (is_initial and self._read_state(keyboard) != self._first):
            self.monitor.page.goto(f"{self._panel.url}?token={self._panel.token}")
            keyboard.settle()
            self._first = self._read_state(keyboard)
        keyboard.root.get_by_role("tab", name="Weights").click()
        keyboard.settle()
        return keyboard

    @staticmethod
    def _read_state(keyboard: Keyboard) -> tuple[object, ...]:
        answers = keyboard.settle()
        locked = keyboard.root.get_by_role("button", name=re.compile("is locked; unlock it$")).count()
        baseline = keyboard.root.locator(".baseline").inner_text()
        return answers, keyboard.typed(*BASE), locked, baseline


@pytest.fixture(scope="module")
def opened(panel: Server, monitor: PageMonitor) -> OpenPanel:
    return OpenPanel(panel, monitor)


@pytest.fixture
def keyboard(opened: OpenPanel) -> Iterator[Keyboard]:
    """The panel in its initial, computed state."""
    yield opened.keyboard()
    assert opened.monitor.problems == []


def test_tab_visits_every_named_control_in_order(keyboard: Keyboard) -> None:
    keyboard.reach(keyboard.button("parameters of freshness"))
    keyboard.press("Space")  # expands the parameters
    expect(keyboard.entry("freshness.half_life_days")).to_be_visible()
    visited, there_are = keyboard.stops()
    assert there_are > 60
    assert visited == list(range(there_are))
    expect(keyboard.slider("freshness.half_life_days")).to_be_visible()
    sliders = [name for name in keyboard.names("slider") if " point " not in name]  # including hidden ones
    assert len(set(sliders)) == len(sliders) > 40
    assert {"fee", "base", "history", "history.wage", "wage"} < set(sliders)
    assert {*sliders, "wage.curve point 2 x"} < set(keyboard.names("spinbutton"))


def test_job_and_user_are_selected(keyboard: Keyboard) -> None:
    start = keyboard.settle()
    rows = keyboard.root.locator(".list tbody tr")
    keyboard.reach(keyboard.root.locator('.list tr[tabindex="0"]'))
    keyboard.press("ArrowDown", "ArrowDown")
    expect(rows.nth(2)).to_have_attribute("aria-selected", "true")
    job = rows.nth(2).get_attribute("data-job")
    expect(keyboard.entry("job")).to_have_value(str(job))
    expect(keyboard.root.get_by_role("heading", name=f"job {job}")).to_be_visible()
    keyboard.expect_focus(rows.nth(2))

    user = keyboard.entry("user").input_value()
    keyboard.press("j")
    expect(keyboard.entry("user")).not_to_have_value(user)
    expect(rows.first).not_to_have_text(start["list"][0])
    keyboard.settle()
    keyboard.type(keyboard.entry("user"), user)
    keyboard.back(start)
    keyboard.type(keyboard.entry("user"), "abc")
    expect(keyboard.message).to_contain_text("does not exist")


def test_keys_are_documented_in_a_dialog(keyboard: Keyboard) -> None:
    keyboard.reach(keyboard.slider("fee"))
    keyboard.press("?")
    dialog = keyboard.root.get_by_role("dialog", name="Help")
    for key in ("Ctrl+Z", "Ctrl+Y", "S", "J / K", "?"):
        expect(dialog.get_by_text(key, exact=True)).to_be_visible()
    keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    keyboard.press("s")
    keyboard.expect_focus(keyboard.entry("name"))


def test_errors_are_shown_beside_their_control(keyboard: Keyboard) -> None:
    def check(control: Locator, text: str, distance: int = 60) -> None:
        keyboard.settle()
        before = keyboard.message.all_inner_texts()
        keyboard.type(control, text)
        expect(keyboard.message).to_have_count(1)
        expect(keyboard.message).not_to_have_text("".join(before))
        expect(keyboard.message).to_have_attribute("data-kind", "failed")
        keyboard.settle()
        top, message = control.evaluate(
            "(one, message) => [one, message].map(one => one.getBoundingClientRect().y)",
            keyboard.message.element_handle(),
        )
        assert abs(message - top) < distance

    keyboard.button("parameters of location").click()
    keyboard.button("parameters of wage").click()
    value = keyboard.entry("location.same_city").input_value()
    check(keyboard.entry("location.same_city"), "10")
    expect(keyboard.entry("location.same_city")).to_have_value(value)  # the former value is shown again
    check(keyboard.entry("wage.curve point 2 x"), "9", 200)  # below its curve
    check(keyboard.entry("user"), "abc")
    check(keyboard.entry("job"), "abc")
    keyboard.root.get_by_role("tab", name="Rules").click()
    check(keyboard.entry("days without the same company: value"), "-1")
    keyboard.root.get_by_role("tab", name="Profiles").click()
    check(keyboard.entry("name"), "a b/c", 100)


def test_sliders_inputs_locks_baseline_and_undo(keyboard: Keyboard) -> None:
    start, weights = keyboard.settle(), keyboard.typed(*BASE)
    assert len(start["list"]) == 40
    assert any(row.startswith("NDCG@10") for row in start["measures"])

    keyboard.reach(keyboard.slider("fee"))
    keyboard.press("ArrowRight")
    expect(keyboard.entry("fee")).to_have_value("0.26")
    slid = keyboard.settle(start)
    assert len(slid["list"]) == 40

    expect(keyboard.root.locator(".moves")).to_contain_text(re.compile(r"has compared [1-9]\d* settings?;"))
    header = measure(keyboard.page)["header"]["height"]
    keyboard.reach(keyboard.button("Confirm"))
    keyboard.press("Enter")
    expect(keyboard.message).to_contain_text(re.compile(r"Confirmation on \d+ validation users?: NDCG@10"))
    assert header < measure(keyboard.page)["header"]["height"] < header + 40  # one line
    keyboard.message.locator("summary").click()
    expect(keyboard.message.get_by_text("the first confirmation of this session")).to_be_visible()
    keyboard.back(slid)

    keyboard.press("Control+z")
    keyboard.back(start)
    assert keyboard.typed(*BASE) == weights
    keyboard.press("Control+y")
    keyboard.back(slid)
    keyboard.reach(keyboard.button("Undo"))
    keyboard.press("Enter")
    keyboard.back(start)

    baseline = keyboard.root.locator(".baseline")
    expect(baseline).to_contain_text("The baseline is standard as it was opened")
    keyboard.type(keyboard.entry("fee"), "0.6")
    moved = keyboard.settle(start)
    keyboard.reach(keyboard.button("Make baseline"))
    keyboard.press("Enter")
    expect(baseline).to_contain_text("was set in this panel")
    made = keyboard.settle(moved)
    assert all("no change" in row for row in made["measures"])
    keyboard.type(keyboard.entry("fee"), "0.1")
    keyboard.settle(made)
    keyboard.reach(keyboard.button("Reset"))
    keyboard.press("Enter")
    keyboard.back(made)
    for _ in range(3):  # undoes Reset, 0.1 and the baseline
        keyboard.press("Control+z")
    keyboard.back(moved)
    expect(baseline).to_contain_text("The baseline is standard as it was opened")
    keyboard.press("Control+z")
    keyboard.back(start)

    keyboard.reach(keyboard.lock("wage"))
    keyboard.press("Space")
    expect(keyboard.lock("wage")).to_have_attribute("aria-pressed", "true")
    keyboard.type(keyboard.entry("fee"), "0.5")
    keyboard.settle(start)
    assert keyboard.typed("fee", "wage") == {"fee": "0.5", "wage": weights["wage"]}
    total = sum(float(weight) for weight in keyboard.typed(*BASE).values())
    assert total == pytest.approx(1, abs=2.5e-3)  # each field is rounded to 0.001

    keyboard.reach(keyboard.button("Undo"))
    keyboard.press("Enter")
    keyboard.back(start)
    keyboard.reach(keyboard.lock("wage"))
    keyboard.press("Space")  # in the initial state, the next test needs no new page and kernel
    expect(keyboard.lock("wage")).to_have_attribute("aria-pressed", "false")


def test_mouse_drags_a_slider_and_a_point(keyboard: Keyboard) -> None:
    """Each drag is one move, so one undo returns to the start."""
    mouse, start = keyboard.page.mouse, keyboard.settle()
    slider = keyboard.slider("location")
    slider.scroll_into_view_if_needed()
    box, value = slider.bounding_box(), float(slider.input_value())
    assert box is not None
    x, y = box["x"] + 8 + value * (box["width"] - 16), box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 30, y, steps=4)
    mouse.move(x + 60, y, steps=4)
    mouse.up()
    dragged = keyboard.settle(start)
    assert float(keyboard.entry("location").input_value()) > value + 0.05
    keyboard.button("Undo").click()
    keyboard.back(start)
    assert float(slider.input_value()) == value

    _expand_wage(keyboard)
    point = keyboard.slider("wage.curve point 2")
    point.scroll_into_view_if_needed()
    before = keyboard.typed("wage.curve point 2 x", "wage.curve point 2 value")
    box = point.bounding_box()
    assert box is not None
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"], box["y"] + 30, steps=6)
    mouse.up()
    assert keyboard.settle(start) != dragged
    after = keyboard.typed("wage.curve point 2 x", "wage.curve point 2 value")
    assert float(after["wage.curve point 2 value"]) < float(before["wage.curve point 2 value"])
    keyboard.button("Undo").click()
    keyboard.back(start)
    assert keyboard.typed(*before) == before


def _expand_wage(keyboard: Keyboard) -> None:
    if keyboard.button("parameters of wage").get_attribute("aria-expanded") == "false":
        keyboard.button("parameters of wage").click()
    expect(keyboard.slider("wage.curve point 2")).to_be_visible()


def test_points_of_a_curve_are_added_and_removed(keyboard: Keyboard) -> None:
    def points() -> int:
        return keyboard.root.locator('svg.curve[aria-label^="wage.curve"] circle').count()

    def expect_points(n: int) -> None:
        expect(keyboard.root.locator('svg.curve[aria-label^="wage.curve"] circle')).to_have_count(n)

    start = keyboard.settle()
    _expand_wage(keyboard)
    n = points()
    plot = keyboard.root.locator('svg.curve[aria-label^="wage.curve"]')
    keyboard.reach(keyboard.slider("wage.curve point 2"))
    keyboard.press("Insert")
    expect_points(n + 1)
    keyboard.expect_focus(keyboard.slider("wage.curve point 3"))
    expect(keyboard.entry("wage.curve point 3 x")).to_have_value("1.1")
    keyboard.press("Delete")
    expect_points(n)
    keyboard.root.get_by_role("button", name="Add point").first.click()
    expect_points(n + 1)
    keyboard.root.get_by_role("button", name="Remove point").first.click()
    expect_points(n)
    for count in (n + 1, n, n + 1, n):
        keyboard.button("Undo").click()
        expect_points(count)
    keyboard.back(start)

    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    keyboard.page.mouse.dblclick(box["x"] + 0.3 * box["width"], box["y"] + 0.8 * box["height"])
    expect_points(n + 1)
    keyboard.slider("wage.curve point 2").dblclick()
    expect_points(n)
    keyboard.button("Undo").click()
    expect_points(n + 1)
    keyboard.button("Undo").click()
    expect_points(n)
    keyboard.back(start)
    for count in range(n - 1, 1, -1):
        keyboard.reach(keyboard.slider("wage.curve point 2"))
        keyboard.press("Delete")
        expect_points(count)
    keyboard.press("Delete")
    expect(keyboard.message).to_contain_text("needs 2 to 20 points")
    for count in range(3, n + 1):
        keyboard.button("Undo").click()
        expect_points(count)
    keyboard.back(start)


def test_lost_connection_locks_the_page_within_3_seconds(panel: Server, keyboard: Keyboard) -> None:
    """The page measures the time, because a step of the test takes seconds on a busy machine."""
    keyboard.page.evaluate(_SET_LOST_AFTER, None)
    silences = [_suspend_kernels(panel, keyboard)]
    while silences[-1] >= 3_000 and len(silences) < 5:  # the page itself may have had no processor
        silences.append(_suspend_kernels(panel, keyboard))
    keyboard.page.evaluate(_SET_LOST_AFTER, PATIENCE)
    assert min(silences) < 3_000, silences
    assert min(silences) >= 2_000, silences  # a kernel that pauses for a moment is not lost
    keyboard.expect_focus(keyboard.entry("fee"))
    expect(keyboard.entry("fee")).to_have_value("0.3")
    expect(keyboard.entry("wage.curve point 2 x")).to_be_visible()  # what was open is open
    keyboard.page.keyboard.type("1")
    keyboard.press("Enter")
    keyboard.settle()
    assert keyboard.typed("fee") == {"fee": "0.31"}
    keyboard.button("Undo").click()  # in the initial state, the next test needs no new page and kernel
    expect(keyboard.entry("fee")).to_have_value("0.25")


_SET_LOST_AFTER = """milliseconds => {
  window.scoringLostAfter = milliseconds;
  document.dispatchEvent(new Event("visibilitychange"));  // from now on
}"""


def _suspend_kernels(panel: Server, keyboard: Keyboard) -> int:
    """Suspend the kernels until the page is locked. Return the milliseconds from the last answer to the lock."""
    lost = keyboard.root.locator(".lost")
    expect(lost).to_be_hidden()
    keyboard.settle()
    _expand_wage(keyboard)
    keyboard.reach(keyboard.entry("fee"))
    keyboard.press("Control+a")
    keyboard.page.keyboard.type("0.3")  # a text that is not complete
    kernels = panel.kernels()
    for kernel in kernels:
        kernel.suspend()
    try:
        expect(lost).to_be_visible()
        silence = int(lost.get_attribute("data-silence") or "")
        assert keyboard.root.locator(".left").evaluate("one => one.inert")
    finally:
        for kernel in kernels:
            kernel.resume()
    expect(lost).to_be_hidden()
    return silence


def test_reload_keeps_the_session_and_profiles_are_loaded(keyboard: Keyboard, folder: Path) -> None:
    start = keyboard.settle()
    keyboard.type(keyboard.entry("fee"), "0.6")
    moved, weights = keyboard.settle(start), keyboard.typed(*BASE)
    keyboard.save("dearer")

    saved = Registry(folder / "profiles").use("dearer@1")
    kept = saved.model.weights.components["base"]
    assert {name: round(kept[name], 3) for name in BASE} == {name: float(text) for name, text in weights.items()}

    tries = keyboard.root.locator(".tries li").count()
    keyboard.page.reload()
    keyboard.back(moved)  # the address names the session, whose draft is on disk
    assert keyboard.typed(*BASE) == weights
    expect(keyboard.root.locator(".tries li")).to_have_count(tries)

    keyboard.page.goto(keyboard.page.url.partition("&session=")[0])
    keyboard.back(start)
    keyboard.choose_profile("dearer@1")
    keyboard.reach(keyboard.button("Load"))
    keyboard.press("Enter")
    keyboard.back(moved)
    assert keyboard.typed(*BASE) == weights


def test_trial_is_opened_confirmed_saved_and_promoted(keyboard: Keyboard, folder: Path) -> None:
    root = keyboard.root
    root.get_by_role("tab", name="Search").click()
    keyboard.entry("goal").select_option("NDCG@10")
    keyboard.entry("second goal").select_option("mean fee@40")
    keyboard.entry("number of trials").fill("6")
    keyboard.button("Start").click()
    expect(root.locator(".search")).to_contain_text("The front of NDCG@10 and mean fee@40")
    start = keyboard.settle()
    trial = root.locator('.search button[data-trial]:not([aria-current="true"])').first
    number = trial.get_attribute("data-trial")
    trial.click()
    keyboard.settle(start)
    expect(root.locator(f'.search tr.opened button[data-trial="{number}"]')).to_have_count(1)
    expect(root.locator(".search tr.opened")).to_have_count(1)
    expect(root.locator(".counter")).to_contain_text(re.compile(r"^\d+ settings? compared · 6 search trials"))

    keyboard.button("Confirm").click()
    expect(keyboard.message).to_contain_text("Confirmation on")
    keyboard.button("not saved").click()
    expect(keyboard.message).to_contain_text("Confirmation on")  # the tab lists profiles, but keeps the message
    keyboard.save("searched")
    expect(root.locator(".try-confirmation")).to_contain_text("Confirmation on")

    registry = Registry(folder / "profiles")
    registry.save("elsewhere-for-two-regions", registry.use("searched").model)
    root.get_by_role("tab", name="Weights").click()
    keyboard.choose_profile("elsewhere-for-two-regions@1")
    keyboard.choose_profile("searched@1")
    keyboard.button("Promote…").click()
    dialog = root.get_by_role("dialog", name="Promote a profile")
    expect(dialog).to_contain_text("Confirmation on")
    promote = dialog.get_by_role("button", name="Promote", exact=True)
    promote.click()
    expect(keyboard.message).to_contain_text("“note of the promotion” is empty")
    keyboard.expect_focus(keyboard.entry("note of the promotion"))
    keyboard.entry("note of the promotion").fill("a test")
    promote.click()
    expect(keyboard.message).to_contain_text("“reason to promote anyway” is empty")
    keyboard.entry("reason to promote anyway").fill("a test")
    promote.click()
    expect(dialog.get_by_role("button", name="In use")).to_be_disabled()
    dialog.get_by_role("button", name="Close").click()
    expect(root.locator(".profiles")).to_contain_text("In use (promoted): searched@1.")


@pytest.fixture
def moved(opened: OpenPanel) -> Iterator[Keyboard]:
    """The panel with a move, a job and all folds open. Its size and theme are restored."""
    keyboard = opened.keyboard(is_initial=False)
    keyboard.root.get_by_role("tab", name="Weights").click()
    if keyboard.entry("location").input_value() != "0.7":
        keyboard.type(keyboard.entry("location"), "0.7")
        expect(keyboard.root.locator(".status")).to_contain_text("location ")
        keyboard.settle()
        keyboard.root.locator(".list tbody tr").nth(2).click()
        expect(keyboard.root.get_by_role("heading", name="Why job")).to_be_visible()
        keyboard.settle()
        keyboard.page.evaluate("""() => {
          document.querySelectorAll(".right details").forEach(one => { one.open = true; });
          document.querySelectorAll('.fold[aria-expanded="false"]').forEach(one => one.click());
        }""")
    yield keyboard
    keyboard.page.set_viewport_size(SIZE)
    keyboard.page.emulate_media(color_scheme="light")
    assert opened.monitor.problems == []


def test_nothing_overlaps_at_any_width_and_theme(moved: Keyboard) -> None:
    page, papers = moved.page, set()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 1000})
            for tab in ("Weights", "Rules", "Profiles", "Search"):
                moved.root.get_by_role("tab", name=tab).click()
                moved.settle()
                assert find_layout_problems(page) == [], (theme, width, tab)
            assert measure(page)["header"]["height"] < 155, (theme, width)
            moved.root.get_by_role("tab", name="Weights").click()
            boxes = measure(page)
            papers.add(boxes["paper"])
            for slider in boxes["sliders"]:
                assert slider["width"] > 0.25 * boxes["left"]["width"]
            if width >= 800:
                assert boxes["measures"]["left"] > boxes["left"]["left"] + boxes["left"]["width"]
                page.locator("#rendered_cells").evaluate("one => one.scrollTo(0, one.scrollHeight)")
                stuck = measure(page)
                assert stuck["header"]["top"] == 0
                assert stuck["header"]["height"] < stuck["left"]["top"] + 1 < 200
                page.locator("#rendered_cells").evaluate("one => one.scrollTo(0, 0)")
    assert len(papers) == 2


def test_wheel_over_the_list_scrolls_the_page(moved: Keyboard) -> None:
    rows, all_jobs = moved.root.locator(".list tbody tr"), moved.root.get_by_role("button", name="Show all 40 jobs")
    moved.page.set_viewport_size({"width": 1280, "height": 700})
    rows.nth(2).hover()
    top = measure(moved.page)["measures"]["top"]
    moved.page.mouse.wheel(0, -300)
    moved.page.wait_for_function(
        "top => document.querySelector('table[aria-label^=Measures]').getBoundingClientRect().top > top + 200", arg=top
    )
    assert moved.root.locator(".list").evaluate("one => one.scrollTop") == 0
    all_jobs.click()
    expect(moved.root.get_by_role("button", name="Show fewer jobs")).to_be_visible()
    box = moved.root.locator(".list").bounding_box()
    assert box is not None
    assert box["height"] > 1000  # the whole list


def test_axe_finds_no_problem(moved: Keyboard) -> None:
    module = "axe_playwright_python.sync_playwright"
    axe = pytest.importorskip(module, reason="axe-playwright-python is not installed").Axe()
    for theme, tabs in (("light", ("Search", "Rules", "Profiles", "Weights")), ("dark", ("Weights",))):
        moved.page.emulate_media(color_scheme=theme)
        for tab in tabs:
            moved.root.get_by_role("tab", name=tab).click()
            moved.settle()
            context = ".scoring-page" if tab == "Weights" else ".left"
            results = axe.run(moved.page, context=context).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in results] == [], (theme, tab)


@pytest.mark.long
def test_closed_page_frees_only_its_kernel(panel: Server, monitor: PageMonitor, keyboard: Keyboard) -> None:
    def kernels() -> set[int]:
        return {one.pid for one in panel.kernels()}

    before = kernels()  # kernels of this page and of earlier pages, which end on a reload
    other = monitor.page.context.new_page()
    other.goto(f"{panel.url}?token={panel.token}")
    start = Keyboard(other).settle()
    (first,) = kernels() - before
    other.reload()
    Keyboard(other).settle()
    wait_until(lambda: first not in kernels())
    (second,) = kernels() - before
    other.goto("about:blank")
    wait_until(lambda: second not in kernels())
    other.go_back()
    assert Keyboard(other).settle() == start  # the page has a new kernel
    (third,) = kernels() - before
    other.close(run_before_unload=True)
    wait_until(lambda: third not in kernels())

    keyboard.reach(keyboard.slider("fee"))
    keyboard.press("ArrowRight")
    keyboard.settle(start)


@pytest.mark.long
def test_crashed_page_frees_only_its_kernel(panel: Server, keyboard: Keyboard) -> None:
    start = keyboard.settle()
    wait_until(
        lambda: len(panel.kernels()) == 1, seconds=IDLE_KERNEL_SECONDS + 120
    )  # kernels of other tests have ended
    (open_page,) = panel.kernels()
    with ask_for_page(panel):  # disconnects without ending the kernel
        pass
    assert len(panel.kernels()) == 2
    wait_until(lambda: len(panel.kernels()) == 1, seconds=IDLE_KERNEL_SECONDS + 120)
    assert panel.kernels() == [open_page]
    keyboard.reach(keyboard.slider("fee"))
    keyboard.press("ArrowRight")
    keyboard.settle(start)
