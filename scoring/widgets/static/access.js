// Accessible names for sliders, and key events that stay in the panel. ipywidgets offers neither.

function nameControls(panel) {
  for (const widget of panel.querySelectorAll(".scoring-named")) {
    const control = widget.matches("button") ? widget : widget.querySelector('[role="slider"], input');
    const name = widget.matches("button") ? widget.title : widget.querySelector(".widget-label")?.title;
    if (name && control && control.getAttribute("aria-label") !== name) control.setAttribute("aria-label", name);
  }
}

function render({ el }) {
  let panel = null;
  let frame = 0;
  const observer = new MutationObserver(() => nameControls(panel));
  // JupyterLab handles shortcuts on the document, after the controls. Its attribute data-lm-suppress-shortcuts
  // applies only to the focused element itself, so it cannot be set on the panel.
  const onKey = (event) => {
    const saves = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s"; // a browser would save the page
    if (!saves) event.stopPropagation();
  };
  const attach = () => {
    panel = el.closest(".scoring-panel");
    if (!panel) {
      frame = requestAnimationFrame(attach); // the element is added to the page after it is rendered
      return;
    }
    nameControls(panel);
    observer.observe(panel, { subtree: true, childList: true, attributeFilter: ["title"] });
    panel.addEventListener("keydown", onKey);
  };
  attach();
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    panel?.removeEventListener("keydown", onKey);
  };
}

export default { render };
