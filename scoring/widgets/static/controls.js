// The controls: sliders with number fields, shares and locks, parameters, curves and rules.

/** A slider and its number field. `send(value, drag, isLast)` is called while the slider moves and at its end. */
class SliderField {
  constructor(label, start, end, step, send, format = (value) => String(Number(value.toPrecision(6)))) {
    this.format = format;
    this.drag = 0;
    this.sent = 0; // the number of the last event of this control
    const sendMove = (...values) => {
      this.sent = send(...values) ?? this.sent;
    };
    const whileMoving = throttle((value) => sendMove(value, this.drag, false), 60);
    this.slider = make("input", { type: "range", min: start, max: end, step, "aria-label": label,
      oninput: () => {
        if (!this.isMoving) this.drag += 1;
        this.isMoving = true;
        setValue(this.field, this.slider.value);
        this.paint();
        whileMoving(this.slider.valueAsNumber);
      },
      onchange: () => {
        whileMoving.cancel();
        this.isMoving = false;
        sendMove(this.slider.valueAsNumber, this.drag, true);
      } });
    this.field = watchTyping(make("input", { type: "number", step: "any", "aria-label": label, class: "number-field",
      onchange: () => sendMove(this.field.valueAsNumber, null, true) }));
  }

  paint() {
    const { min, max, valueAsNumber } = this.slider;
    const share = (valueAsNumber - Number(min)) / (Number(max) - Number(min) || 1);
    this.slider.style.setProperty("--share", `${(100 * share).toFixed(2)}%`);
  }

  /** Show a value, unless it answers an earlier event. A value outside the range of the slider extends the range. */
  show(value, text, answered = Infinity) {
    if (answered < this.sent) return;
    if (!this.isMoving) {
      if (value < Number(this.slider.min)) this.slider.min = value;
      if (value > Number(this.slider.max)) this.slider.max = value;
      this.slider.value = value;
    }
    if (!this.isMoving) setValue(this.field, this.format(value));
    if (text) setAttributes(this.slider, { "aria-valuetext": text });
    this.paint();
  }
}

/** The sliders of all groups, components and parameters. */
class Controls {
  constructor(page) {
    this.page = page;
    this.node = make("div", { class: "controls" });
    this.weights = {};
    this.groups = {};
    this.parameters = {};
    this.curves = {};
  }

  build(structure) {
    const key = JSON.stringify(structure);
    if (key === this.key) return; // a page that connects again keeps its focus and its open parts
    this.key = key;
    this.node.replaceChildren(...structure.groups.map((group) => this.buildGroup(group)));
  }

  buildGroup(group) {
    const row = this.buildWeight("group", group.name, null, null);
    this.groups[group.name] = row;
    return make("section", { class: "group", "aria-label": `group ${group.name}` }, row.node,
      this.page.makeMessage(`group:${group.name}`),
      group.components.map((component) => this.buildComponent(component)));
  }

  buildComponent(component) {
    const inside = make("div", { class: "parameters", hidden: true, id: this.page.makeId() });
    const hasInside = component.parameters.length + component.curves.length > 0;
    const fold = hasInside ? make("button", { type: "button", class: "fold", "aria-expanded": "false",
      "aria-controls": inside.id, "aria-label": `parameters of ${component.name}`,
      onclick: () => {
        inside.hidden = !inside.hidden;
        setAttributes(fold, { "aria-expanded": String(!inside.hidden) });
      } }, makeIcon("M6 3l5 5-5 5z")) : make("span", { class: "fold" });
    const row = this.buildWeight("weight", component.name, fold, component.colour);
    this.weights[component.name] = row;
    if (hasInside) {
      inside.append(...component.parameters.flatMap((one) => this.buildParameter(one)),
        ...component.curves.flatMap((one) => this.buildCurve(one)));
    }
    return [row.node, this.page.makeMessage(`weight:${component.name}`), inside];
  }

  buildWeight(kind, name, fold, colour) {
    const row = new SliderField(name, 0, 1, 0.01, (value, drag, isLast) =>
      this.page.send({ kind, name, value, drag: drag === null ? null : `${kind}:${name}:${drag}`, is_last: isLast }),
      (value) => String(Number(value.toFixed(3))));
    row.share = make("span", { class: "share" });
    row.lock = make("button", { type: "button", class: "lock", onclick: () =>
      this.page.send({ kind: kind === "group" ? "lock_group" : "lock", name, on: !row.isLocked }) });
    const swatch = colour && make("span", { class: "swatch", style: `background:${colour}` });
    const title = make("span", { class: "weight-name", "data-tip": `${kind === "group" ? "group" : "component"}:${name}` },
      swatch, name);
    row.node = make("div", { class: `weight-row ${kind}` }, fold ?? make("span", { class: "fold" }), title,
      row.slider, row.field, row.share, row.lock);
    return row;
  }

  buildParameter(parameter) {
    const row = new SliderField(parameter.name, parameter.start, parameter.end, parameter.step, (value, drag, isLast) =>
      this.page.send({ kind: "parameter", name: parameter.name, value,
        drag: drag === null ? null : `${parameter.name}:${drag}`, is_last: isLast }));
    this.parameters[parameter.name] = row;
    const title = make("span", { class: "parameter-name", "data-tip": `parameter:${parameter.name}` }, parameter.label);
    return [make("div", { class: "parameter-row" }, title, row.slider, row.field),
      this.page.makeMessage(`parameter:${parameter.name}`)];
  }

  buildCurve(curve) {
    const editor = new CurveEditor(curve,
      (points, isLast) => this.page.send({ kind: "curve", name: curve.name, points, drag: curve.name, is_last: isLast }),
      (name, value) => this.page.send({ kind: "parameter", name, value, drag: null, is_last: true }));
    this.curves[curve.name] = editor;
    return [editor.node, this.page.makeMessage(`curve:${curve.name}`)];
  }

  show(values) {
    const levels = [[this.groups, values.groups], [this.weights, values.components]];
    for (const [rows, level] of levels) {
      for (const [name, value] of Object.entries(level)) {
        const row = rows[name];
        row.show(value.weight, `${formatNumber(value.weight)}, share of the total ${formatShare(value.share)}`, values.answered);
        setText(row.share, formatShare(value.share));
        if (row.isLocked !== value.is_locked) {
          row.isLocked = value.is_locked;
          const label = value.is_locked ? `${name} is locked; unlock it` : `lock ${name}`;
          setAttributes(row.lock, { "aria-pressed": String(value.is_locked), "aria-label": label, title: label });
          row.lock.replaceChildren(makeIcon(LOCK_PATHS[value.is_locked]));
          row.node.classList.toggle("locked", value.is_locked);
        }
      }
    }
    for (const [name, value] of Object.entries(values.parameters)) this.parameters[name]?.show(value, "", values.answered);
    for (const [name, points] of Object.entries(values.curves)) this.curves[name]?.show(points, values.answered);
  }
}

const RULE_NAMES = {
  open: "open at the time of the lists", not_applied: "not applied to before", company_cooldown_days: "days without the same company",
  min_fee: "minimum fee", max_per_company: "jobs per company, at most", employment_types: "employment types",
};

/** The eligibility rules: on or off, and their numbers. */
class Rules {
  constructor(page) {
    this.page = page;
    this.rows = {};
    this.node = make("div", { class: "rules" });
  }

  show({ rules }) {
    const key = rules.map((rule) => rule.key).join();
    if (key !== this.key) {
      this.key = key;
      this.node.replaceChildren(make("p", { class: "muted" },
        "Rules decide which jobs a list may contain. Turn them on or off, and change their numbers."),
        ...rules.flatMap((rule) => this.build(rule)));
    }
    for (const rule of rules) this.rows[rule.key](rule);
  }

  build(rule) {
    const name = RULE_NAMES[rule.key] ?? rule.name ?? rule.where;
    const send = (event) => this.page.send({ kind: "rule", key: rule.key, ...event });
    const box = make("input", { type: "checkbox", "aria-label": name, onchange: () => send({ on: box.checked }) });
    const changed = make("span", { class: "muted" });
    const more = make("div", { class: "rule-more" });
    const fields = [];
    if (rule.kind === "number") {
      fields.push(watchTyping(make("input", { type: "number", step: "any", "aria-label": `${name}: value`, class: "number-field",
        onchange: (event) => send({ value: event.target.valueAsNumber }) })));
      more.append(...fields, rule.unit ? make("span", { class: "muted" }, rule.unit) : "");
    } else if (rule.kind === "own") {
      rule.numbers.forEach((number, i) => {
        fields.push(watchTyping(make("input", { type: "number", step: "any", "aria-label": `${name}: ${number.label}`,
          class: "number-field", onchange: (event) => send({ value: event.target.valueAsNumber, number: i }) })));
        more.append(make("label", {}, number.label, fields.at(-1)));
      });
    } else if (rule.kind === "choices") {
      more.append(...rule.options.map((option) => {
        const one = make("input", { type: "checkbox", value: option.value, "aria-label": `${name}: ${option.label}`,
          onchange: () => send({ value: fields.filter((field) => field.checked).map((field) => Number(field.value)) }) });
        fields.push(one);
        return make("label", { class: "choice" }, one, `${option.label} (${formatNumber(option.n)})`);
      }));
    }
    this.rows[rule.key] = (now) => {
      box.checked = now.is_on;
      setText(changed, now.is_changed ? "changed" : "");
      if (now.kind === "choices") fields.forEach((field) => { field.checked = now.value.includes(Number(field.value)); });
      else {
        const values = now.kind === "own" ? now.numbers.map((number) => number.value) : [now.value];
        fields.forEach((field, i) => { setValue(field, values[i] ?? ""); });
      }
      more.classList.toggle("off", !now.is_on);
    };
    const title = make("label", { class: "rule-name", "data-tip": `rule:${rule.key}` }, box, name);
    return [make("div", { class: `rule ${rule.kind}` }, title, more, changed), this.page.makeMessage(`rule:${rule.key}`)];
  }
}
