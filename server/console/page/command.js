// command.js - a command line with completion and help from COMMAND DOCS.

import { h, put, say, tag } from "./dom.js";
import { seconds } from "./format.js";
import { run, isError, fields } from "./api.js";
import { show, words, isBinary } from "./bytes.js";
import { node } from "./node.js";

const OUTPUT_MAX = 400;   // blocks kept on the page
const LINES_MAX = 2000;   // of one reply
const HISTORY_MAX = 100;
const SHOWN_MAX = 40;

let docs = null;          // name -> {summary, complexity, group, syntax}
const history = [];
const transcript = [];    // elements, so that they are there when the page is left and come back to

// ---- documentation ----

function syntaxOf(list) {
  return (list || []).map((reply) => {
    const one = fields(reply);
    const flags = (one.flags || []).map((flag) => (typeof flag === "string" ? flag : flag.status || ""));
    const inner = one.arguments ? syntaxOf(one.arguments) : [];
    let text;
    if (one.type === "oneof") text = inner.join(" | ");
    else if (one.type === "block") text = inner.join(" ");
    else if (one.type === "pure-token") text = one.token;
    else text = one.name;
    if (one.token && one.type !== "pure-token") text = `${one.token} ${text}`;
    if (flags.includes("multiple")) text = `${text} [${text} …]`;
    if (flags.includes("optional")) return `[${text}]`;
    return one.type === "oneof" ? `<${text}>` : text;
  });
}

function learn(reply, into) {
  for (const [name, value] of Object.entries(fields(reply))) {
    const one = fields(value);
    const full = name.replace("|", " ").toUpperCase();
    into.set(full, { name: full, summary: one.summary || "", complexity: one.complexity || "", group: one.group || "", since: one.since || "",
      syntax: syntaxOf(one.arguments).join(" "), container: Boolean(one.subcommands) });
    if (one.subcommands) learn(one.subcommands, into);
  }
}

async function loadDocs() {
  if (docs) return;
  const [reply] = await run([["COMMAND", "DOCS"]]);
  if (isError(reply)) return;
  docs = new Map();
  learn(reply, docs);
}

function complete(line) {
  if (!docs) return [];
  const typed = line.replace(/^\s+/, "").toUpperCase();
  if (!typed) return [];
  const upTo = typed.replace(/\s+/g, " ");
  return [...docs.values()].filter((one) => one.name.startsWith(upTo) && !one.container).sort((a, b) => a.name.localeCompare(b.name)).slice(0, SHOWN_MAX);
}

function helpFor(line) {
  if (!docs) return null;
  const parts = line.trim().toUpperCase().split(/\s+/);
  return docs.get(parts.slice(0, 2).join(" ")) || docs.get(parts[0]) || null;
}

// ---- replies as redis-cli shows them ----

function lines(reply, indent, into) {
  const add = (text, kind) => { if (into.length < LINES_MAX) into.push([text, kind]); };
  if (reply === null) add("(nil)", "r-null");
  else if (reply === true || reply === false) add(`(${reply})`, "r-number");
  else if (typeof reply === "number") add(`(integer) ${reply}`, "r-number");
  else if (typeof reply === "string" || isBinary(reply)) add(`"${show(reply)}"`, "");
  else if (typeof reply.status === "string") add(reply.status, "r-status");
  else if (typeof reply.error === "string") add(`(error) ${reply.error}`, "r-error");
  else if (reply.integer !== undefined) add(`(integer) ${reply.integer}`, "r-number");
  else if (reply.real !== undefined) add(`(double) ${reply.real}`, "r-number");
  else if (Array.isArray(reply)) {
    if (!reply.length) add("(empty array)", "r-null");
    const width = String(reply.length).length;
    reply.forEach((value, index) => nested(`${String(index + 1).padStart(width)}) `, value, indent, into));
  } else if (reply.map) {
    if (!reply.map.length) add("(empty hash)", "r-null");
    reply.map.forEach(([key, value], index) => nested(`${index + 1}# ${plain(key)} => `, value, indent, into));
  }
}

function plain(value) {
  const inside = [];
  lines(value, "", inside);
  return inside.length ? inside[0][0] : "";
}

function nested(lead, value, indent, into) {
  const inside = [];
  lines(value, indent, inside);
  const blank = " ".repeat(lead.length);
  inside.forEach(([text, kind], index) => { if (into.length < LINES_MAX) into.push([(index ? blank : lead) + text, kind]); });
}

// INFO and its like are texts of lines: shown as such.
function answer(command, reply) {
  const text = typeof reply === "string" ? reply : null;
  if (text !== null && /\r?\n/.test(text) && /^(info|client|cluster|memory|latency|lolwut)$/i.test(String(command[0]))) {
    return h("div.answered", {}, text.split(/\r?\n/).map((line) => [show(line), "\n"]));
  }
  const found = [];
  lines(reply, "", found);
  const element = h("div.answered", {}, found.map(([line, kind]) => [h(`span${kind ? `.${kind}` : ""}`, {}, line), "\n"]));
  if (found.length >= LINES_MAX) element.append(h("span.r-null", {}, `… cut after ${LINES_MAX} lines`));
  return element;
}

export function commandLine(query) {
  let at = history.length;
  let chosen = -1;
  let offered = [];
  const session = h("div.session", { tabindex: "0", role: "log", "aria-label": "Replies", "aria-live": "polite" });
  const completions = h("ul.completions", { role: "listbox", id: "completions", hidden: true });
  const hint = h("p.hint", {}, " ");
  const input = h("input.field", {
    type: "text", "aria-label": "Command", role: "combobox", "aria-expanded": "false", "aria-controls": "completions", "aria-autocomplete": "list",
    autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: "GET key", value: query.get("line") || "",
  });
  const mode = h("span");
  const element = h("div.stack", {},
    h("div.title", {}, h("h1", {}, "Command line"), mode),
    h("section.panel", {}, session, hint,
      h("form.prompt", { onsubmit: (event) => { event.preventDefault(); submit(); } }, completions, h("span", { "aria-hidden": "true" }, ">"), input,
        h("button.main", { type: "submit" }, "Run"))));
  session.append(...transcript);
  if (!transcript.length) remember(h("div.answered.muted", {}, "Tab completes, ↑ and ↓ go through what you ran, quotes as in redis-cli.\n"));

  function remember(block) {
    transcript.push(block);
    session.append(block);
    while (transcript.length > OUTPUT_MAX) transcript.shift().remove();
    session.scrollTop = session.scrollHeight;
  }

  function offer() {
    offered = complete(input.value);
    const exact = offered.length === 1 && offered[0].name === input.value.trim().toUpperCase();
    const open = offered.length > 0 && !exact && document.activeElement === input;
    chosen = -1;
    put(completions, open ? offered.map((one, index) => h("li", { role: "option", id: `option-${index}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); take(index); } },
      h("span.code", {}, one.name), h("span.cut.muted", {}, one.summary))) : []);
    completions.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    input.removeAttribute("aria-activedescendant");
    const help = helpFor(input.value);
    put(hint, help ? [h("b.code", {}, `${help.name} ${help.syntax}`), h("br"), `${help.summary}${help.complexity ? ` · ${help.complexity}` : ""}`] : " ");
  }

  function mark(index) {
    chosen = (index + offered.length) % offered.length;
    [...completions.children].forEach((line, place) => line.setAttribute("aria-selected", String(place === chosen)));
    input.setAttribute("aria-activedescendant", `option-${chosen}`);
    completions.children[chosen].scrollIntoView({ block: "nearest" });
  }

  function take(index) {
    input.value = `${offered[index].name} `;
    input.focus();
    offer();
  }

  async function submit() {
    const line = input.value.trim();
    if (!line) return;
    const parsed = words(line);
    remember(h("div.asked", {}, `> ${line}`));
    if (history[history.length - 1] !== line) history.push(line);
    if (history.length > HISTORY_MAX) history.shift();
    at = history.length;
    input.value = "";
    offer();
    if (parsed.error) {
      remember(h("div.answered.r-error", {}, `(${parsed.error})`));
      return;
    }
    const begun = performance.now();
    try {
      const [reply] = await run([parsed.words]);
      const block = answer(parsed.words, reply);
      block.title = `answered in ${seconds((performance.now() - begun) / 1000)}`;
      remember(block);
    } catch (error) {
      remember(h("div.answered.r-error", {}, `${error.title}: ${error.message}`));
    }
  }

  input.addEventListener("input", offer);
  input.addEventListener("focus", offer);
  input.addEventListener("blur", () => { completions.hidden = true; input.setAttribute("aria-expanded", "false"); });
  input.addEventListener("keydown", (event) => {
    const open = !completions.hidden && offered.length > 0;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Tab" && open && !event.shiftKey) {
      event.preventDefault();
      take(chosen >= 0 ? chosen : 0);
    } else if (event.key === "Enter" && open && chosen >= 0) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === "Escape" && open) {
      completions.hidden = true;
      input.setAttribute("aria-expanded", "false");
      offered = [];
    } else if (step && open) {
      event.preventDefault();
      mark(chosen < 0 && step < 0 ? offered.length - 1 : chosen + step);
    } else if (step && history.length) {
      event.preventDefault();
      at = Math.max(0, Math.min(history.length, at + step));
      input.value = history[at] || "";
    }
  });

  loadDocs().then(offer, () => {});
  setTimeout(() => { if (innerWidth > 820) input.focus(); session.scrollTop = session.scrollHeight; });
  return {
    element,
    update() {
      const text = node.about && node.about.writes ? "may change data" : "read-only";
      if (mode.textContent !== text) put(mode, tag(text, node.about && node.about.writes ? "warn" : "good"));
    },
  };
}
