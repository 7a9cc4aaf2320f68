// Small drawings: intervals, stacked points, waterfalls, sparklines and the editor of a curve.

/** Draw an interval and its value on an axis from -reach to reach. The band holds differences too small to detect. */
function drawInterval(row, reach) {
  const width = 112;
  const half = width / 2;
  if (!isNumber(row.low) || !isNumber(row.high) || !isNumber(row.difference) || !(reach > 0)) return "–";
  const x = (value) => half + (half - 5) * Math.min(Math.max(value / reach, -1), 1);
  const label = `from ${formatSigned(row.low)} to ${formatSigned(row.high)}`;
  const band = isNumber(row.detectable) && row.detectable > 0
    ? makeSvg("rect", { x: x(-row.detectable), y: 1, width: x(row.detectable) - x(-row.detectable), height: 14,
        class: "band" })
    : null;
  return makeSvg("svg", { viewBox: `0 0 ${width} 16`, width, height: 16, role: "img", "aria-label": label,
      class: `interval ${row.kind}` },
    makeSvg("title", {}, label), band,
    makeSvg("line", { x1: half, x2: half, y1: 0, y2: 16, class: "axis" }),
    makeSvg("line", { x1: x(row.low), x2: x(row.high), y1: 8, y2: 8, class: "range" }),
    makeSvg("circle", { cx: x(row.difference), cy: 8, r: 3.5, class: "point" }));
}

function findReach(rows, keys) {
  const ends = rows.flatMap((row) => keys.map((key) => Math.abs(row[key]))).filter(isNumber);
  return 1.1 * Math.max(0, ...ends);
}

/** Draw the points of a job by component as a stacked bar of 100 points. */
function drawStack(row, names, colours) {
  const label = names.map((name, i) => `${name} ${row.points[i].toFixed(1)}`).join(", ");
  let x = 0;
  const bars = row.points.map((points, i) => {
    const width = Math.max(points, 0);
    const bar = makeSvg("rect", { x, y: 0, width, height: 12, fill: colours[i] },
      makeSvg("title", {}, `${names[i]}: ${points.toFixed(2)} points`));
    x += width;
    return bar;
  });
  return makeSvg("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", role: "img", "aria-label": label,
    class: "stack" }, bars);
}

/** Draw one step of a waterfall: a bar from `start` to `end`. */
function drawStep(start, end, low, high, kind) {
  const x = (value) => (100 * (value - low)) / (high - low || 1);
  const [a, b] = [x(start), x(end)].sort((one, two) => one - two);
  return makeSvg("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", class: `step ${kind}`,
    "aria-hidden": "true" }, makeSvg("rect", { x: a, y: 1, width: Math.max(b - a, 0.5), height: 10 }));
}

/** Draw values over tries. A click on a point calls `choose` with its index. */
function drawSparkline(values, current, kinds, label, choose) {
  const width = 200;
  const height = 36;
  const known = values.filter(isNumber);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const step = (width - 10) / Math.max(values.length - 1, 1);
  const x = (i) => 5 + i * step;
  const y = (value) => height - 5 - (high > low ? (height - 10) * ((value - low) / (high - low)) : (height - 10) / 2);
  const points = values.map((value, i) => (isNumber(value) ? `${x(i).toFixed(1)},${y(value).toFixed(1)}` : null));
  const dots = values.map((value, i) => isNumber(value)
    ? makeSvg("path", { d: `M${x(i).toFixed(1)},${y(value).toFixed(1)}h0`, // a round cap stays round in a stretched drawing
        class: `${kinds[i]} ${i === current ? "current" : ""}`, onclick: () => choose(i) },
        makeSvg("title", {}, formatNumber(value)))
    : null);
  return makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "sparkline",
    preserveAspectRatio: "none" },
    makeSvg("polyline", { points: points.filter(Boolean).join(" "), class: "line" }), dots);
}

/** An editor of a curve: a plot with points that the mouse or the arrow keys move, beside number fields. */
class CurveEditor {
  constructor(curve, change, changePoint) {
    this.curve = curve;
    this.change = change;
    this.points = [];
    this.dragged = -1;
    this.size = [260, 130];
    this.plot = makeSvg("svg", { viewBox: `0 0 ${this.size[0]} ${this.size[1]}`, class: "curve", role: "group",
      "aria-label": `${curve.name}: points. Arrow keys move a point, Insert adds one after it, Delete removes it.` });
    this.selected = 0;
    this.adding = makeButton("Add point", `add a point to ${curve.name} after the selected one (Insert, or a double click)`,
      () => this.add());
    this.removing = makeButton("Remove point", `remove the selected point of ${curve.name} (Delete, or a double click on it)`,
      () => this.remove());
    this.fields = make("div", { class: "curve-fields" });
    this.changePoint = changePoint;
    this.sent = 0; // the number of the last event of this curve
    this.send = throttle((isLast) => this.report(isLast), 60);
    this.node = make("div", { class: "curve-editor" }, make("span", { class: "parameter-name", "data-tip": `curve:${curve.name}` }, curve.field),
      this.plot, this.fields, make("div", { class: "curve-buttons" }, this.adding, this.removing));
    this.plot.addEventListener("dblclick", (event) => this.addOrRemove(event));
    this.plot.addEventListener("pointermove", (event) => this.drag(event));
    for (const kind of ["pointerup", "pointercancel"]) this.plot.addEventListener(kind, () => this.drop());
  }

  get range() {
    const xs = this.points.map((point) => point[0]);
    const [start, end] = this.curve.x;
    return [Math.min(start, ...xs), Math.max(end, ...xs)];
  }

  position([x, y]) {
    const [start, end] = this.range;
    const [width, height] = this.size;
    return [12 + ((width - 24) * (x - start)) / (end - start || 1), 10 + (height - 32) * (1 - y / 100)];
  }

  report(isLast) {
    this.sent = this.change(this.points, isLast) ?? this.sent;
  }

  /** Show the points, unless they answer an earlier event. */
  show(points, answered = Infinity) {
    if (this.dragged >= 0 || answered < this.sent) return;
    const isSame = points.length === this.points.length;
    this.points = points.map((point) => [...point]);
    this.selected = Math.min(this.selected, points.length - 1);
    if (!isSame || !this.dots) this.build();
    this.draw();
    if (!isSame && this.isFocusing) this.dots[this.selected].focus();
    this.isFocusing = false;
  }

  build() {
    const [width, height] = this.size;
    this.line = makeSvg("polyline", { class: "line" });
    this.ends = [0, 1].map((i) => makeSvg("text", { x: i ? width - 12 : 12, y: height - 6,
      "text-anchor": i ? "end" : "start", class: "tick" }));
    this.dots = this.points.map((_, i) => makeSvg("circle", { r: 7, tabindex: 0, role: "slider", class: "handle",
      onpointerdown: (event) => this.grab(event, i), onkeydown: (event) => this.press(event, i), onfocus: () => this.select(i) }));
    this.plot.replaceChildren(
      makeSvg("line", { x1: 12, x2: width - 12, y1: height - 22, y2: height - 22, class: "axis" }),
      makeSvg("line", { x1: 12, x2: 12, y1: 10, y2: height - 22, class: "axis" }),
      makeSvg("text", { x: 16, y: 12, class: "tick" }, "100"), ...this.ends, this.line, ...this.dots);
    this.inputs = this.points.map((_, i) => ["x", "value"].map((axis) => watchTyping(make("input", { type: "number", step: "any",
      "aria-label": `${this.curve.name} point ${i + 1} ${axis}`, onfocus: () => this.select(i),
      onchange: (event) => this.changePoint(`${this.curve.name} point ${i + 1} ${axis}`, event.target.valueAsNumber) }))));
    this.fields.replaceChildren(make("span", { class: "muted" }, "x"), make("span", { class: "muted" }, "points"),
      ...this.inputs.flat());
  }

  draw() {
    const [start, end] = this.range;
    const spots = this.points.map((point) => this.position(point));
    const [left, right] = [this.position([start, this.points[0][1]]), this.position([end, this.points.at(-1)[1]])];
    setAttributes(this.line, { points: [left, ...spots, right].map((spot) => spot.join(",")).join(" ") });
    setText(this.ends[0], formatNumber(start));
    setText(this.ends[1], formatNumber(end));
    this.points.forEach((point, i) => {
      const text = `${formatNumber(point[0])} gives ${formatNumber(point[1])} points`;
      this.dots[i].classList.toggle("selected", i === this.selected);
      setAttributes(this.dots[i], { cx: spots[i][0], cy: spots[i][1], "aria-valuenow": point[1], "aria-valuemin": 0,
        "aria-valuemax": 100, "aria-valuetext": text, "aria-label": `${this.curve.name} point ${i + 1}` });
      this.inputs[i].forEach((input, j) => {
        setValue(input, Number(point[j].toPrecision(6)));
      });
    });
  }

  select(i) {
    this.selected = i;
    this.dots.forEach((dot, j) => dot.classList.toggle("selected", j === i));
  }

  /** Add a point: half way from the selected point to the next one, or to the end of the axis. */
  add() {
    const { points, selected } = this;
    const [x, y] = points[selected];
    if (selected + 1 < points.length) {
      const [nextX, nextY] = points[selected + 1];
      this.insert([Number(((x + nextX) / 2).toPrecision(6)), Math.round((y + nextY) / 2)]);
    } else this.insert([Number(Math.max(x + this.curve.step, (x + this.range[1]) / 2).toPrecision(6)), y]);
  }

  /** Remove the point that was double-clicked, or add one there. The plot captures the pointer, so it is the target. */
  addOrRemove(event) {
    const dot = this.dots.indexOf(this.plot.getRootNode().elementFromPoint(event.clientX, event.clientY));
    if (dot >= 0) {
      this.select(dot);
      this.remove();
      return;
    }
    const [x, y] = this.locate(event, this.range);
    const { step } = this.curve;
    this.insert([Number((Math.round(x / step) * step).toPrecision(10)), Math.min(Math.max(Math.round(y), 0), 100)]);
  }

  insert(point) {
    const points = [...this.points, point].sort((a, b) => a[0] - b[0]);
    this.selected = points.indexOf(point);
    this.replace(points);
  }

  remove() {
    this.replace(this.points.filter((_, i) => i !== this.selected));
  }

  /** Send other points. They are shown, and the selected one gets the focus, when the panel has accepted them. */
  replace(points) {
    this.isFocusing = true;
    this.sent = this.change(points, true) ?? this.sent;
  }

  move(i, x, y) {
    const before = i > 0 ? this.points[i - 1][0] : -Infinity;
    const after = i + 1 < this.points.length ? this.points[i + 1][0] : Infinity;
    const step = this.curve.step;
    const rounded = Number((Math.round(x / step) * step).toPrecision(10));
    const isBetween = rounded > before && rounded < after;
    this.points[i] = [isBetween ? rounded : this.points[i][0], Math.min(Math.max(Math.round(y), 0), 100)];
    this.draw();
  }

  grab(event, i) {
    event.preventDefault();
    this.dots[i].focus();
    this.frozen = this.range;
    this.dragged = i;
    this.hasMoved = false;
    this.plot.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (this.dragged < 0) return;
    this.move(this.dragged, ...this.locate(event, this.frozen));
    this.hasMoved = true;
    this.send(false);
  }

  /** Return x and the value at the pointer. */
  locate(event, [start, end]) {
    const [width, height] = this.size;
    const box = this.plot.getBoundingClientRect();
    const [px, py] = [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
    return [start + ((px - 12) / (width - 24)) * (end - start), 100 * (1 - (py - 10) / (height - 32))];
  }

  drop() {
    if (this.dragged < 0) return;
    this.dragged = -1;
    this.send.cancel();
    if (this.hasMoved) this.report(true);
  }

  press(event, i) {
    const action = { Insert: () => this.add(), Delete: () => this.remove(), Backspace: () => this.remove() }[event.key];
    if (action) {
      event.preventDefault();
      this.select(i);
      action();
      return;
    }
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    const times = event.shiftKey ? 10 : 1;
    const [x, y] = this.points[i];
    this.move(i, x + dx * times * this.curve.step, y + dy * times);
    this.report(true);
  }
}
