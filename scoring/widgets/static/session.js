// Profiles: load, save.

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
