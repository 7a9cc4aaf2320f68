// The session: its tries and its profiles.

/** The tries as sparklines of the measures, and as a list to return to. */
class History {
  constructor(page) {
    this.page = page;
    this.lines = make("div", { class: "sparklines" });
    this.tries = make("ol", { class: "tries" });
    this.all = make("button", { type: "button", class: "link", onclick: () => {
      this.isLong = !this.isLong;
      this.draw();
    } });
    this.section = makeSection("History of tries", page.makeMessage("history"), this.lines, this.tries, this.all);
    this.node = this.section.node;
    this.node.hidden = true;
  }

  show(data) {
    this.data = data;
    this.node.hidden = data.tries.length < 2;
    this.draw();
  }

  draw() {
    const { tries, measures } = this.data;
    const shown = tries.slice(-60);
    const current = shown.findIndex((one) => one.is_current);
    this.lines.replaceChildren(...measures.map(({ name }) => {
      const values = shown.map((one) => one.values[name]);
      const kinds = shown.map((one) => ({ 1: "better", "-1": "worse" }[one.marks[name]] ?? "quiet"));
      const last = values[current] ?? values.at(-1);
      return make("figure", { class: "spark" }, make("figcaption", {}, name, " ", make("b", {}, formatMeasure(last))),
        drawSparkline(values, current, kinds, `${name} over ${count(values.length, "tr")}`.replace(/tr$/, "try").replace(/trs$/, "tries"),
          (i) => this.page.send({ kind: "try", id: shown[i].id })));
    }));
    const focused = document.activeElement?.closest?.("[data-try]")?.dataset.try;
    const role = document.activeElement?.dataset?.role;
    const recent = [...tries].reverse();
    const limited = this.isLong ? recent : recent.filter((one, i) => i < 6 || one.is_current || one.starred || one.name);
    if (!this.tries.querySelector("input:focus")) {
      this.tries.replaceChildren(...limited.map((one) => this.makeTry(one)));
      if (focused) this.tries.querySelector(`[data-try="${focused}"] [data-role="${role}"]`)?.focus({ preventScroll: true });
    }
    this.all.hidden = recent.length <= limited.length && !this.isLong;
    setText(this.all, this.isLong ? "Show fewer tries" : `Show all ${recent.length} tries`);
  }

  makeTry(one) {
    const { page } = this;
    const edit = make("div", { class: "try-edit", hidden: true },
      ...[["name", "try_name", one.name], ["note", "try_note", one.note]].map(([name, kind, value]) =>
        make("label", {}, name, make("input", { type: "text", value, "aria-label": `${name} of try ${one.id}`,
          onchange: (event) => {
            event.target.blur();
            page.send({ kind, id: one.id, [name]: event.target.value });
          } }))));
    const changes = one.text.split(", ");
    const short = changes.slice(0, 3).join(", ") + (changes.length > 3 ? ` and ${changes.length - 3} more` : "");
    const text = one.name || short || (one.id === 1 ? "the first setting" : "another baseline");
    return make("li", { "data-try": one.id, class: one.is_current ? "current" : null },
      make("button", { type: "button", class: "star", "data-role": "star", "aria-pressed": String(one.starred),
        "aria-label": `star try ${one.id}`, onclick: () => page.send({ kind: "try_star", id: one.id, on: !one.starred }) },
        one.starred ? "★" : "☆"),
      make("button", { type: "button", class: "link try-text", "data-role": "return", "aria-current": one.is_current ? "true" : null,
        title: `return to this try${one.text ? `: ${one.text}` : ""}`, onclick: () => page.send({ kind: "try", id: one.id }) },
        make("span", { class: "muted" }, `${one.id} `), text),
      make("span", { class: "muted try-effect" }, [one.verdict, one.worse_slices ? `▼ ${count(one.worse_slices, "slice")} worse` : "",
        one.confirmation && !one.is_current ? "confirmation: click to read it" : "", one.note].filter(Boolean).join(" · ")),
      make("button", { type: "button", class: "link", "data-role": "edit", "aria-label": `name and note of try ${one.id}`,
        onclick: () => { edit.hidden = !edit.hidden; } }, "✎"),
      one.confirmation && one.is_current ? make("p", { class: "muted try-confirmation" }, one.confirmation) : "",
      edit);
  }
}

class Profiles {
  constructor(page) {
    this.page = page;
    this.chosen = make("select", { "aria-label": "profile" });
    this.inUse = make("p", { class: "muted" });
    this.name = make("input", { type: "text", "aria-label": "name", autocomplete: "off", spellcheck: "false",
      onkeydown: (event) => event.key === "Enter" && this.save() });
    this.note = make("input", { type: "text", "aria-label": "note", autocomplete: "off",
      onkeydown: (event) => event.key === "Enter" && this.save() });
    const button = (name, tip, action) => make("button", { type: "button", title: tip, onclick: action }, name);
    this.node = make("div", { class: "profiles" },
      make("h3", {}, "Save"),
      make("div", { class: "field-row" }, make("label", {}, "name", this.name)),
      make("div", { class: "field-row" }, make("label", {}, "note", this.note),
        button("Save", "save weights and parameters as a new version of this profile", () => this.save())),
      page.makeMessage("save"),
      make("h3", {}, "Load or promote"),
      make("div", { class: "field-row" }, make("label", {}, "profile", this.chosen),
        button("Load", "load the weights, parameters and rules of the profile",
          () => page.send({ kind: "load", profile: this.chosen.value })),
        button("Promote…", "show the evidence for a promotion of the profile",
          () => page.promotion.ask(this.chosen.value))),
      page.makeMessage("load"), page.makeMessage("evidence"), this.inUse);
  }

  save() {
    this.page.send({ kind: "save", name: this.name.value, note: this.note.value });
  }

  show(data) {
    const before = data.chosen && data.chosen !== this.saved ? data.chosen : this.chosen.value; // keep a later choice
    this.saved = data.chosen;
    const known = JSON.stringify([data.names, data.in_use]);
    if (known !== this.known) { // replacing equal options would disturb a user who chooses
      this.known = known;
      this.chosen.replaceChildren(make("option", { value: "" }, data.names.length ? "choose a profile" : "no profiles yet"),
        ...data.names.map((name) => make("option", { value: name }, name === data.in_use ? `${name} (in use)` : name)));
    }
    this.chosen.value = data.names.includes(before) ? before : "";
    setText(this.inUse, data.in_use ? `In use (promoted): ${data.in_use}.` : "");
  }
}

/** The baseline, the current weights and saved profiles, side by side. */
class Beside {
  constructor(page) {
    this.page = page;
    this.choices = make("div", { class: "choices" });
    this.body = make("div", {});
    this.section = makeSection("Side by side", make("p", { class: "muted" },
      "Compare the baseline and the current weights with saved profiles."), this.choices, page.makeMessage("beside"), this.body);
    this.node = this.section.node;
    this.node.classList.add("whole-width");
    this.node.hidden = true;
  }

  showProfiles(data) {
    this.node.hidden = !data.names.length;
    const key = JSON.stringify(data.names);
    if (key === this.key) return;
    this.key = key;
    const chosen = this.chosen;
    this.choices.replaceChildren(...data.names.slice(0, 12).map((name) => make("label", {},
      make("input", { type: "checkbox", value: name, checked: chosen.includes(name), onchange: () =>
        this.page.send({ kind: "beside", profiles: this.chosen }) }), name)));
  }

  get chosen() {
    return Array.from(this.choices.querySelectorAll("input:checked"), (box) => box.value);
  }

  show(data) {
    this.body.replaceChildren();
    if (!data) return;
    const columns = [{ name: "measure" }, ...data.columns.map((column) => ({ name: column.name, kind: "number" }))];
    const rows = data.measures.map((row) => [[row.measure, make("span", { class: "muted" }, ` ${GOOD_ARROW[row.good]}`)],
      ...row.values.map((value, i) => [formatMeasure(value), isNumber(row.differences[i]) ? make("span",
        { class: `${row.kinds[i]} beside-difference` }, ` ${KIND_SYMBOLS[row.kinds[i]] ?? ""}${formatSigned(row.differences[i], true)}`) : ""])]);
    this.body.append(make("div", { class: "scroll" }, makeTable("Measures side by side", columns, rows)),
      make("h4", {}, `Lists of user ${this.page.document.choice.user}`),
      make("div", { class: "beside-lists" }, data.lists.map((list, i) => make("div", {}, make("b", {}, data.columns[i].name),
        make("ol", {}, list.slice(0, 10).map((job) => make("li", {}, job.hit ? make("span", { class: "hit" }, job.hit) : "",
          make("button", { type: "button", class: "link", onclick: () => this.page.send({ kind: "job", id: job.id }) },
            job.title || `job ${job.id}`),
          isNumber(job.baseline_rank) || i === 0 ? "" : make("span", { class: "better" }, " new"))))))));
  }
}

/** A search for better weights in the background. */
class Search {
  constructor(page) {
    this.page = page;
    const goal = (label) => make("select", { "aria-label": label });
    this.goals = [goal("goal"), goal("second goal"), goal("third goal")];
    this.trials = make("input", { type: "number", value: 100, min: 1, "aria-label": "number of trials", class: "number-field" });
    this.start = make("button", { type: "button", onclick: () => page.send({ kind: "search", trials: this.trials.valueAsNumber,
      goals: this.goals.map((one) => one.value).filter(Boolean) }) }, "Start");
    this.stop = make("button", { type: "button", onclick: () => page.send({ kind: "search_stop" }) }, "Stop");
    this.progress = make("progress", { max: 100, value: 0, "aria-label": "trials done" });
    this.text = make("p", { class: "muted", role: "status" });
    this.result = make("div", {});
    this.node = make("div", { class: "search" },
      make("p", { class: "muted" }, "Search for better weights, from the current ones. Locked weights, parameters and rules "
        + "do not change. The trials use the train users; Confirm tests a result on other users."),
      make("div", { class: "field-row" }, make("label", {}, "improve", this.goals[0])),
      make("div", { class: "field-row" }, make("label", {}, "and", this.goals[1]), make("label", {}, "and", this.goals[2])),
      make("div", { class: "field-row" }, make("label", {}, "trials", this.trials), this.start, this.stop),
      page.makeMessage("search"), this.progress, this.text, this.result);
    this.progress.hidden = true;
    this.stop.disabled = true;
  }

  showMeasures(rows) {
    const names = rows.map((row) => row.measure);
    if (this.goals[0].options.length) return;
    this.goals.forEach((one, i) => one.replaceChildren(...(i ? [make("option", { value: "" }, "–")] : []),
      ...names.filter((_, j) => rows[j].good).map((name) => make("option", { value: name }, name))));
  }

  /** Mark the trial whose weights the panel has. */
  markOpened() {
    const digest = this.page.document.values?.digest;
    for (const node of this.result.querySelectorAll("[data-digest]")) {
      const isOpened = node.dataset.digest === digest;
      const mark = node.closest("tr") ?? node;
      mark.classList.toggle("opened", isOpened);
      setAttributes(node, { "aria-current": isOpened ? "true" : null });
    }
  }

  show(data) {
    const isRunning = data.state === "running";
    const focused = this.result.contains(document.activeElement) ? document.activeElement.dataset : {};
    this.start.disabled = isRunning;
    this.stop.disabled = !isRunning;
    this.progress.hidden = data.state === "idle";
    setAttributes(this.progress, { max: data.total || 1 });
    this.progress.value = data.done;
    const time = `${Math.round(data.seconds)} s`;
    setText(this.text, data.state === "idle" ? "" : data.message
      || (data.stage === "preparing" ? "Preparing the search…" : `${data.done} of ${count(data.total, "trial")}, ${time}`));
    const key = JSON.stringify([data.goals, data.front, data.best, data.start]);
    if (key === this.key) return; // a click between two equal drawings would be lost
    this.key = key;
    const names = data.goals.map((goal) => goal.name);
    const open = (one) => make("button", { type: "button", "aria-label": `Open trial ${one.trial}`,
      "data-trial": one.trial, "data-digest": one.digest, onclick: () => this.page.send({ kind: "search_open", trial: one.trial }) }, "Open");
    const columns = [{ name: "trial", kind: "number" }, ...names.map((name) => ({ name, kind: "number" })), { name: "" }];
    const shown = data.front.length ? data.front : data.best ? [data.best] : [];
    const rows = shown.map((one) => [one.trial, ...one.values.map((value) => formatMeasure(value)), open(one)]);
    this.result.replaceChildren(
      data.best && data.front.length < 2 ? make("p", {}, make("b", {}, "Best: "), `${data.best.text || "the current weights"}; `
        + names.map((name, i) => `${name} ${formatNumber(data.start[i])} → ${formatNumber(data.best.values[i])}`).join(", ")) : "",
      data.front.length > 1 ? this.drawFront(data) : "",
      rows.length ? make("div", { class: "scroll" }, makeTable("Results of the search", columns, rows)) : "");
    this.markOpened();
    if (focused.trial) this.result.querySelector(`${focused.point ? "circle" : "button"}[data-trial="${focused.trial}"]`)?.focus({ preventScroll: true });
  }

  /** Draw the first two goals of the best trials. A click opens a trial. */
  drawFront(data) {
    const [width, height] = [340, 190];
    const points = data.front.map((one) => one.values);
    const all = [...points, data.start].filter((values) => values?.slice(0, 2).every(isNumber));
    const axis = (i, length) => {
      const values = all.map((one) => one[i]);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return { low, high, at: (value) => (length * (value - low)) / (high - low || 1) };
    };
    const [x, y] = [axis(0, width - 84), axis(1, height - 60)];
    const spot = (values) => ({ cx: 64 + x.at(values[0]), cy: height - 36 - y.at(values[1]) });
    const names = data.goals.map((goal) => goal.name);
    const text = (at, anchor, content) => makeSvg("text", { ...at, "text-anchor": anchor, class: "tick" }, content);
    return makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, class: "front", role: "group",
      "aria-label": `Front of ${names[0]} and ${names[1]}` },
      makeSvg("rect", { x: 52, y: 12, width: width - 60, height: height - 40, class: "frame" }),
      text({ x: width / 2 + 26, y: height - 4 }, "middle", names[0]), text({ x: 52, y: 9 }, "start", names[1]),
      text({ x: 56, y: height - 16 }, "start", formatNumber(x.low)), text({ x: width - 12, y: height - 16 }, "end", formatNumber(x.high)),
      text({ x: 48, y: height - 32 }, "end", formatNumber(y.low)), text({ x: 48, y: 24 }, "end", formatNumber(y.high)),
      makeSvg("path", { d: `M${spot(data.start).cx - 5},${spot(data.start).cy}h10m-5,-5v10`, class: "start" },
        makeSvg("title", {}, "the weights at the start")),
      data.front.map((one) => makeSvg("circle", { ...spot(one.values), r: 5, tabindex: 0, role: "button",
        "data-trial": one.trial, "data-digest": one.digest, "data-point": "true", "aria-label": `Open trial ${one.trial}: ${names.map((name, i) =>
          `${name} ${formatNumber(one.values[i])}`).join(", ")}`,
        onclick: () => this.page.send({ kind: "search_open", trial: one.trial }),
        onkeydown: (event) => ["Enter", " "].includes(event.key) && this.page.send({ kind: "search_open", trial: one.trial }) },
        makeSvg("title", {}, `trial ${one.trial}: ${one.text}`))));
  }
}

/** The evidence for a promotion, and its form. */
class Promotion {
  constructor(page) {
    this.page = page;
    this.body = make("div", { class: "promotion-body" });
    this.node = make("dialog", { "aria-label": "Promote a profile", class: "promotion" }, this.body, page.makeMessage("promote"));
  }

  /** Ask for the evidence of a profile. The dialog opens when it arrives. */
  ask(profile) {
    this.isAsked = true;
    this.page.send({ kind: "evidence", profile });
  }

  promote(data) {
    const [note, force] = [this.note.value, this.force.value];
    const empty = !note.trim() ? this.note : data.needs_force && !force.trim() ? this.force : null;
    if (!empty) this.page.send({ kind: "promote", profile: data.profile, note, force });
    else {
      empty.focus();
      this.page.showProblem({ at: "promote", kind: "failed", text: `The field “${empty.ariaLabel}” is empty. It is required.` });
    }
  }

  show(data) {
    this.note = make("input", { type: "text", "aria-label": "note of the promotion", "aria-required": "true" });
    this.force = make("input", { type: "text", "aria-label": "reason to promote anyway", "aria-required": "true" });
    const columns = [{ name: "measure" }, { name: "value", kind: "number", hide: "narrow" }, { name: "difference", kind: "number" },
      { name: "result" }];
    const list = (title, items, kind) => items.length ? [make("h4", { class: kind }, title),
      make("ul", {}, items.map((item) => make("li", {}, makeText(item))))] : [];
    const field = (text, input) => make("label", { class: "promotion-field" }, make("span", {}, text, make("b", {}, " (required)")), input);
    this.body.replaceChildren(make("h3", {}, `Promote ${data.profile}`),
      make("p", { class: "muted" }, data.is_in_use ? `${data.profile} is in use: the next run ranks with it.`
        : `The next run will rank with this profile instead of ${data.in_use ?? "standard"}.`),
      make("dl", {}, data.facts.map((fact) => [make("dt", {}, fact.label), make("dd", {}, String(fact.value ?? "–"))])),
      data.changes.length ? make("div", { class: "scroll" }, makeTable("Test metrics", columns, data.changes.map((row) => [row.measure,
        formatNumber(row.value), make("span", { class: row.kind }, row.text ? row.text.replaceAll("-", "−") : formatSigned(row.difference)),
        make("span", { class: row.kind }, row.result)]))) : "",
      ...[data.slices, data.price].filter(Boolean).map((text) => make("p", {}, makeText(text.replace(/(?<![\w-])-(?=\d)/g, "−")))),
      ...list("Confirmation in this panel", data.confirmations ?? [], ""),
      ...list("Warnings", data.warnings, ""), ...list("Objections", data.objections, "worse"),
      !data.is_in_use && data.objections.some((text) => text.includes("`")) ? make("p", { class: "muted" },
        "Run the command in another terminal, then open this dialog again.") : "",
      ...(data.is_in_use ? [] : [field("Note: why this profile is promoted", this.note),
        data.needs_force ? field("Reason to promote it in spite of the objections", this.force) : ""]),
      make("div", { class: "field-row" },
        make("button", { type: "button", class: "primary", disabled: data.is_in_use, onclick: () => this.promote(data) },
          data.is_in_use ? "In use" : "Promote"),
        make("button", { type: "button", onclick: () => this.node.close() }, "Close")));
    if (this.isAsked && !this.node.open) this.node.showModal();
    this.isAsked = false;
  }
}
