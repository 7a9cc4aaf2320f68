// A line of text that screen readers announce when it changes. The element is kept; only its text changes.
function render({ model, el }) {
  const line = document.createElement("div");
  line.setAttribute("role", "status");
  line.setAttribute("aria-live", "polite");
  el.classList.add("scoring-live");
  el.appendChild(line);
  const show = () => {
    line.textContent = model.get("text");
    line.dataset.kind = model.get("kind");
  };
  model.on("change:text change:kind", show);
  show();
  // Changes made while the page was loading were not received. This message requests the current state.
  model.send({ shown: true });
}

export default { render };
