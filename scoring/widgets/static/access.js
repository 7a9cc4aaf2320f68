// What ipywidgets leaves out: sliders have names that a screen reader can say, and keys that are pressed in the panel
// are the panel's and none of the notebook's shortcuts.

function nameControls(panel) {
  for (const one of panel.querySelectorAll(".scoring-named")) {
    const control = one.matches("button") ? one : one.querySelector('[role="slider"], input');
    const name = one.matches("button") ? one.title : one.querySelector(".widget-label")?.title;
    if (name && control && control.getAttribute("aria-label") !== name) control.setAttribute("aria-label", name);
  }
}

function render({ el }) {
  let panel = null;
  let frame = 0;
  const observer = new MutationObserver(() => nameControls(panel));
  // JupyterLab looks for its shortcuts on the document, when every control has had the key; its own attribute against
  // that (data-lm-suppress-shortcuts) works only on the very element that has the focus
  const onKey = (event) => {
    const saves = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s"; // a browser would save the page
    if (!saves) event.stopPropagation();
  };
  const begin = () => {
    panel = el.closest(".scoring-panel");
    if (!panel) {
      frame = requestAnimationFrame(begin); // it is put into the page after it is drawn
      return;
    }
    nameControls(panel);
    observer.observe(panel, { subtree: true, childList: true, attributeFilter: ["title"] });
    panel.addEventListener("keydown", onKey);
  };
  begin();
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    panel?.removeEventListener("keydown", onKey);
  };
}

export default { render };
