// dom.js - elements from a description.  Text becomes text nodes and nothing else: no function here,
// or anywhere in this page, makes markup from a string.
//
//   h("p.small.muted", { title: "x", onclick: f }, "text", h("b", {}, 3), condition && h("i"))

export function h(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  set(element, properties);
  fill(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, properties = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
  fill(element, children);
  return element;
}

export function set(element, properties) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.classList.add(...value.split(" ").filter(Boolean));
    else if (key in element && key !== "list" && typeof value !== "string") element[key] = value;
    else if (value === false || value === null || value === undefined) element.removeAttribute(key);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
}

function fill(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === true) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// In place of what an element holds.
export function put(element, ...children) {
  element.replaceChildren();
  fill(element, children);
  return element;
}

// Changes a text only when it is another one, so that a selection survives.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// ---- states every list has ----

export function empty(title, text, ...more) {
  return h("div.state", {}, h("h2", {}, title), text && h("p", {}, text), ...more);
}

export function failed(error, retry) {
  return h("div.state.is-bad", { role: "alert" }, h("h2", {}, error.title || "That did not work"),
    h("p", {}, error.message), retry && h("button", { onclick: retry }, "Try again"));
}

export function loading(rows = 4) {
  return h("div.inside.stack", { "aria-busy": "true", "aria-label": "Loading" },
    Array.from({ length: rows }, () => h("div.ghost")));
}

export function tag(text, level) {
  return h(`span.tag${level ? `.is-${level}` : ""}`, {}, text);
}

// A table that sorts by a click on a column: columns are {name, of(row), show(row), number, wide}.
export function table(columns, { sort = null, descending = true, label = "", caption = "" } = {}) {
  let rows = [];
  let by = sort;
  let down = descending;
  const body = h("tbody");
  const heads = columns.map((column, index) => h(`th${column.number ? ".number" : ""}`, { scope: "col" },
    column.of ? h("button", { type: "button", onclick: () => order(index) }, column.name) : column.name));
  const element = h("div.scroll", {}, h("table", { "aria-label": label || caption },
    h("thead", {}, h("tr", {}, heads)), body));

  function order(index) {
    down = by === index ? !down : Boolean(columns[index].number);
    by = index;
    draw();
  }

  function draw() {
    heads.forEach((head, index) => {
      if (index === by) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const sorted = by === null ? rows : [...rows].sort((a, b) => {
      const [x, y] = [columns[by].of(a), columns[by].of(b)];
      const less = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return down ? -less : less;
    });
    body.replaceChildren(...sorted.map((row) => h("tr", {}, columns.map((column) =>
      h(`td${column.number ? ".number" : ""}${column.wide ? ".wide" : ""}`, {}, column.show ? column.show(row) : column.of(row))))));
  }

  return { element, show(next) { rows = next; draw(); } };
}

export function choices(label, options, chosen, onchoose) {
  const buttons = options.map(([value, text]) => h("button", {
    type: "button", "aria-pressed": String(value === chosen), onclick: () => {
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(options[index][0] === value)));
      onchoose(value);
    },
  }, text));
  return h("div.choices", { role: "group", "aria-label": label }, buttons);
}
