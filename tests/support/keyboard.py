"""The panel operated by keyboard: Tab moves the focus, other keys operate the controls."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

__all__ = ["POLLING", "Keyboard"]

POLLING = 100
"""Milliseconds between two checks of a page. By default a page is drawn and checked 60 times per second."""

_STOPS = 400
_READ = """() => {
  const panel = document.querySelector(".scoring-page");
  const measures = panel?.querySelector('table[aria-label="Measures compared with the baseline"]');
  if (!measures) return null;  // a page that opens gets its parts one after the other
  return {
    list: Array.from(panel.querySelectorAll(".list tbody tr"), row => row.textContent),
    measures: Array.from(measures.querySelectorAll("tbody tr"), row => row.textContent),
  };
}"""
_IS_SETTLED = """() => {
  const { state, pending } = document.querySelector(".scoring-page")?.dataset ?? {};
  return state === "settled" && pending === "false";
}"""
_SETTLED = """(before) => {
  const now = (IS_SETTLED)() ? (READ)() : null;
  if (!now?.list.length) return null;
  const isOther = part => JSON.stringify(now[part]) !== JSON.stringify(before[part]);
  return !before || (isOther("list") && isOther("measures")) ? now : null;
}""".replace("READ", _READ).replace("IS_SETTLED", _IS_SETTLED)
_BACK = "(before) => (IS_SETTLED)() && JSON.stringify((READ)()) === JSON.stringify(before)".replace(
    "READ", _READ
).replace("IS_SETTLED", _IS_SETTLED)
_STOP = """() => {
  const all = Array.from(document.querySelectorAll(
    '.scoring-page :is(button:not(:disabled), input, select, summary, [tabindex])'));
  return all.filter(one => one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }))
    .indexOf(document.activeElement);
}"""
_STOPS_THERE_ARE = _STOP.replace(".indexOf(document.activeElement)", ".length")


class Keyboard:
    """Operate the panel of a page. Its answers are the rows of the list and of the measures, as text.

    The panel is settled if it has answered all events of the page and computed all results. Until then it may replace
    what the page shows, so answers are read only from a settled panel.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".scoring-page")
        self.message = self.root.locator(".message:not(:empty)")

    def settle(self, before: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
        """Return the answers of the settled panel. With `before`, wait until list and measures both differ from it."""
        found = self.page.wait_for_function(_SETTLED, arg=before, polling=POLLING)
        answers: dict[str, list[str]] = found.json_value()
        return answers

    def back(self, before: dict[str, list[str]]) -> None:
        """Wait until the settled panel shows these answers again."""
        self.page.wait_for_function(_BACK, arg=before, polling=POLLING)

    # Controls

    def entry(self, name: str) -> Locator:
        """Return a field by name: a component for its weight, or component.parameter."""
        fields = self.root.locator("input:not([type=range]), select")
        return fields.and_(self.root.get_by_label(name, exact=True))

    def slider(self, name: str) -> Locator:
        """Return the slider with this accessible name."""
        return self.root.get_by_role("slider", name=name, exact=True)

    def names(self, role: str) -> list[str]:
        """Return the accessible names of all controls of a role, including hidden ones."""
        names = self.root.get_by_role(role, include_hidden=True).evaluate_all(  # type: ignore[arg-type]
            "all => all.map(one => one.getAttribute('aria-label') ?? '')"
        )
        return list(names)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def lock(self, name: str) -> Locator:
        either = re.compile(f"^(lock {name}|{name} is locked; unlock it)$")
        return self.root.get_by_role("button", name=either)

    # Keys

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def reach(self, control: Locator) -> None:
        """Focus a control. One test checks that Tab visits every control; pressing it each time takes seconds."""
        expect(control).to_be_enabled()
        control.focus()
        self.expect_focus(control)

    def expect_focus(self, control: Locator) -> None:
        expect(control).to_be_focused()

    def type(self, control: Locator, text: str) -> None:
        """Replace the text of a control."""
        self.reach(control)
        self.press("Control+a")
        self.page.keyboard.type(text)
        self.press("Enter")

    def stops(self) -> tuple[list[int], int]:
        """Return the positions of the controls that Tab visits, in order, and the number of controls."""
        self.settle()  # later results add controls
        for _ in range(_STOPS):
            if self.page.evaluate(_STOP) == 0:
                break
            self.press("Shift+Tab")
        found: list[int] = []
        while len(found) < _STOPS and (at := int(self.page.evaluate(_STOP))) >= 0:
            found.append(at)
            self.press("Tab")
        return found, int(self.page.evaluate(_STOPS_THERE_ARE))

    def save(self, name: str) -> None:
        """Save the model as a profile. Press Save again if the panel asks for it."""
        self.settle()  # a profile has the metrics of its weights
        self.root.get_by_role("tab", name="Profiles").click()
        self.type(self.entry("name"), name)
        saved = f"^Saved as {re.escape(name)}@1\\. "
        expect(self.message).to_have_text(re.compile(f"{saved}|Press Save again"))  # not an earlier message
        if "Press Save again" in self.message.inner_text():
            self.reach(self.button("Save"))
            self.press("Enter")
        expect(self.message).to_have_text(re.compile(saved))

    def choose_profile(self, name: str) -> None:
        """Choose a saved profile. A browser searches typed letters as one word only if they follow within a second."""
        self.root.get_by_role("tab", name="Profiles").click()  # asks for new profiles
        expect(self.entry("profile").locator(f'option[value="{name}"]')).to_be_attached()
        self.settle()
        self.entry("profile").select_option(name)
        expect(self.entry("profile")).to_have_value(name)

    def typed(self, *names: str) -> dict[str, Any]:
        """Return the values of these inputs by name."""
        return {name: self.entry(name).input_value() for name in names}
