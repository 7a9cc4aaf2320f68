// The session: its tries and its profiles.

/** The settled moves as sparklines of the measures, and as a list to return to. */
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
      return make("figure", { class: "spark" }, make("figcaption", {}, name, " ", make("b", {}, formatNumber(last))),
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
    const text = one.name || one.text || (one.id === 1 ? "the first setting" : "another baseline");
    return make("li", { "data-try": one.id, class: one.is_current ? "current" : null },
      make("button", { type: "button", class: "star", "data-role": "star", "aria-pressed": String(one.starred),
        "aria-label": `star try ${one.id}`, onclick: () => page.send({ kind: "try_star", id: one.id, on: !one.starred }) },
        one.starred ? "★" : "☆"),
      make("button", { type: "button", class: "link try-text", "data-role": "return", "aria-current": one.is_current ? "true" : null,
        title: "return to this try", onclick: () => page.send({ kind: "try", id: one.id }) },
        make("span", { class: "muted" }, `${one.id} `), text),
      make("span", { class: "muted try-effect" }, [one.verdict, one.worse_slices ? `▼ ${count(one.worse_slices, "slice")} worse` : "",
        one.note].filter(Boolean).join(" · ")),
      make("button", { type: "button", class: "link", "data-role": "edit", "aria-label": `name and note of try ${one.id}`,
        onclick: () => { edit.hidden = !edit.hidden; } }, "✎"),
      edit);
  }
}

class Profiles {
  constructor(page) {
    this.page = page;
    this.chosen = make("select", { "aria-label": "profile" });
    this.name = make("input", { type: "text", "aria-label": "name", autocomplete: "off", spellcheck: "false",
      onkeydown: (event) => event.key === "Enter" && this.save() });
    this.note = make("input", { type: "text", "aria-label": "note", autocomplete: "off",
      onkeydown: (event) => event.key === "Enter" && this.save() });
    const button = (name, tip, action) => make("button", { type: "button", title: tip, onclick: action }, name);
    this.node = make("div", { class: "profiles" },
      make("h3", {}, "Load"),
      make("div", { class: "field-row" }, make("label", {}, "profile", this.chosen),
        button("Load", "load the weights, parameters and rules of the profile",
          () => page.send({ kind: "load", profile: this.chosen.value }))),
      page.makeMessage("load"),
      make("h3", {}, "Save"),
      make("div", { class: "field-row" }, make("label", {}, "name", this.name)),
      make("div", { class: "field-row" }, make("label", {}, "note", this.note),
        button("Save", "save weights and parameters as a new version of this profile", () => this.save())),
      page.makeMessage("save"));
  }

  save() {
    this.page.send({ kind: "save", name: this.name.value, note: this.note.value });
  }

  show(data) {
    const before = data.chosen || this.chosen.value;
    this.chosen.replaceChildren(make("option", { value: "" }, data.names.length ? "choose a profile" : "no profiles yet"),
      ...data.names.map((name) => make("option", { value: name }, name)));
    this.chosen.value = data.names.includes(before) ? before : "";
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
      ...row.values.map((value, i) => [formatNumber(value), isNumber(row.differences[i]) ? make("span",
        { class: `${row.kinds[i]} beside-difference` }, ` ${KIND_SYMBOLS[row.kinds[i]] ?? ""}${formatSigned(row.differences[i])}`) : ""])]);
    this.body.append(make("div", { class: "scroll" }, makeTable("Measures side by side", columns, rows)),
      make("h4", {}, `Lists of user ${this.page.document.choice.user}`),
      make("div", { class: "beside-lists" }, data.lists.map((list, i) => make("div", {}, make("b", {}, data.columns[i].name),
        make("ol", {}, list.slice(0, 10).map((job) => make("li", {}, job.hit ? make("span", { class: "hit" }, job.hit) : "",
          make("button", { type: "button", class: "link", onclick: () => this.page.send({ kind: "job", id: job.id }) },
            job.title || `job ${job.id}`),
          isNumber(job.baseline_rank) || i === 0 ? "" : make("span", { class: "better" }, " new"))))))));
  }
}
