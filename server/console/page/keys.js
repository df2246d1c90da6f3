// keys.js - the keys of a store, by prefix, looked at in bounded steps.
//
// One step scans at most STEP_KEYS keys of the store and stops; the reader decides whether to go
// on.  The tree is made of what was found so far and says so.  Details are asked for the keys that
// are listed, never for all.

import { h, put, say, empty, failed, loading, tag } from "./dom.js";
import { bytes, whole, span, count, ratio } from "./format.js";
import { run, isError, number, ApiError } from "./api.js";
import { show, size, identity, asText, asHex, isBinary } from "./bytes.js";
import { node } from "./node.js";

const SCAN_COUNT = 2000;   // looked at by one SCAN
const STEP_SCANS = 5;      // of a step
const FOUND_MAX = 20000;   // kept in the page
const LISTED_MAX = 200;    // rows of one prefix
const PREVIEW_BYTES = 4096;

// Prefixes and keys directly below `prefix`, the largest group first.
function level(keys, prefix) {
  const groups = new Map();
  const leaves = [];
  for (const key of keys) {
    const text = isBinary(key) ? null : key;
    if (prefix !== "" && (text === null || !text.startsWith(prefix))) continue;
    const rest = text === null ? "" : text.slice(prefix.length);
    const at = text === null ? -1 : rest.indexOf(":");
    if (at >= 0 && at + 1 < rest.length) {
      const group = prefix + rest.slice(0, at + 1);
      groups.set(group, (groups.get(group) || 0) + 1);
    } else {
      leaves.push(key);
    }
  }
  return { groups: [...groups].sort((a, b) => b[1] - a[1]), leaves };
}

export function keys(query) {
  let store = query.get("store") || "";
  let prefix = "";
  let cursor = "0";
  let looked = 0;
  let total = 0;
  let found = [];
  let seen = new Set();
  let busy = false;
  let selected = null;
  let ended = false;

  const pattern = h("input.field", { type: "search", value: query.get("match") || "", placeholder: "Pattern, e.g. user:*", "aria-label": "Pattern of keys", spellcheck: "false", autocapitalize: "off" });
  const stores = h("select", { "aria-label": "Store", onchange: () => { store = stores.value; begin(); } }, h("option", { value: "" }, "default"));
  const more = h("button", { type: "button", onclick: () => step() }, "Look on");
  const progress = h("span.small.muted", { role: "status" }, " ");
  const crumbs = h("nav.crumbs", { "aria-label": "Prefix" });
  const list = h("div.inside.flush", {}, loading(8));
  const details = h("div.inside", {}, empty("No key chosen", "Choose a key to see its value."));
  const element = h("div.stack", {},
    h("div.title", {}, h("h1", {}, "Keys"), h("p", { id: "keys-note" }, "Scanned in bounded steps; nothing is looked at that you did not ask for.")),
    h("form.form", { role: "search", onsubmit: (event) => { event.preventDefault(); begin(); } },
      h("label.grow", {}, "Pattern", pattern), h("label", {}, "Store", stores), h("button.main", { type: "submit" }, "Scan")),
    h("div.browse", {},
      h("section.panel", { "aria-label": "Keys found" }, h("header", {}, crumbs), list,
        h("div.inside.spread", {}, progress, more)),
      h("section.panel", { "aria-label": "Key", id: "details" }, details)));

  function begin() {
    [prefix, cursor, looked, found, seen, selected] = ["", "0", 0, [], new Set(), null];
    put(details, empty("No key chosen", "Choose a key to see its value."));
    put(list, loading(8));
    step();
  }

  async function step() {
    if (busy) return;
    busy = true;
    more.disabled = true;
    try {
      const match = pattern.value.trim();
      for (let i = 0; i < STEP_SCANS && !ended; i++) {
        const commands = [["SCAN", cursor, ...(match ? ["MATCH", match] : []), "COUNT", String(SCAN_COUNT)], ["DBSIZE"]];
        const [reply, size] = await run(commands, { store });
        if (isError(reply)) throw new ApiError("Refused", reply.error);
        cursor = String(reply[0]);
        total = number(size);
        looked = Math.min(total, looked + Math.max(SCAN_COUNT, reply[1].length));
        for (const key of reply[1]) {
          const id = identity(key);
          if (seen.has(id) || found.length >= FOUND_MAX) continue;
          seen.add(id);
          found.push(key);
        }
        tell();
        if (cursor === "0" || found.length >= FOUND_MAX) break;
      }
      if (!ended) draw();
    } catch (error) {
      if (!ended) put(list, failed(error, begin));
    }
    busy = false;
    tell();
  }

  function tell() {
    const done = cursor === "0";
    more.disabled = busy || done || found.length >= FOUND_MAX;
    if (done) looked = total;
    say(progress, found.length >= FOUND_MAX ? `${whole(found.length)} found: as many as the page keeps. Choose a narrower pattern.`
      : `${whole(found.length)} found in ${whole(looked)} of ${whole(total)} keys${done ? "" : ` (${ratio(total ? looked / total : 1)})`}`);
  }

  function enter(next) {
    prefix = next;
    draw();
  }

  function drawCrumbs() {
    const steps = [["", "all keys"]];
    let so = "";
    for (const part of prefix.split(":").filter((_, index, all) => index + 1 < all.length)) {
      so += `${part}:`;
      steps.push([so, `${show(part)}:`]);
    }
    put(crumbs, steps.map(([target, text], index) => h("button", {
      type: "button", ...(index + 1 === steps.length ? { "aria-current": "true" } : {}), onclick: () => enter(target),
    }, text)));
  }

  async function draw() {
    drawCrumbs();
    const { groups, leaves } = level(found, prefix);
    if (!groups.length && !leaves.length) {
      put(list, cursor === "0" ? empty(total ? "No such key" : "No keys", total ? "Nothing in this store matches the pattern." : "This store is empty.")
        : empty("Nothing yet", "No key matched so far. Look on to scan further."));
      return;
    }
    const listed = leaves.slice(0, LISTED_MAX);
    const cells = listed.map((key) => ({ key, ttl: h("td.number", {}, " "), bytes: h("td.number", {}, " ") }));
    const body = h("tbody", {},
      groups.slice(0, LISTED_MAX).map(([group, among]) => h("tr", {},
        h("td", {}, h("button.key", { type: "button", onclick: () => enter(group) }, show(group), "…")),
        h("td.number.muted", { colSpan: 2 }, `${whole(among)} ${among === 1 ? "key" : "keys"}`))),
      cells.map((cell) => {
        const line = h("tr", { "aria-selected": String(selected !== null && identity(selected) === identity(cell.key)) },
          h("td", {}, h("button.key", { type: "button", title: show(cell.key), onclick: () => choose(cell.key, line) }, show(cell.key) || '""')), cell.ttl, cell.bytes);
        return line;
      }));
    const hidden = leaves.length - listed.length + Math.max(0, groups.length - LISTED_MAX);
    put(list, h("div.scroll.keys", {}, h("table", { "aria-label": "Keys" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Key"), h("th.number", { scope: "col" }, "Expires"), h("th.number", { scope: "col" }, "Size"))), body)),
    hidden > 0 ? h("p.small.muted.under", {}, `${whole(hidden)} more are not listed; choose a narrower pattern.`) : null);
    await describe(cells);
  }

  // Time to live and size of what is listed.
  async function describe(cells) {
    for (let at = 0; at < cells.length && !ended; at += 30) {
      const part = cells.slice(at, at + 30);
      try {
        const replies = await run(part.flatMap((cell) => [["PTTL", cell.key], ["MEMORY", "USAGE", cell.key]]), { store });
        part.forEach((cell, index) => {
          const ttl = replies[2 * index];
          const memory = replies[2 * index + 1];
          say(cell.ttl, ttl === -2 ? "gone" : ttl === -1 ? "never" : `in ${span(number(ttl) / 1000)}`);
          say(cell.bytes, memory === null || isError(memory) ? "–" : bytes(number(memory)));
          if (ttl === -1) cell.ttl.className = "number muted";
        });
      } catch {
        return; // the list stands without them
      }
    }
  }

  // ---- one key ----

  const mayChange = () => Boolean(node.about && node.about.writes);

  async function choose(key, line) {
    selected = key;
    for (const other of list.querySelectorAll("tr[aria-selected]")) other.setAttribute("aria-selected", String(other === line));
    put(details, loading(5));
    try {
      const [type, ttl, memory, length, value, encoding] = await run([["TYPE", key], ["PTTL", key], ["MEMORY", "USAGE", key],
        ["STRLEN", key], ["GETRANGE", key, "0", String(PREVIEW_BYTES - 1)], ["OBJECT", "ENCODING", key]], { store });
      if (ended || selected !== key) return;
      if (type && type.status === "none") {
        put(details, empty("Gone", "The key expired, was evicted or deleted since the scan."));
        return;
      }
      drawKey(key, { type: type.status || String(type), ttl, memory, length, value, encoding });
      if (innerWidth <= 820) details.scrollIntoView({ block: "start" });
    } catch (error) {
      if (!ended) put(details, failed(error, () => choose(key, line)));
    }
  }

  function drawKey(key, about) {
    const readable = !isError(about.value);
    const text = readable ? asText(about.value) : null;
    const view = h(`pre.preview${text === null ? ".hex" : ""}`, { tabindex: "0", "aria-label": "Value" }, readable ? (text === null ? asHex(about.value) : text) : "This type has no preview.");
    const views = readable ? ["text", "hex"].map((name) => h("button", { type: "button", "aria-pressed": String((name === "text") === (text !== null)), disabled: name === "text" && text === null, onclick: (event) => {
      view.className = `preview ${name === "hex" ? "hex" : ""}`;
      say(view, name === "hex" ? asHex(about.value) : text);
      for (const one of event.target.parentNode.children) one.setAttribute("aria-pressed", String(one === event.target));
    } }, name)) : [];
    const length = isError(about.length) ? null : number(about.length);
    const outcome = h("p.notice", { role: "status", hidden: true });
    put(details, h("div.stack", {},
      h("h2.key", { id: "key-name" }, h("bdi", {}, show(key) || '""')),
      h("dl.pairs", {},
        h("dt", {}, "Type"), h("dd", {}, about.type, isError(about.encoding) || about.encoding === null ? null : h("span.muted", {}, ` ${show(about.encoding)}`)),
        h("dt", {}, "Expires"), h("dd", { id: "key-ttl" }, number(about.ttl) < 0 ? "never" : `in ${span(number(about.ttl) / 1000)}`),
        h("dt", {}, "Value"), h("dd", { id: "key-length" }, length === null ? "–" : `${whole(length)} bytes`),
        h("dt", {}, "In memory"), h("dd", {}, isError(about.memory) || about.memory === null ? "–" : bytes(number(about.memory))),
        h("dt", {}, "Key"), h("dd", {}, `${whole(size(key))} bytes`, isBinary(key) ? [" ", tag("not text", "warn")] : null)),
      h("div.spread", {}, h("div.choices", { role: "group", "aria-label": "View" }, views),
        length !== null && length > PREVIEW_BYTES ? h("span.small.muted", {}, `the first ${bytes(PREVIEW_BYTES)}`) : null),
      view, outcome, editor(key, about, length, outcome)));
  }

  function editor(key, about, length, outcome) {
    if (!mayChange()) return h("p.small.muted", {}, "Read-only: the node lets the console change nothing (security.http_admin).");
    const done = (text) => { say(outcome, text); outcome.hidden = false; };
    const change = async (command, text, after) => {
      try {
        const [reply] = await run([command], { store });
        if (isError(reply)) throw new ApiError("Refused", reply.error);
        done(text);
        if (after) after();
      } catch (error) {
        done(error.message);
      }
    };
    const whole = length !== null && length <= PREVIEW_BYTES && !isBinary(about.value) && about.type === "string";
    const value = h("textarea.field", { "aria-label": "New value", spellcheck: "false", value: whole ? about.value : "" });
    const ttl = h("input.field", { type: "number", min: "1", placeholder: "seconds", "aria-label": "Time to live in seconds" });
    const remove = h("button.danger", { type: "button", onclick: () => {
      if (remove.textContent === "Delete") {
        say(remove, "Delete for good?");
        setTimeout(() => say(remove, "Delete"), 4000);
      } else {
        change(["DEL", key], "Deleted.", () => { found = found.filter((one) => identity(one) !== identity(key)); draw(); });
      }
    } }, "Delete");
    return h("div.stack", {},
      whole ? [value, h("div.row", {}, h("button.main", { type: "button", onclick: () => change(["SET", key, value.value, "XX", "KEEPTTL"], "Saved.") }, "Save value"))] : null,
      h("div.form", {}, h("label.grow", {}, "Time to live", ttl),
        h("button", { type: "button", onclick: () => (ttl.value ? change(["EXPIRE", key, ttl.value], `Expires in ${count(Number(ttl.value))} s.`) : change(["PERSIST", key], "Never expires.")) }, "Set"), remove));
  }

  async function loadStores() {
    try {
      const [reply] = await run([["STORES"]]);
      if (isError(reply) || !Array.isArray(reply)) return;
      const names = reply.map((one) => (typeof one === "string" ? one : null)).filter((name) => name && name !== "default");
      stores.append(...names.map((name) => h("option", { value: name }, show(name))));
      stores.value = store;
    } catch { /* one store then */ }
  }

  loadStores();
  begin();
  return { element, end() { ended = true; } };
}
