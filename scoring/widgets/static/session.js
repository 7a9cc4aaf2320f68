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
