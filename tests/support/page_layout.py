"""Checks of the layout of the panel's page: its boxes neither overlap nor leave the page."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

__all__ = ["find_layout_problems", "measure"]

_DRAWN = """async () => {
  await document.fonts.ready;
  for (let i = 0; i < 2; i++) await new Promise(drawn => requestAnimationFrame(drawn));
}"""  # observers of sizes are called when a frame is drawn
_PROBLEMS = """() => {
  const page = document.querySelector(".scoring-page");
  const box = one => one.getBoundingClientRect();
  const isShown = one => one.checkVisibility({ visibilityProperty: true }) && box(one).width > 0;
  const name = one =>
    `${one.className || one.tagName} ${one.getAttribute("aria-label") ?? one.textContent.slice(0, 30)}`;
  const problems = [];
  const outer = box(page);
  if (document.documentElement.scrollWidth > window.innerWidth) problems.push("the page scrolls sideways");
  const inside = one => one.closest(".scroll, dialog, .tip, svg, .beside-lists");
  for (const one of page.querySelectorAll("*")) {
    if (!isShown(one) || inside(one)) continue;
    const { left, right } = box(one);
    if (right > outer.right + 1 || left < outer.left - 1) problems.push(`${name(one)} leaves the page`);
  }
  const groups = [
    [...page.querySelectorAll(".card")], [...page.querySelectorAll(".left, .right > .column")],
    ...[...page.querySelectorAll(
      ".weight-row, .parameter-row, .toolbar, .chooser, .header, .rule, .field-row, .tries li")]
      .map(row => [...row.children]),
  ];
  for (const all of groups) {
    const shown = all.filter(isShown);
    for (let i = 0; i < shown.length; i++) {
      for (let j = i + 1; j < shown.length; j++) {
        const [a, b] = [box(shown[i]), box(shown[j])];
        const [wide, high] = [Math.min(a.right, b.right) - Math.max(a.left, b.left),
          Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
        if (wide > 1 && high > 1) problems.push(`${name(shown[i])} overlaps ${name(shown[j])}`);
      }
    }
  }
  for (const one of page.querySelectorAll(".weight-name, .parameter-name, .toolbar button, .tabs button, .verdict")) {
    const isCut = one.clientWidth && one.scrollWidth > one.clientWidth + 1;
    if (isShown(one) && isCut) problems.push(`${name(one)} is cut off`);
  }
  for (const one of page.querySelectorAll(".profiles select")) {
    const context = document.createElement("canvas").getContext("2d");
    context.font = getComputedStyle(one).font;
    const room = one.clientWidth - 32;  // the padding and the arrow
    for (const option of isShown(one) ? one.options : []) {
      if (context.measureText(option.text).width > room) problems.push(`the option ${option.text} is cut off`);
    }
  }
  return problems;
}"""
_MEASURE = """() => {
  const page = document.querySelector(".scoring-page");
  const box = one => {
    const { left, top, width, height } = one.getBoundingClientRect();
    return { left, top, width, height };
  };
  return {
    left: box(page.querySelector(".left")),
    sliders: [...page.querySelectorAll(".weight-row input[type=range]")].map(box),
    measures: box(page.querySelector('table[aria-label="Measures compared with the baseline"]')),
    first: box(page.querySelector(".weight-row")),
    header: box(page.querySelector(".header")),
    paper: getComputedStyle(page).backgroundColor,
  };
}"""


def find_layout_problems(page: Page) -> list[str]:
    """Return what overlaps, leaves the page or is cut off, as sentences."""
    page.evaluate(_DRAWN)
    found: list[str] = page.evaluate(_PROBLEMS)
    return found


def measure(page: Page) -> dict[str, Any]:
    """Return the boxes of the controls and the measures, and the colour of the paper."""
    page.evaluate(_DRAWN)
    found: dict[str, Any] = page.evaluate(_MEASURE)
    return found
