// app.js - the frame: pages by the part of the address behind '#', health line, theme, keys.

import { h, put, say, choices } from "./dom.js";
import { ago, span } from "./format.js";
import { node, begin, onNode, pause, now } from "./node.js";
import { redrawAll } from "./chart.js";
import { overview } from "./overview.js";
import { cluster } from "./cluster.js";
import { keys } from "./keys.js";
import { commandLine } from "./command.js";
import { slowLog } from "./slowlog.js";
import { clients } from "./clients.js";
import { events } from "./events.js";
import { traces } from "./traces.js";
import { debug } from "./debug.js";

// name, title, key pressed after "g", what makes the page: it returns {element, update?, end?}
const PAGES = [
  ["overview", "Overview", "o", overview],
  ["cluster", "Cluster", "c", cluster],
  ["keys", "Keys", "k", keys],
  ["command", "Command line", "l", commandLine],
  ["slowlog", "Slow log", "s", slowLog],
  ["clients", "Clients", "n", clients],
  ["events", "Events", "e", events],
  ["traces", "Traces", "t", traces],
  ["debug", "Debug", "d", debug],
];

const main = document.getElementById("main");
const nav = document.getElementById("nav");
let present = null;
let links = {};

function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const found = PAGES.find(([name]) => name === path) || PAGES[0];
  if (present && present.end) present.end();
  for (const [name, link] of Object.entries(links)) {
    if (name === found[0]) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  links[found[0]].scrollIntoView({ block: "nearest", inline: "nearest" });
  document.title = `${found[1]} · HyperCache`;
  main.replaceChildren();
  present = found[3](new URLSearchParams(query));
  main.append(present.element);
  if (present.update) present.update(node);
  scrollTo(0, 0);
}

function makeNav() {
  for (const [name, title, key] of PAGES) {
    links[name] = h("a", { href: `#/${name}`, "aria-keyshortcuts": `g ${key}` }, title, h("kbd", { "aria-hidden": "true" }, `g ${key}`));
    nav.append(links[name]);
  }
}

// ---- the line on top ----

const health = document.getElementById("health");

function showHealth() {
  const [first, ...others] = node.problems;
  let level = "good";
  let said;
  if (node.paused) {
    level = "warn";
    said = ["Paused: what you see does not change"];
  } else if (first) {
    level = first.level;
    said = [first.page ? h("a", { href: `#/${first.page}` }, first.text) : first.text,
      first.since ? h("span.since", {}, ` since ${ago(first.since, now()).replace(" ago", "")}`) : null,
      others.length ? h("span.since", { title: others.map((one) => one.text).join("\n") }, ` and ${others.length} more`) : null];
  } else if (!node.seconds.length) {
    level = "";
    said = ["Collecting the first samples…"];
  } else {
    said = ["Healthy"];
    const last = node.changes.find((one) => one.level !== "info");
    if (last) said.push(h("span.since", {}, ` · last change ${ago(last.at, now())}`));
  }
  health.className = `health ${level ? `is-${level}` : ""}`;
  const text = said.filter(Boolean).map((one) => (one instanceof Node ? one.textContent : one)).join("");
  if (health.lastElementChild.textContent !== text) put(health.lastElementChild, ...said);
}

function showNode() {
  const about = node.about;
  const place = document.getElementById("node");
  if (!about) return;
  const text = `${about.node_id || "node"} · ${about.version}`;
  if (!place.firstElementChild) put(place, h("span"), h("span"));
  say(place.firstElementChild, text);
  say(place.lastElementChild, `up ${span((now() - about.started_ms) / 1000)}`);
}

// ---- tools ----

function theme(wanted) {
  if (wanted) document.documentElement.dataset.theme = wanted;
  else delete document.documentElement.dataset.theme;
  try {
    if (wanted) localStorage.setItem("theme", wanted);
    else localStorage.removeItem("theme");
  } catch { /* a browser that keeps nothing */ }
  redrawAll();
}

function makeTools() {
  let kept = null;
  try { kept = localStorage.getItem("theme"); } catch { /* as above */ }
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  const hold = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
    pause(!node.paused);
    hold.setAttribute("aria-pressed", String(node.paused));
    say(hold, node.paused ? "Go on" : "Pause");
  } }, "Pause");
  document.getElementById("tools").append(
    choices("Colours", [["", "Auto"], ["light", "Light"], ["dark", "Dark"]], kept || "", theme), hold);
}

// "g" and a letter go to a page, "/" to its first field.
function makeKeys() {
  let waits = 0;
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      const field = main.querySelector("input.field");
      if (field) { field.focus(); event.preventDefault(); }
    } else if (event.key === "g") {
      waits = Date.now();
    } else if (Date.now() - waits < 1500) {
      const page = PAGES.find(([, , key]) => key === event.key);
      waits = 0;
      if (page) { location.hash = `#/${page[0]}`; event.preventDefault(); }
    }
  });
}

makeNav();
makeTools();
makeKeys();
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", route);
onNode(() => {
  showHealth();
  showNode();
  if (present && present.update) present.update(node);
});
route();
begin();
