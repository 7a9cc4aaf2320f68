// One line that screen readers are told of when it changes: its element stays, and only the text in it changes.
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
  // what changed while this page was being made never came here: whoever wrote it says it again
  model.send({ shown: true });
}

export default { render };
