// Elements, numbers and words. Texts are set as text or attributes, never as markup, because titles are untrusted.

const SVG = "http://www.w3.org/2000/svg";

/** Return an element. Properties that start with "on" are listeners; null and false leave an attribute out. */
function make(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

function makeSvg(name, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

function fill(node, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Set an attribute or a text only if it differs, so that screen readers hear changes only. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Return a text whose parts in backticks are code. */
function makeText(text) {
  return text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));
}

function setAttributes(node, values) {
  for (const [key, value] of Object.entries(values)) {
    if (value === null || value === false || value === undefined) node.removeAttribute(key);
    else if (node.getAttribute(key) !== String(value)) node.setAttribute(key, value === true ? "" : value);
  }
}

const shownValues = new WeakMap(); // field → the value to show
const typing = new WeakSet(); // fields whose user types
const unsent = new WeakSet(); // fields whose text was complete when the page was locked

/** Let `setValue` wait while a user types into a field. Enter, a change, or leaving the field ends it. */
function watchTyping(field) {
  const end = () => {
    if (field.closest("[inert]")) return; // a locked page loses the focus, not the text
    if (unsent.delete(field)) field.dispatchEvent(new Event("change"));
    if (typing.delete(field)) field.value = shownValues.get(field) ?? "";
  };
  field.addEventListener("input", () => typing.add(field));
  field.addEventListener("change", (event) => {
    if (field.closest("[inert]")) {
      unsent.add(field);
      event.stopImmediatePropagation();
    } else {
      unsent.delete(field);
      typing.delete(field);
    }
  }, true); // before the listener that sends the value
  field.addEventListener("keydown", (event) => event.key === "Enter" && setTimeout(end)); // after the change
  field.addEventListener("blur", end);
  return field;
}

/** Show a value in a field. A text that its user is typing stays. */
function setValue(field, value) {
  shownValues.set(field, value);
  if (!typing.has(field) && field.value !== String(value)) field.value = value;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** Return a number with four significant digits, or – if it is missing. `isPadded` keeps zeros at the end. */
function formatNumber(value, digits = 4, isPadded = false) {
  if (!isNumber(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US").replace("-", "−");
  const text = value.toPrecision(digits);
  return (isPadded && value ? text : String(Number(text))).replace("-", "−");
}

/** Return a number with its sign, three significant digits. */
function formatSigned(value, isPadded = false) {
  if (!isNumber(value)) return "–";
  if (value === 0) return "0";
  return (value > 0 ? "+" : "") + formatNumber(value, 3, isPadded);
}

/** Return the value of a measure, with the same number of digits in all rows of a table. */
const formatMeasure = (value) => formatNumber(value, 4, true);

function formatShare(share) {
  return isNumber(share) ? `${(100 * share).toFixed(1)} %` : "–";
}

function count(n, noun) {
  return `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
}

const GOOD_ARROW = { 1: "↑", "-1": "↓", 0: "" };
const GOOD_WORDS = { 1: "higher is better", "-1": "lower is better", 0: "neither direction is better" };
const KIND_SYMBOLS = { better: "▲", worse: "▼", changed: "◆", quiet: "", same: "" };

/** Return a table. A column is {name, kind: "number" | "", hide: "narrow" | ""}; cells are texts or nodes. */
function makeTable(label, columns, rows) {
  const classes = columns.map((column) => [column.kind, column.hide && `hide-${column.hide}`].filter(Boolean).join(" "));
  const cell = (name, content, i, more = {}) => make(name, { class: classes[i] || null, ...more }, content);
  return make("table", { "aria-label": label },
    make("thead", {}, make("tr", {}, columns.map((column, i) => column.name ? cell("th", column.name, i, { scope: "col" }) : cell("td", "", i)))),
    make("tbody", {}, rows.map((row) => make("tr", {}, row.map((content, i) => cell("td", content, i))))));
}

function makeButton(text, tip, action) {
  return make("button", { type: "button", title: tip, onclick: action }, text);
}

const LOCK_PATHS = {
  true: "M4 7V5a4 4 0 0 1 8 0v2h1v7H3V7zm2 0h4V5a2 2 0 0 0-4 0z",
  false: "M4 7V5a4 4 0 0 1 7.6-1.7l-1.8.8A2 2 0 0 0 6 5v2h7v7H3V7zm.5 1.5v4h7v-4z",
};

function makeIcon(path) {
  return makeSvg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" },
    makeSvg("path", { d: path, fill: "currentColor", "fill-rule": "evenodd" }));
}

/** Call `action` at most once per `wait` milliseconds, with its latest arguments. */
function throttle(action, wait) {
  let timer = 0;
  let latest = null;
  const run = () => {
    timer = 0;
    if (latest) {
      action(...latest);
      latest = null;
      timer = setTimeout(run, wait);
    }
  };
  const throttled = (...values) => {
    latest = values;
    if (!timer) run();
  };
  throttled.cancel = () => {
    latest = null;
  };
  return throttled;
}
