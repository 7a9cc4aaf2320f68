// The results: measures, the list of a user, one job, slices, overlap and notes.

function makeSection(title, ...inside) {
  const heading = make("h3", {}, title);
  const node = make("section", { class: "card", "aria-label": title }, heading, ...inside);
  return { node, heading };
}

/** The measures of all users, compared with the baseline. */
class Measures {
  constructor(page) {
    this.page = page;
    this.note = make("p", { class: "muted" });
    this.body = make("div", { class: "scroll" });
    this.reasons = make("div", { class: "muted" });
    this.moves = make("p", { class: "muted moves" });
    this.node = makeSection("All users", this.note, this.body, this.moves, this.reasons).node;
  }

  show(data) {
    const hasPrice = data.rows.some((row) => row.is_price);
    setText(this.note, `${count(data.n_users, "train user")}, compared with the baseline. ↑ higher is better, ↓ lower is `
      + `better.${data.rows.some((row) => row.detectable > 0) ? " The grey band holds differences that are too small to get a mark." : ""}`
      + (hasPrice ? ` ! worse by more than ${Math.round(100 * data.price_share)} %.` : ""));
    setText(this.moves, `Marks are exploratory: corrected over the ${data.n_tests} measures but not over moves. This `
      + `session has compared ${count(data.n_compared, "setting")}`
      + `${data.n_trials ? `, ${count(data.n_trials, "trial")} of searches among them` : ""}; with many, some marks are chance. Confirm tests the `
      + `current weights once on other users.`);
    this.reasons.replaceChildren(...data.reasons.map((reason) => make("p", {}, reason)));
    const columns = [
      { name: "measure" }, { name: "baseline", kind: "number", hide: "medium" }, { name: "now", kind: "number" },
      { name: "difference", kind: "number" }, { name: `${Math.round(100 * data.level)} % interval`, hide: "narrow" },
      { name: "mark" },
    ];
    const rows = data.rows.map((row) => [
      make("span", { class: "measure-name", "data-tip": `measure:${row.measure}` }, row.measure,
        row.good ? make("span", { class: "muted", role: "img", "aria-label": GOOD_WORDS[row.good] }, ` ${GOOD_ARROW[row.good]}`) : "",
        row.unit && row.unit.length < 12 ? make("span", { class: `unit${row.unit.length > 4 ? " long" : ""}` }, ` ${row.unit}`) : ""),
      formatMeasure(row.baseline), formatMeasure(row.now),
      make("span", { class: row.is_price ? "worse" : row.kind },
        formatSigned(row.difference, true), row.difference && isNumber(row.relative)
          ? make("span", { class: "relative" }, ` ${formatPercent(row.relative)}`) : null,
        row.is_price ? make("span", { title: "worse by more than 10 %" }, " !") : null),
      drawInterval(row, findReach([row], ["low", "high", "detectable"])),
      make("span", { class: `verdict ${row.kind}` }, `${KIND_SYMBOLS[row.kind]} ${row.verdict}`.trim()),
    ]);
    const table = makeTable("Measures compared with the baseline", columns, rows);
    this.body.replaceChildren(table);
  }
}

function formatPercent(share) {
  const text = Math.abs(share) < 0.1 ? (100 * share).toFixed(1) : (100 * share).toFixed(0);
  return `${share > 0 ? "+" : ""}${text} %`.replace("-", "−");
}

function kindOfMovement(movement) {
  if (movement.startsWith("▲") || movement === "new") return "better";
  return movement.startsWith("▼") ? "worse" : "quiet";
}

/** The list of one user. The arrow keys choose a job. */
class RankList {
  constructor(page) {
    this.page = page;
    this.chosen = "";
    this.sent = 0; // the number of the last event that chose a user or a job
    const choose = (kind, field) => {
      this.sent = page.send({ kind, id: field.value.trim() }) ?? this.sent;
    };
    this.user = watchTyping(make("input", { type: "text", "aria-label": "user", size: 12, spellcheck: "false",
      autocomplete: "off", onchange: () => choose("user", this.user) }));
    this.job = watchTyping(make("input", { type: "text", "aria-label": "job", size: 12, spellcheck: "false",
      autocomplete: "off", placeholder: "id", onchange: () => choose("job", this.job) }));
    this.at = make("span", { class: "muted" });
    const step = (by, name, key, symbol) => make("button", { type: "button", class: "step-user",
      "aria-label": `${name} user`, title: `${name} user (${key})`, onclick: () => page.send({ kind: "step", by }) }, symbol);
    this.chooser = make("div", { class: "chooser" },
      make("label", {}, "user", this.user), step(-1, "Previous", "K", "‹"), step(1, "Next", "J", "›"), this.at,
      make("label", {}, "job", this.job));
    this.finder = new Finder(page);
    this.filter = new Filter(page);
    this.card = new CardView("About this user");
    this.legend = make("p", { class: "legend" });
    this.frame = make("div", { class: "scroll list short" });
    this.all = make("button", { type: "button", class: "link", onclick: () => this.expand(!this.isLong) });
    this.isLong = false;
    this.removed = make("p", { class: "muted" });
    this.note = make("p", { class: "muted" });
    this.missed = make("div", {});
    this.actions = null;
    this.frame.addEventListener("keydown", (event) => this.press(event));
    this.section = makeSection("One user", this.chooser, page.makeMessage("user"), page.makeMessage("job"), this.finder.node,
      this.filter.node, this.card.node, this.note, this.legend, this.frame, this.all, this.missed, this.removed);
    this.node = this.section.node;
  }

  showChoice(choice) {
    if (choice.answered < this.sent) return; // it answers an earlier event
    setValue(this.user, choice.user);
    setValue(this.job, choice.job);
    this.chosen = choice.job;
    const n = this.page.document.session?.n_users;
    if (!this.page.document.filters) setText(this.at, choice.at ? `${choice.at} of ${n}` : "");
    this.markChosen();
  }

  show(data) {
    const focused = this.frame.contains(document.activeElement) ? document.activeElement.dataset.job : null;
    const top = data.user === this.shownUser ? this.frame.scrollTop : 0;
    this.shownUser = data.user;
    const key = JSON.stringify([data.components, data.colours]);
    if (key !== this.legendKey) {
      this.legendKey = key;
      this.legend.replaceChildren(...data.components.map((name, i) => make("span", { class: "entry" },
        make("span", { class: "swatch", style: `background:${data.colours[i]}` }), name)));
    }
    const columns = [
      { name: "rank", kind: "number" }, { name: "moved" }, { name: "score", kind: "number" },
      { name: "points by component", hide: "narrow" }, { name: "job" },
    ];
    this.rows = data.rows;
    setText(this.note, data.note);
    const rows = data.rows.map((row) => [
      row.rank,
      make("span", { class: kindOfMovement(row.movement) }, row.movement),
      row.score.toFixed(2),
      drawStack(row, data.components, data.colours),
      [make("span", { class: "job-title" }, row.title || `job ${row.id}`),
        make("span", { class: "muted" }, [row.company, row.place].filter(Boolean).join(" · "))],
    ]);
    const table = makeTable(`List of user ${data.user}. Use the arrow keys to choose a job.`, columns, rows);
    table.setAttribute("role", "grid");
    Array.from(table.tBodies[0].rows).forEach((line, i) => {
      line.dataset.job = data.rows[i].id;
      line.addEventListener("click", () => this.choose(line));
    });
    this.frame.replaceChildren(table);
    this.expand(this.isLong);
    this.frame.scrollTop = top;
    this.markHits();
    const chosen = this.markChosen();
    if (focused !== null) (this.lines.find((line) => line.dataset.job === focused) ?? chosen)?.focus({ preventScroll: true });
    this.removed.replaceChildren(...this.describeRemoved(data.removed).flat(Infinity));
  }

  /** Mark the jobs on which the user acted after the cut, and list those that are not in the list. */
  showActions(data) {
    this.actions = data;
    this.markHits();
    const rows = data.missed.map((job) => [
      isNumber(job.rank) ? formatNumber(job.rank) : "–",
      isNumber(job.rank_before) ? formatNumber(job.rank_before) : "–",
      make("span", { class: "hit" }, job.text),
      make("button", { type: "button", class: "link", onclick: () => this.page.send({ kind: "job", id: job.id }) },
        job.title || `job ${job.id}`),
      job.reason,
    ]);
    const columns = [{ name: "rank", kind: "number" }, { name: "baseline", kind: "number" }, { name: "action" },
      { name: "job" }, { name: "not ranked", hide: "medium" }];
    const isOpen = this.missed.querySelector("details")?.open ?? false;
    const title = `${count(data.missed.length, "job")} that the user acted on later ${data.missed.length === 1 ? "is" : "are"} `
      + "not in the list";
    this.missed.replaceChildren(data.hidden ? make("p", { class: "muted" }, data.hidden) : "",
      rows.length ? make("details", { open: isOpen }, make("summary", {}, title), makeTable(title, columns, rows)) : "");
  }

  markHits() {
    const hits = this.actions?.hits ?? {};
    for (const line of this.lines) {
      const hit = hits[line.dataset.job];
      line.classList.toggle("is-hit", Boolean(hit));
      const cell = line.lastElementChild;
      cell.querySelector(".hit")?.remove();
      if (hit) {
        cell.prepend(make("span", { class: "hit", title: hit.is_counted ? "the metrics count this job"
          : "the metrics do not count this job" }, `${hit.is_counted ? "✓" : "·"} ${hit.text}`));
      }
    }
  }

  describeRemoved(removed) {
    if (!removed.length) return [];
    const few = removed.slice(0, 8).map(([job, rank], i) => [i ? ", " : "", this.page.makeJobLink(job), ` (was ${rank})`]);
    const more = removed.length > 8 ? ` and ${removed.length - 8} more` : "";
    return [`${count(removed.length, "job")} no longer in the list: `, few, `${more}.`];
  }

  get lines() {
    return Array.from(this.frame.querySelectorAll("tbody tr"));
  }

  markChosen() {
    const all = this.lines;
    const chosen = all.find((line) => line.dataset.job === this.chosen) ?? all[0];
    for (const line of all) {
      line.setAttribute("aria-selected", String(line.dataset.job === this.chosen));
      line.tabIndex = line === chosen ? 0 : -1;
    }
    return chosen;
  }

  /** Show all rows, or as many as fit beside the measures. */
  expand(isLong) {
    this.isLong = isLong;
    this.frame.classList.toggle("short", !isLong);
    this.all.hidden = !isLong && this.frame.scrollHeight <= this.frame.clientHeight + 1;
    setText(this.all, isLong ? "Show fewer jobs" : `Show all ${this.rows?.length} jobs`);
  }

  choose(line) {
    if (!line) return;
    if (line.offsetTop + line.offsetHeight > this.frame.clientHeight) this.expand(true);
    this.chosen = line.dataset.job;
    this.markChosen();
    line.focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest" });
    this.sent = this.page.send({ kind: "job", id: line.dataset.job }) ?? this.sent;
  }

  press(event) {
    const all = this.lines;
    const at = all.indexOf(document.activeElement);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
    if (at < 0) return;
    if (event.key === "Enter" || event.key === " ") this.choose(all[at]);
    else if (event.key in steps) this.choose(all[Math.min(Math.max(at + steps[event.key], 0), all.length - 1)]);
    else return;
    event.preventDefault();
  }
}

/** Find users and jobs by text. */
class Finder {
  constructor(page) {
    this.page = page;
    this.text = make("input", { type: "search", "aria-label": "text to find", placeholder: "words, place or id",
      onkeydown: (event) => event.key === "Enter" && this.find() });
    this.what = make("select", { "aria-label": "what to find" }, make("option", { value: "job" }, "jobs"),
      make("option", { value: "user" }, "users"));
    this.found = make("ul", { class: "found" });
    this.node = make("details", { class: "finder" }, make("summary", {}, "Find users or jobs by text"),
      make("div", { class: "chooser" }, this.what, this.text,
        make("button", { type: "button", onclick: () => this.find() }, "Find")),
      page.makeMessage("find"), this.found);
  }

  find() {
    this.page.send({ kind: "find", what: this.what.value, text: this.text.value });
  }

  show(data) {
    this.found.replaceChildren(...data.entries.map((entry) => make("li", {},
      make("button", { type: "button", class: "link", onclick: () => this.page.send({ kind: data.what, id: entry.id }) },
        entry.title || entry.id), make("span", { class: "muted" }, ` ${entry.detail}`))),
      data.entries.length ? "" : make("li", { class: "muted" }, `No ${data.what} contains “${data.text}”.`),
      data.more ? make("li", { class: "muted" }, "There are more. Add a word.") : "");
  }
}

/** Select the users that Previous and Next visit. */
class Filter {
  constructor(page) {
    this.page = page;
    const send = (values) => page.send({ kind: "filter", ...values });
    const select = (name, label) => make("select", { "aria-label": label, onchange: (event) =>
      send({ [name]: event.target.value }) });
    const box = (name, value) => make("input", { type: "checkbox", onchange: (event) =>
      send({ [name]: event.target.checked ? value : value === true ? false : "" }) });
    this.prefecture = select("prefecture", "prefecture of the users");
    this.occupation = select("occupation", "occupation of the users");
    this.newcomers = box("newcomers", true);
    this.worst = box("order", "worst");
    this.newcomersLabel = make("span", {});
    this.users = make("div", { class: "scroll users" });
    this.title = make("summary", {}, "Filter users");
    this.node = make("details", { class: "filter" }, this.title,
      make("div", { class: "chooser" }, this.prefecture, this.occupation, make("label", {}, this.newcomers,
        this.newcomersLabel), make("label", {}, this.worst, "lists that got worse most first")),
      page.makeMessage("filter"), this.users);
    this.node.addEventListener("toggle", () => this.data && this.drawUsers());
  }

  show(data) {
    this.data = data;
    const fill = (select, all, options, value) => {
      const key = JSON.stringify(options);
      if (select.dataset.key !== key) {
        select.dataset.key = key;
        select.replaceChildren(make("option", { value: "" }, all),
          ...options.map((one) => make("option", { value: one.value }, `${one.label} (${one.n})`)));
      }
      select.value = value;
    };
    fill(this.prefecture, "all prefectures", data.prefectures, data.active.prefecture);
    fill(this.occupation, "all occupations", data.occupations, data.active.occupation);
    this.newcomers.checked = data.active.newcomers;
    this.worst.checked = data.active.order === "worst";
    setText(this.newcomersLabel, `newcomers (${data.n_newcomers})`);
    const isActive = Object.values(data.active).some(Boolean);
    setText(this.title, isActive ? `Filter users: ${count(data.n_users, "user")} selected` : "Filter users");
    setText(this.page.list.at, data.at ? `${data.at} of ${data.n_users}` : `not among the ${count(data.n_users, "user")}`);
    if (this.node.open) this.drawUsers();
  }

  drawUsers() {
    const { data } = this;
    const columns = [{ name: "user" }, { name: "place" }, { name: data.metric, kind: "number" },
      { name: "kept jobs", kind: "number" }];
    this.users.replaceChildren(makeTable("Selected users", columns, data.users.map((user) => [
      make("button", { type: "button", class: "link", onclick: () => this.page.send({ kind: "user", id: user.id }) }, user.id),
      user.place,
      make("span", { class: user.change > 0 ? "better" : user.change < 0 ? "worse" : "quiet" }, formatSigned(user.change)),
      isNumber(user.overlap) ? `${Math.round(100 * user.overlap)} %` : "–"])));
  }
}

/** Facts about a user or a job, and its tables. */
class CardView {
  constructor(title) {
    this.title = make("summary", {}, title);
    this.body = make("div", {});
    this.node = make("details", { class: "facts", hidden: true }, this.title, this.body);
  }

  show(data) {
    this.node.hidden = !data;
    if (!data) return;
    setText(this.title, `About ${data.title.charAt(0).toLowerCase()}${data.title.slice(1)}`);
    this.body.replaceChildren(
      make("dl", {}, data.facts.map((fact) => [make("dt", {}, fact.label), make("dd", {}, String(fact.value ?? "–"))])),
      ...data.notes.map((note) => make("p", { class: "muted" }, note)),
      ...makeSections(data.sections));
  }
}

/** Return a heading and a table for each section {title, columns, rows}. */
function makeSections(sections) {
  return sections.map((section) => [make("h4", {}, section.title), make("div", { class: "scroll" },
    makeTable(section.title, section.columns.map((name, i) => ({ name,
      kind: section.rows.length && section.rows.every((row) => isNumber(row[i]) || row[i] === null) ? "number" : "" })),
      section.rows.map((row) => row.map((cell) => isNumber(cell) ? formatNumber(cell) : String(cell ?? "–")))))]).flat();
}

/** Questions about the chosen job: which weights list it, and which users see it. */
class Question {
  constructor(page) {
    const button = (text, event) => make("button", { type: "button", onclick: () => page.send(event) }, text);
    this.asks = [button("Which weights list it?", { kind: "ask", what: "reach" }),
      button("Which users see it?", { kind: "ask", what: "audience" })];
    this.stop = button("Stop", { kind: "ask_stop" });
    this.open = button("Open these weights", { kind: "ask_open" });
    this.text = make("p", { role: "status" });
    this.body = make("div", {});
    this.stop.hidden = this.open.hidden = true;
    this.node = make("div", { class: "question", hidden: true },
      make("div", { class: "field-row" }, this.asks, this.stop), page.makeMessage("ask"), this.text, this.open, this.body);
  }

  show(data) {
    const isRunning = data.state === "running";
    for (const one of this.asks) one.disabled = isRunning;
    this.stop.hidden = !isRunning;
    this.open.hidden = !data.has_model;
    setText(this.text, isRunning ? `${data.stage}; ${Math.round(data.seconds)} s…` : data.text);
    this.body.replaceChildren(...makeSections(data.sections));
  }
}

/** Why one job moved: the change of its score by component. */
class Waterfall {
  constructor(page) {
    this.page = page;
    this.body = make("div", { class: "scroll" });
    this.summary = make("p", {});
    this.card = new CardView("About this job");
    this.question = new Question(page);
    this.section = makeSection("One job", this.summary, this.body, this.card.node, this.question.node);
    this.node = this.section.node;
    this.show(null);
  }

  show(data) {
    setText(this.section.heading, data ? `Why job ${data.job} moved` : "One job");
    this.summary.replaceChildren(...(data ? [data.summary, data.moved.map((one) => [` ${one.text}: `,
      one.jobs.map((job, i) => [i ? ", " : "", this.page.makeJobLink(job)]), one.more ? ` and ${one.more} more.` : "."])].flat(Infinity)
      : ["Choose a job in the list, or enter its id, to see its score by component."]));
    this.summary.className = data ? "" : "muted";
    this.question.node.hidden = !data;
    if (!data) {
      this.body.replaceChildren();
      return;
    }
    const ends = [data.before];
    for (const row of data.rows) ends.push(ends.at(-1) + row.change);
    const margin = Math.max(0.15 * (Math.max(...ends) - Math.min(...ends)), 0.5);
    const [low, high] = [Math.max(0, Math.min(...ends) - margin), Math.max(...ends) + margin];
    const pair = (values, digits) => {
      const [before, after] = values.map((value) => (isNumber(value) ? value.toFixed(digits) : "–"));
      return before === after ? after : `${before} → ${after}`;
    };
    const columns = [{ name: "component" }, { name: "value", kind: "number", hide: "medium" },
      { name: "share", kind: "number", hide: "medium" }, { name: "points", kind: "number" },
      { name: "change", kind: "number" }, { name: "", kind: "wide" }];
    const total = (name, value) => [make("b", {}, name), "", "", make("b", {}, value.toFixed(2)), "",
      drawStep(low, value, low, high, "total")];
    const rows = data.rows.map((row, i) => {
      const kind = row.change > 0 ? "better" : row.change < 0 ? "worse" : "quiet";
      const change = Math.abs(row.change) < 0.005 ? "0" : `${row.change > 0 ? "+" : ""}${row.change.toFixed(2)}`.replace("-", "−");
      return [row.component, pair(row.values, 1), pair(row.weights, 3), pair(row.points, 2),
        make("span", { class: kind }, change), row.change ? drawStep(ends[i], ends[i + 1], low, high, kind) : ""];
    });
    this.body.replaceChildren(makeTable(`Change of the score of job ${data.job} by component`, columns,
      [total("baseline", data.before), ...rows, total("now", data.after)]));
  }
}

/** A metric by slices of the users. */
class Slices {
  constructor(page) {
    this.page = page;
    this.data = null;
    this.column = make("select", { "aria-label": "own column of the slices", onchange: () =>
      page.send({ kind: "slices", column: this.column.value }) });
    this.columnLabel = make("label", { hidden: true }, "also by", this.column);
    this.metric = make("select", { "aria-label": "metric of the slices", onchange: () => this.draw() });
    this.warning = make("p", {});
    this.body = make("div", { class: "scroll" });
    this.node = makeSection("Slices of users", make("div", { class: "chooser" }, make("label", {}, "metric", this.metric), this.columnLabel),
      page.makeMessage("slices"), this.warning, this.body).node;
  }

  showColumns(names) {
    this.columnLabel.hidden = !names.length;
    if (this.column.options.length === names.length + 1) return;
    this.column.replaceChildren(make("option", { value: "" }, "no own column"), ...names.map((name) => make("option", { value: name }, name)));
  }

  show(data) {
    this.data = data;
    const metrics = Object.keys(data.metrics);
    if (this.metric.options.length !== metrics.length) {
      this.metric.replaceChildren(...metrics.map((name) => make("option", { value: name }, name)));
    }
    setText(this.warning, (data.is_worse ? "▼ " : "") + data.warning);
    this.warning.className = data.is_worse ? "worse" : "muted";
    this.draw();
  }

  draw() {
    const rows = this.data.metrics[this.metric.value] ?? [];
    const tested = rows.filter((row) => row.is_tested);
    const small = rows.filter((row) => !row.is_tested);
    const columns = [{ name: "slice" }, { name: "users", kind: "number" },
      { name: "baseline", kind: "number", hide: "medium" }, { name: "now", kind: "number" },
      { name: "difference", kind: "number" }, { name: "interval", hide: "narrow" }, { name: "mark" }];
    const reach = findReach(tested, ["low", "high"]);
    const cells = (row) => [[make("span", { class: "muted" }, `${row.slicing}: `), row.slice],
      `${row.n}${row.is_tested && row.n < this.data.accurate_from ? " ~" : ""}`, formatMeasure(row.baseline),
      formatMeasure(row.now), make("span", { class: row.kind }, formatSigned(row.difference, true)), drawInterval(row, reach),
      make("span", { class: row.kind }, { better: "▲ better", worse: "▼ worse", quiet: "" }[row.kind])];
    const parts = [];
    if (tested.some((row) => row.n < this.data.accurate_from)) {
      parts.push(make("p", { class: "muted" },
        `~ fewer than ${this.data.accurate_from} users: the interval may be too narrow.`));
    }
    parts.push(makeTable(`${this.metric.value} by slice`, columns, tested.map(cells)));
    if (small.length) {
      const isOpen = this.body.querySelector("details")?.open ?? false;
      const title = `${count(small.length, "slice")} with too few users for a test`;
      parts.push(make("details", { open: isOpen }, make("summary", {}, title),
        makeTable(title, columns.slice(0, 5), small.map((row) => cells(row).slice(0, 5)))));
    }
    this.body.replaceChildren(...parts);
  }
}

/** Overlap of the lists with the baseline, and the winners and losers. */
class Overlap {
  constructor() {
    this.note = make("p", { class: "muted" });
    this.body = make("div", { class: "tables" });
    this.node = makeSection("Overlap, gains and losses", this.note, this.body).node;
  }

  show(data) {
    if (!data) return;
    setText(this.note, data.text);
    const columns = (title) => [{ name: title }, { name: "change", kind: "number" }, { name: "places", kind: "number" }];
    this.body.replaceChildren(...data.tables.map((table) => table.rows.length
      ? make("div", { class: "scroll" }, makeTable(`${table.title} with the largest gains and losses`, columns(table.title),
        table.rows.map((row) => [row.name,
          make("span", { class: row.change > 0 ? "better" : "worse" }, formatSigned(row.change)),
          `${formatNumber(row.before)} → ${formatNumber(row.after)}`])))
      : make("p", {}, `${table.title}: no gains or losses.`)));
  }
}

class Notes {
  constructor() {
    this.list = make("ul", {});
    this.node = makeSection("Notes", this.list).node;
  }

  show(warnings, notes) {
    const all = [...warnings, ...notes];
    this.node.hidden = !all.length;
    this.list.replaceChildren(...all.map((note) => make("li", {}, note)));
  }
}
