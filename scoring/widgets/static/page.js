// The page: it draws the document of the panel, sends events, and watches the connection.

// Milliseconds. A kernel that holds its interpreter lock for 1.7 s is still waited for.
const PING_EVERY = 400;
const PING_EVERY_WHILE_LOST = 2000; // a kernel that runs a long cell answers all pings after it
const LOST_AFTER = 2100;
// A script that runs before the page may set a longer time: scoringLostAfter, in milliseconds.
const getLostAfter = () => globalThis.scoringLostAfter ?? LOST_AFTER;
const LATE = 200; // a timer that is later than this ran after a pause of the page
const KEYS = [
  ["Ctrl+Z", "undo the last move"], ["Ctrl+Y", "redo the move that was undone"],
  ["S", "save the weights as a profile"], ["J / K", "next / previous user"], ["?", "open or close this help"],
  ["↑ / ↓", "in the list: choose the next or previous job"], ["← / →", "on a slider: change by one step"],
  ["Insert / Delete", "on a point of a curve: add a point after it, or remove it"],
  ["Tab", "go to the next control"], ["Esc", "close a dialog"],
];

class Page {
  constructor(model, el) {
    this.model = model;
    this.document = {};
    this.messages = {};
    this.n_ids = 0;
    this.prefix = `scoring-${Math.random().toString(36).slice(2, 8)}`;
    this.isStandalone = document.body.dataset.voila !== undefined;
    this.root = make("div", { class: `scoring-page${this.isStandalone ? " standalone" : ""}` });
    el.append(this.root);
    this.build();
  }

  makeId() {
    this.n_ids += 1;
    return `${this.prefix}-${this.n_ids}`;
  }

  /** Return the place of the messages of a control. With `isFolded`, only the first sentence is shown at once. */
  makeMessage(at, isFolded = false) {
    const node = make("div", { class: `message${isFolded ? " folded" : ""}`, role: "status" });
    (this.messages[at] ??= []).push(node);
    return node;
  }

  /** Send an event, and return its number, which the answer contains. Return null if the connection is lost. */
  send(event) {
    if (this.isLost) return null;
    this.sent = Math.max((this.sent ?? 0) + 1, Date.now()); // two views of one panel have different numbers
    this.model.send({ ...event, n: this.sent });
    this.markPending();
    return this.sent;
  }

  /** Show in `data-pending` whether the panel has answered all events. */
  markPending() {
    this.root.dataset.pending = String((this.sent ?? 0) > (this.document.answered ?? 0));
  }

  open() {
    const session = this.isStandalone ? new URL(location.href).searchParams.get("session") : null;
    this.model.send({ kind: "open", session });
  }

  /** Keep the session in the address, so that a reload continues with its draft. */
  showAddress(address) {
    if (!this.isStandalone) return;
    const url = new URL(location.href);
    url.searchParams.set("session", address.session);
    history.replaceState(history.state, "", url);
  }

  build() {
    this.opening = make("div", { class: "opening", role: "status" }, make("p", {}, "Opening the panel…"));
    this.status = make("p", { class: "status", role: "status" });
    this.lost = make("p", { class: "lost", role: "alert", hidden: true });
    this.counter = make("span", {});
    this.unsaved = make("button", { type: "button", class: "link", title: "save the weights as a profile (S)", hidden: true,
      onclick: () => this.openSave() }, "not saved");
    this.moves = make("span", { class: "muted counter" }, this.counter, " ", this.unsaved);
    const button = (name, tip, event) => make("button", { type: "button", "data-name": name, title: tip,
      onclick: () => this.send(event) }, name);
    this.buttons = {
      undo: button("Undo", "undo the last move (Ctrl+Z)", { kind: "undo" }),
      redo: button("Redo", "redo the move that was undone (Ctrl+Y)", { kind: "redo" }),
      reset: button("Reset", "restore the baseline and remove all locks", { kind: "reset" }),
      baseline: button("Make baseline", "compare with these weights from now on", { kind: "make_baseline" }),
      confirm: button("Confirm", "test these weights once on validation users that this session has not drawn",
        { kind: "confirm" }),
      share: make("button", { type: "button", title: "download lists, the report or the weights",
        onclick: () => this.exports.showModal() }, "Export"),
      help: make("button", { type: "button", title: "keys and words (?)", "aria-label": "Help",
        onclick: () => this.toggleHelp() }, "?"),
    };
    this.header = make("header", { class: "header" },
      this.status, make("div", { class: "actions" }, make("div", { class: "toolbar" }, Object.values(this.buttons)), this.moves),
      this.lost,
      this.makeMessage("moves", true), this.makeMessage("confirm", true));
    this.controls = new Controls(this);
    this.rules = new Rules(this);
    this.profiles = new Profiles(this);
    this.search = new Search(this);
    this.promotion = new Promotion(this);
    this.baseline = make("p", { class: "muted baseline" });
    this.tabs = this.makeTabs([
      ["Weights", make("div", {}, this.baseline, this.controls.node)],
      ["Rules", this.rules.node],
      ["Profiles", this.profiles.node],
      ["Search", this.search.node],
    ]);
    this.measures = new Measures(this);
    this.history = new History(this);
    this.list = new RankList(this);
    this.waterfall = new Waterfall(this);
    this.slices = new Slices(this);
    this.overlap = new Overlap(this);
    this.notes = new Notes(this);
    this.beside = new Beside(this);
    this.title = make("p", { class: "muted title" });
    this.left = make("div", { class: "left", role: "region", "aria-label": "Controls" }, this.tabs);
    this.right = make("div", { class: "right", role: "region", "aria-label": "Results" },
      make("div", { class: "column" }, this.title, this.measures.node, this.history.node, this.slices.node, this.overlap.node, this.notes.node),
      make("div", { class: "column" }, this.list.node, this.waterfall.node), this.beside.node);
    this.main = make("div", { class: "main", hidden: true }, this.header, make("div", { class: "columns" }, this.left,
      this.right));
    this.help = this.makeHelp();
    this.exports = this.makeExports();
    this.tip = make("div", { class: "tip", role: "tooltip", popover: "manual" });
    this.root.append(this.opening, this.main, this.help, this.exports, this.promotion.node, this.tip);
    this.watchTips();
  }

  makeTabs(tabs) {
    const list = make("div", { class: "tabs", role: "tablist", "aria-label": "Controls" });
    const panels = [];
    this.openTab = (name, focus = false) => {
      tabs.forEach(([other], i) => {
        const isOpen = other === name;
        setAttributes(list.children[i], { "aria-selected": String(isOpen), tabindex: isOpen ? 0 : -1 });
        panels[i].hidden = !isOpen;
        if (isOpen && focus) list.children[i].focus();
        if (isOpen && name === "Profiles") this.send({ kind: "profiles" }); // other programs may have saved some
      });
    };
    tabs.forEach(([name, inside], i) => {
      const panel = make("div", { role: "tabpanel", id: this.makeId(), "aria-label": name }, inside);
      panels.push(panel);
      list.append(make("button", { type: "button", role: "tab", "aria-controls": panel.id, onclick: () => this.openTab(name),
        onkeydown: (event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (by) this.openTab(tabs[(i + by + tabs.length) % tabs.length][0], true);
        } }, name));
    });
    this.openTab(tabs[0][0]);
    return [list, ...panels];
  }

  makeHelp() {
    const close = make("button", { type: "button", onclick: () => dialog.close() }, "Close");
    const dialog = make("dialog", { "aria-label": "Help" }, make("h3", {}, "Keys"),
      makeTable("Keys", [{ name: "key" }, { name: "action" }], KEYS.map(([key, text]) => [make("kbd", {}, key), text])),
      make("h3", {}, "From a try to a run"),
      make("ol", {}, [
        "Move a weight, or search. The measures and lists compare the weights with the baseline.",
        "Confirm tests the weights once on validation users.",
        "Save them on the tab Profiles.",
        "Evaluate the profile on test users, in another terminal: `scoring evaluate standard NAME --on test`.",
        "Promote it on the tab Profiles. The next `scoring run` ranks with it.",
      ].map((step) => make("li", {}, makeText(step)))),
      make("h3", {}, "Words"),
      make("p", {}, "Holdout: the last days of actions, which the lists do not know. The measures count these later actions. "
        + "The users of the holdout are split: train users for the measures and searches, validation users for Confirm, "
        + "and test users, whom the panel never uses."),
      make("p", {}, "Baseline: the weights that everything is compared with. At the start, they are the opened model. "
        + "A try is a setting whose results are complete."),
      make("p", {}, "The weights of a group sum to 1: when a weight moves, the other weights change in proportion. "
        + "Locked weights do not change. A share is the weight of a component in the whole score."),
      make("p", {}, "▲ better and ▼ worse are significant, corrected over all measures. “May be chance” and “not "
        + "significant” are not. Confirm tests the weights once on users that this session has not drawn."),
      close);
    return dialog;
  }

  makeExports() {
    const files = [["Lists (CSV)", "lists", "the lists of all users of the measures, with the points of each component"],
      ["Report (HTML)", "page", "one page with changes, evidence, price, slices and examples, to hand to other people"],
      ["Weights (YAML)", "weights", "the model file, for scoring run --model"]];
    const dialog = make("dialog", { "aria-label": "Export" }, make("h3", {}, "Export"),
      files.map(([name, what, text]) => make("div", { class: "field-row" },
        make("button", { type: "button", onclick: () => this.send({ kind: "export", what }) }, name),
        make("span", { class: "muted" }, text))),
      make("p", { class: "muted" }, "The report is about the train users. For a report on test users, save the weights, "
        + "compare them with scoring evaluate … --on test, and call scoring report NAME --html FILE."),
      this.makeMessage("export"), make("button", { type: "button", onclick: () => dialog.close() }, "Close"));
    return dialog;
  }

  /** Return a button that chooses a job. */
  makeJobLink(id) {
    return make("button", { type: "button", class: "link", "aria-label": `job ${id}`, onclick: () => this.send({ kind: "job", id }) }, id);
  }

  download(file) {
    const link = make("a", { download: file.name, href: URL.createObjectURL(new Blob([file.text], { type: file.type })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  openSave() {
    this.openTab("Profiles");
    this.profiles.name.focus();
  }

  toggleHelp() {
    if (this.help.open) this.help.close();
    else this.help.showModal();
  }

  /** Show the tooltip of an element that has `data-tip`, when the mouse is over it or its row has the focus. */
  watchTips() {
    const show = (target) => {
      const text = target && this.findTip(target.dataset.tip);
      if (!text) {
        this.tip.hidePopover();
        return;
      }
      setText(this.tip, text.replaceAll("`", ""));
      this.tip.showPopover();
      const box = target.getBoundingClientRect();
      const width = this.tip.offsetWidth;
      const left = Math.max(4, Math.min(box.left, document.documentElement.clientWidth - width - 8));
      const below = box.bottom + 6 + this.tip.offsetHeight < window.innerHeight;
      this.tip.style.left = `${left}px`;
      this.tip.style.top = `${below ? box.bottom + 4 : box.top - this.tip.offsetHeight - 4}px`;
    };
    this.root.addEventListener("pointerover", (event) => show(event.target.closest("[data-tip]")));
    this.root.addEventListener("focusin", (event) => {
      const row = event.target.matches(":focus-visible") && event.target.closest(".weight-row, .parameter-row, .rule");
      show(row ? row.querySelector("[data-tip]") : null);
    });
    this.root.addEventListener("focusout", () => show(null));
    this.root.addEventListener("input", () => show(null)); // it would cover the rows below, whose values change
    this.root.addEventListener("pointerleave", () => show(null));
    this.root.addEventListener("scroll", () => show(null), true);
  }

  findTip(key) {
    const [kind, ...rest] = key.split(":");
    const name = rest.join(":");
    const tips = this.document.tips ?? {};
    if (kind === "measure") {
      const [label, k] = name.split("@");
      const measure = tips.measures?.[label];
      if (!measure) return undefined;
      const good = measure.good ? ` ${GOOD_WORDS[measure.good]}.`.replace(/[hl]/, (letter) => letter.toUpperCase()) : "";
      return `${measure.text.replaceAll("first k jobs", `first ${k} jobs`)}${good}${measure.unit ? ` Unit: ${measure.unit}.` : ""}`;
    }
    const texts = { group: "groups", component: "components", parameter: "parameters", curve: "curves", rule: "rules" };
    return tips[texts[kind]]?.[name];
  }

  // Documents

  receive(parts) {
    const isWhole = "session" in parts; // the page has just opened, or connected again
    if (isWhole && parts.values) parts.values.answered = parts.choice.answered = Infinity; // events may be lost
    Object.assign(this.document, parts);
    if (isWhole) this.document.answered = this.sent;
    const draw = {
      opening: (part) => this.showOpening(part),
      session: (part) => this.showSession(part),
      structure: (part) => this.controls.build(part),
      rules: (part) => this.rules.show(part),
      values: (part) => this.showValues(part),
      choice: (part) => this.list.showChoice(part),
      profiles: (part) => {
        this.profiles.show(part);
        this.beside.showProfiles(part);
      },
      beside: (part) => this.beside.show(part),
      measures: (part) => {
        this.measures.show(part);
        this.search.showMeasures(part.rows);
      },
      search: (part) => this.search.show(part),
      list: (part) => this.list.show(part),
      actions: (part) => this.list.showActions(part),
      history: (part) => this.history.show(part),
      filters: (part) => this.list.filter.show(part),
      found: (part) => this.list.finder.show(part),
      user_card: (part) => this.list.card.show(part),
      job_card: (part) => this.waterfall.card.show(part),
      question: (part) => this.waterfall.question.show(part),
      address: (part) => this.showAddress(part),
      waterfall: (part) => this.waterfall.show(part),
      slices: (part) => this.slices.show(part),
      overlap: (part) => this.overlap.show(part),
      notes: (part) => this.notes.show(this.document.warnings ?? [], part),
      status: (part) => this.showStatus(part),
      problem: (part) => this.showProblem(part),
    };
    for (const [name, show] of Object.entries(draw)) {
      if (name in parts) show(parts[name]);
    }
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.markScrolled());
    if (parts.evidence && !isWhole) this.promotion.show(parts.evidence);
    this.root.dataset.state = this.document.status?.kind ?? "opening";
    this.markPending();
  }

  /** Let the keyboard reach tables that scroll sideways. */
  markScrolled() {
    for (const node of this.root.querySelectorAll(".scroll:not(.list)")) {
      setAttributes(node, { tabindex: node.scrollWidth > node.clientWidth + 1 ? 0 : null });
    }
  }

  showOpening(part) {
    this.opening.replaceChildren(
      part.error ? make("p", { role: "alert", class: "failed" }, make("b", {}, "The panel cannot be opened. "), part.error) : "",
      part.error ? "" : make("p", {}, "Opening the panel"),
      part.error ? "" : make("ol", {}, part.phases.map((phase, i) => make("li",
        { class: i < part.at ? "done" : i === part.at ? "current" : "" }, phase, i < part.at ? " ✓" : i === part.at ? "…" : ""))));
  }

  showSession(part) {
    this.opening.hidden = part !== null;
    this.main.hidden = part === null;
    if (!part) return;
    setText(this.title, `${count(part.n_users, "train user")} of a holdout, ${count(part.n_jobs, "job")}. Lists are computed `
      + `as of ${part.as_of}. Metrics count the actions after that time.`);
    const tab = Array.from(this.left.querySelectorAll('[role="tab"]')).find((one) => one.textContent === "Profiles");
    tab.hidden = !part.has_profiles;
    this.slices.showColumns(part.slice_columns);
  }

  showValues(values) {
    this.controls.show(values);
    setText(this.baseline, values.baseline);
    this.buttons.undo.disabled = !values.can_undo;
    this.buttons.redo.disabled = !values.can_redo;
    this.search.markOpened();
    this.showCounter();
  }

  showCounter() {
    const { values, measures, history: tries } = this.document;
    const n_trials = measures?.n_trials ?? 0;
    const n = Math.max((measures?.n_compared ?? 0) - n_trials, tries?.n_moves ?? 0);
    const searched = n_trials ? ` · ${count(n_trials, "search trial")}` : "";
    setText(this.counter, `${count(n, "setting")} compared${searched}`);
    this.unsaved.hidden = values?.is_saved ?? true;
  }

  showStatus(status) {
    setText(this.status, status.text);
    setAttributes(this.status, { title: status.text });
    clearTimeout(this.slow);
    if (status.kind === "computing" && !this.document.measures) {
      this.slow = setTimeout(() => setText(this.status, `${status.text} `
        + "The first use after an installation compiles for up to two minutes."), 6000);
    }
    this.status.dataset.kind = status.kind;
    this.showCounter();
  }

  showProblem(problem) {
    const at = problem.at.replace(/^parameter:(.*) point \d+ (x|value)$/, "curve:$1");
    for (const [name, nodes] of Object.entries(this.messages)) {
      for (const node of nodes) {
        const text = name === at ? problem.text : "";
        if (node.dataset.text !== text) node.replaceChildren(...this.makeMessageParts(text, node.classList.contains("folded")));
        setAttributes(node, { "data-text": text, "data-kind": problem.kind });
      }
    }
  }

  /** Return the parts of a message. The header must not grow: sentences after the first one are behind a fold. */
  makeMessageParts(text, isFolded) {
    const [, first, rest] = (isFolded && text.match(/^(.*?[.!?]) (?=[A-Z])(.*)$/s)) || [null, text, ""];
    if (!rest) return makeText(text);
    return [make("details", {}, make("summary", { title: "show or hide the whole message" }, makeText(first), " "), make("p", {}, makeText(rest)))];
  }

  // Connection

  /** Lock the page `LOST_AFTER` milliseconds after the last answer. An answer unlocks it. */
  watchConnection() {
    let last = performance.now();
    let number = 0;
    let ping = 0;
    let deadline = 0;
    const expectAnswer = () => {
      last = performance.now();
      clearTimeout(deadline);
      deadline = setTimeout(checkAnswer, getLostAfter());
    };
    const checkAnswer = (isAgain = false) => {
      if (document.hidden) return; // browsers delay the timers of hidden pages
      const silence = performance.now() - last;
      if (silence > getLostAfter() + LATE && !isAgain) deadline = setTimeout(checkAnswer, LATE, true); // an answer may be queued
      else this.setLost(true, silence);
    };
    const sendPing = () => {
      clearTimeout(ping);
      number += 1;
      try {
        this.model.send({ kind: "ping", n: number });
      } catch {
        this.setLost(true, performance.now() - last);
      }
      ping = setTimeout(sendPing, this.isLost ? PING_EVERY_WHILE_LOST : PING_EVERY);
    };
    const onVisibility = () => {
      if (document.hidden) return;
      expectAnswer();
      sendPing();
    };
    this.answer = () => {
      expectAnswer();
      if (this.isLost) {
        this.setLost(false);
        sendPing();
      }
    };
    const stop = () => {
      clearTimeout(ping);
      clearTimeout(deadline);
    };
    document.addEventListener("visibilitychange", onVisibility);
    window.addEventListener("pagehide", stop); // the connection closes with the page
    expectAnswer();
    sendPing();
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      window.removeEventListener("pagehide", stop);
      stop();
    };
  }

  /** Lock or unlock the page. `silence` is the time since the last answer. */
  setLost(isLost, silence = 0) {
    if (this.isLost === isLost) return;
    this.isLost = isLost;
    if (isLost) this.focused = this.root.contains(document.activeElement) ? document.activeElement : null;
    this.lost.dataset.silence = Math.round(silence);
    this.lost.hidden = !isLost;
    setText(this.lost, isLost ? "The connection is lost: the kernel of the panel does not answer. The controls are locked. "
      + "They unlock when it answers again; if the server has stopped, start it and reload the page." : "");
    this.left.inert = isLost;
    this.right.inert = isLost;
    for (const button of Object.values(this.buttons)) button.inert = isLost;
    this.root.classList.toggle("is-lost", isLost);
    if (isLost) return;
    if (this.focused?.isConnected && [null, document.body].includes(document.activeElement)) this.focused.focus({ preventScroll: true });
    this.open();
  }

  // Keys

  watchKeys() {
    const onKey = (event) => {
      const isInside = this.root.contains(event.target);
      const isText = event.target.matches?.('input:not([type="range"]), textarea, select');
      const key = event.key.toLowerCase();
      const hasControl = event.ctrlKey || event.metaKey;
      if (hasControl && (key === "z" || key === "y") && !isText) {
        event.preventDefault();
        this.send({ kind: key === "y" || event.shiftKey ? "redo" : "undo" });
      } else if (!hasControl && !event.altKey && !isText) {
        if (key === "s") {
          event.preventDefault();
          this.openSave();
        } else if (key === "j" || key === "k") this.send({ kind: "step", by: key === "j" ? 1 : -1 });
        else if (key === "?") this.toggleHelp();
      }
      // JupyterLab handles shortcuts on the document. A browser would save the page on Ctrl+S.
      if (isInside && !this.isStandalone && !(hasControl && key === "s")) event.stopPropagation();
    };
    const target = this.isStandalone ? document : this.root;
    target.addEventListener("keydown", onKey);
    return () => target.removeEventListener("keydown", onKey);
  }
}

/** Return the element that scrolls the page: the notebook in JupyterLab. */
function findScroller(el) {
  for (let node = el.parentElement; node; node = node.parentElement) {
    if (["auto", "scroll"].includes(getComputedStyle(node).overflowY)) return node;
  }
  return document.documentElement;
}

function render({ model, el }) {
  const page = new Page(model, el);
  const onMessage = (message) => {
    if (message.parts) page.receive(message.parts);
    if (message.file) page.download(message.file);
    if (message.pong !== undefined) page.answer?.();
  };
  model.on("msg:custom", onMessage);
  const endKeys = page.watchKeys();
  const resized = new ResizeObserver(() => {
    page.root.style.setProperty("--header", `${page.header.offsetHeight}px`);
    page.markScrolled();
  });
  resized.observe(page.header);
  page.root.addEventListener("toggle", () => page.markScrolled(), true);
  const scroller = findScroller(el);
  const measured = new ResizeObserver(() => page.root.style.setProperty("--view", `${scroller.clientHeight}px`));
  measured.observe(scroller);
  page.open();
  const endConnection = page.watchConnection();
  return () => {
    model.off("msg:custom", onMessage);
    endKeys();
    endConnection();
    resized.disconnect();
    measured.disconnect();
  };
}

export default { render };
