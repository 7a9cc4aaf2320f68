// A list of ranked jobs. The arrow keys select a row. A stacked bar shows the points of each job.
// Values are set as text or attributes, never as markup, because titles are untrusted.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const COLUMNS = ["rank", "change", "score", "points by component", "job"];

function element(name, parent, text, attributes = {}) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (parent) parent.appendChild(node);
  return node;
}

function stack(cell, row, names, colours) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} 14`);
  svg.setAttribute("class", "scoring-stack");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", names.map((name, i) => `${name} ${row.points[i].toFixed(1)}`).join(", "));
  let x = 0;
  row.points.forEach((points, i) => {
    const width = (WIDTH * Math.max(points, 0)) / 100;
    const rect = document.createElementNS(SVG, "rect");
    for (const [key, value] of Object.entries({ x, y: 1, width, height: 12, fill: colours[i] })) {
      rect.setAttribute(key, value);
    }
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${names[i]}: ${points.toFixed(2)} points`;
    rect.appendChild(title);
    svg.appendChild(rect);
    x += width;
  });
  cell.appendChild(svg);
}

function kindOf(movement) {
  if (movement.startsWith("▲") || movement === "new") return "up";
  return movement.startsWith("▼") ? "down" : "same";
}

function render({ model, el }) {
  el.classList.add("scoring-ranks");
  const legend = element("p", el, undefined, { class: "scoring-legend" });
  const frame = element("div", el, undefined, { class: "scoring-scroll" });

  const rows = () => Array.from(frame.querySelectorAll("tbody tr"));
  const markSelection = () => {
    const selected = model.get("selected");
    const all = rows();
    const chosen = all.find((row) => row.dataset.job === selected) || all[0];
    for (const row of all) {
      row.setAttribute("aria-selected", String(row.dataset.job === selected));
      row.tabIndex = row === chosen ? 0 : -1;
    }
    return chosen;
  };
  const select = (row) => {
    if (!row) return;
    model.set("selected", row.dataset.job);
    model.save_changes();
    markSelection();
    row.focus({ preventScroll: false });
  };

  const draw = () => {
    const hasFocus = frame.contains(document.activeElement);
    const top = frame.scrollTop;
    const names = model.get("components");
    const colours = model.get("colours");
    legend.replaceChildren();
    names.forEach((name, i) => {
      const entry = element("span", legend, undefined, { class: "scoring-entry" });
      element("span", entry, undefined, { class: "scoring-swatch", style: `background:${colours[i]}` });
      entry.append(name);
    });
    const table = element("table", null, undefined, { role: "grid", "aria-label": model.get("caption") });
    const head = element("tr", element("thead", table));
    COLUMNS.forEach((name) => element("th", head, name, { scope: "col" }));
    const body = element("tbody", table);
    for (const row of model.get("rows")) {
      const line = element("tr", body, undefined, { "data-job": row.job_id });
      element("td", line, row.rank, { class: "n" });
      element("td", line, row.movement, { class: kindOf(row.movement) });
      element("td", line, row.total.toFixed(2), { class: "n" });
      stack(element("td", line), row, names, colours);
      const job = element("td", line);
      element("span", job, row.title || `job ${row.job_id}`);
      element("span", job, [row.company, row.place].filter(Boolean).join(" · "), { class: "muted" });
      line.addEventListener("click", () => select(line));
    }
    frame.replaceChildren(table);
    frame.scrollTop = top;
    const chosen = markSelection();
    if (hasFocus && chosen) chosen.focus({ preventScroll: true });
  };

  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
  frame.addEventListener("keydown", (event) => {
    const all = rows();
    const at = all.indexOf(document.activeElement);
    if (at < 0) return;
    if (event.key === "Enter" || event.key === " ") select(all[at]);
    else if (event.key in steps) select(all[Math.min(Math.max(at + steps[event.key], 0), all.length - 1)]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  model.on("change:rows", draw);
  model.on("change:selected", markSelection);
  draw();
}

export default { render };
