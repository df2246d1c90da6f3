// debug.js - a closer look: durations of each command, one key's record, log levels, what the node
// itself thinks of its memory and latency, profiles and captures where the node offers them.

import { h, put, say, table, empty, failed, loading, choices } from "./dom.js";
import { bytes, count, seconds, whole, span, ratio, clock } from "./format.js";
import { ask, run, call, isError, fields, number } from "./api.js";
import { show, words } from "./bytes.js";
import { node, refresh } from "./node.js";
import { debugMode, inside } from "./inside.js";

const LEVELS = ["error", "warn", "info", "debug", "trace"];

// ---- durations ----

function histogram(name, steps) {
  const total = steps.length ? steps[steps.length - 1][1] : 0;
  let before = 0;
  const rows = steps.map(([us, below]) => {
    const here = below - before;
    before = below;
    return [us, here];
  });
  const most = Math.max(1, ...rows.map(([, here]) => here));
  return h("div.stack", {}, h("h2.code", {}, name), h("table", { "aria-label": `Durations of ${name}` },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Up to"), h("th", { scope: "col" }, " "), h("th.number", { scope: "col" }, "Share"), h("th.number", { scope: "col" }, "Count"))),
    h("tbody", {}, rows.map(([us, here]) => {
      const fill = h("span");
      fill.style.width = `${(100 * here) / most}%`;
      return h("tr", {}, h("td", {}, `${count(us >= 1000 ? Math.round(us / 100) / 10 : us)} ${us >= 1000 ? "ms" : "µs"}`), h("td.fill", {}, h("div.bar", {}, fill)), h("td.number", {}, ratio(here / total)), h("td.number", {}, whole(here)));
    }))));
}

function durations() {
  const place = h("div.inside", {}, loading());
  const chooser = h("select", { "aria-label": "Command", onchange: draw });
  let known = new Map();
  function draw() {
    const steps = known.get(chooser.value);
    put(place, steps ? histogram(chooser.value.toUpperCase().replace("|", " "), steps) : empty("Nothing ran yet", "Durations are kept for each command (latency.histograms)."));
  }
  async function load() {
    try {
      const reply = await call("LATENCY", "HISTOGRAM");
      known = new Map(Object.entries(fields(reply)).map(([name, value]) => [name, pairs(fields(value).histogram_usec)]));
      const before = chooser.value;
      const ordered = [...known].sort((a, b) => (b[1].at(-1)?.[1] || 0) - (a[1].at(-1)?.[1] || 0));
      put(chooser, ordered.map(([name]) => h("option", { value: name }, name.toUpperCase().replace("|", " "))));
      if (known.has(before)) chooser.value = before;
      draw();
    } catch (error) {
      put(place, failed(error, load));
    }
  }
  load();
  return h("section.panel", { id: "durations" }, h("header", {}, h("h2", {}, "Durations by command"), chooser, h("button.quiet", { type: "button", onclick: load }, "Read again")), place);
}

function pairs(reply) {
  if (reply && !Array.isArray(reply) && reply.map) return reply.map.map(([key, value]) => [number(key), number(value)]);
  const found = [];
  for (let at = 0; Array.isArray(reply) && at + 1 < reply.length; at += 2) found.push([number(reply[at]), number(reply[at + 1])]);
  return found;
}

// ---- one key ----

function inspector() {
  const field = h("input.field", { type: "text", placeholder: "Key", "aria-label": "Key to inspect", spellcheck: "false", autocapitalize: "off" });
  const place = h("div", {}, empty("Where does a key lie?", "Its shard, segment, bucket and use counts, as the store sees them."));
  async function look() {
    const parsed = words(field.value);
    const key = parsed.words && parsed.words.length === 1 ? parsed.words[0] : field.value;
    put(place, loading(3));
    try {
      const [memory, encoding, ttl] = await run([["MEMORY", "USAGE", key], ["OBJECT", "ENCODING", key], ["PTTL", key]]);
      const [object] = node.about && node.about.writes ? await run([["DEBUG", "OBJECT", key]]) : [{ error: "Where it lies is told with security.http_admin and security.debug_commands." }];
      if (memory === null) {
        put(place, empty("No such key", show(key)));
        return;
      }
      const rows = [["Memory", bytes(number(memory))], ["Encoding", isError(encoding) ? "–" : show(encoding)], ["Expires", number(ttl) < 0 ? "never" : `in ${span(number(ttl) / 1000)}`]];
      if (!isError(object)) {
        const text = typeof object === "string" ? object : object.status || "";
        for (const part of text.split(" ")) {
          const at = part.indexOf(":");
          if (at > 0) rows.push([part.slice(0, at).replaceAll("_", " "), part.slice(at + 1)]);
        }
      }
      if (typeof key === "string") rows.push(...await inside(key));
      put(place, h("dl.pairs", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
        isError(object) ? h("p.small.muted", {}, object.error) : null);
    } catch (error) {
      put(place, failed(error, look));
    }
  }
  return h("section.panel", { id: "inspector" }, h("header", {}, h("h2", {}, "Inspect a key")), h("div.inside.stack", {},
    h("form.form", { onsubmit: (event) => { event.preventDefault(); look(); } }, h("div.grow", {}, field), h("button.main", { type: "submit" }, "Look")), place));
}

// ---- settings of the log, persistence ----

function logLevels() {
  const place = h("div.inside.stack");
  const outcome = h("p.small.muted", { role: "status" }, " ");
  const now = () => (node.config ? node.config["logging.level"] : null);
  async function change(level) {
    try {
      await call("CONFIG", "SET", "logging.level", level);
      say(outcome, `Level is ${level}.`);
      refresh();
    } catch (error) {
      say(outcome, error.message);
    }
  }
  const allowed = () => Boolean(node.about && node.about.writes);
  let drawn = null;
  return {
    element: h("section.panel", {}, h("header", {}, h("h2", {}, "Log")), place),
    update() {
      const key = `${now()} ${allowed()}`;
      if (!node.config || key === drawn) return;
      drawn = key;
      const buttons = choices("Log level", LEVELS.map((one) => [one, one]), now(), change);
      for (const button of buttons.children) button.disabled = !allowed();
      put(place, h("div.scroll", {}, buttons), h("dl.pairs", {},
        h("dt", {}, "Components"), h("dd", {}, node.config["logging.components"] || "all at that level"),
        h("dt", {}, "Output"), h("dd", {}, [node.config["logging.output"], node.config["logging.file"]].filter(Boolean).join(", ") || "–")),
      allowed() ? outcome : h("p.small.muted", {}, "Read-only: see security.http_admin."));
    },
  };
}

function persistence() {
  const place = h("div.inside.stack", {}, loading(3));
  const outcome = h("p.small.muted", { role: "status" }, " ");
  const button = h("button", { type: "button", onclick: async () => {
    try {
      const reply = await call("BGSAVE");
      say(outcome, reply && reply.status ? reply.status : "Begun.");
      refresh();
    } catch (error) {
      say(outcome, error.message);
    }
  } }, "Write a snapshot");
  let seen = null;
  return {
    element: h("section.panel", { id: "persistence" }, h("header", {}, h("h2", {}, "Persistence")), place),
    update() {
      const info = node.info;
      if (!info || info === seen) return;
      seen = info;
      button.disabled = !(node.about && node.about.writes);
      const syncs = Number(info.hypercache_syncs);
      put(place, h("dl.pairs", {},
        [["Log", info.aof_enabled === "1" ? `on, sync ${info.hypercache_sync_policy}, ${bytes(Number(info.aof_current_size))} in ${info.hypercache_log_files} files` : "off"],
          ["Not yet on the disk", whole(Math.max(0, Number(info.hypercache_lsn || 0) - Number(info.hypercache_durable_lsn || 0))) + " bytes of log"],
          ["Sync takes", syncs > 0 ? `${seconds(Number(info.hypercache_sync_usec) / syncs / 1e6)} on average, ${seconds(Number(info.hypercache_sync_usec_max) / 1e6)} at most` : "–"],
          ["Snapshots", `${info.hypercache_snapshots || 0} written, ${info.hypercache_snapshots_failed || 0} failed`],
          ["Last snapshot", Number(info.hypercache_snapshots) > 0 ? `${clock(1000 * Number(info.rdb_last_save_time))}: ${count(Number(info.hypercache_snapshot_keys))} keys, ${bytes(Number(info.hypercache_snapshot_bytes))} in ${seconds(Number(info.hypercache_snapshot_usec) / 1e6)}` : "none in this run"],
          ["Disk", `${info.hypercache_disk_status || "–"}, ${info.hypercache_disk_errors || 0} errors`]].map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      h("div.row", {}, button, outcome));
    },
  };
}

function doctors() {
  const place = h("div.inside.stack", {}, loading(3));
  async function load() {
    try {
      const [memory, latency] = await run([["MEMORY", "DOCTOR"], ["LATENCY", "DOCTOR"]]);
      const text = (reply) => (isError(reply) ? reply.error : String(reply).replaceAll("\r", ""));
      put(place, h("pre.preview", { tabindex: "0" }, text(memory)), h("pre.preview", { tabindex: "0" }, text(latency)));
    } catch (error) {
      put(place, failed(error, load));
    }
  }
  load();
  return h("section.panel", {}, h("header", {}, h("h2", {}, "The node's own judgement"), h("button.quiet", { type: "button", onclick: load }, "Ask again")), place);
}

// ---- what the node offers to be fetched ----

function offers() {
  const place = h("div.inside.stack", {}, loading(3));
  const rows = table([
    { name: "Endpoint", of: (r) => r.path, show: (r) => (r.get && !r.path.includes("{") ? h("a.code", { href: r.path, target: "_blank", rel: "noopener" }, r.path) : h("span.code", {}, r.path)) },
    { name: "Method", of: (r) => r.methods },
    { name: "What it does", wide: true, of: (r) => r.summary },
  ], { sort: 0, descending: false, label: "Endpoints" });
  async function load() {
    try {
      const api = await ask("/openapi.json");
      const found = Object.entries(api.paths || {}).map(([path, verbs]) => ({
        path, methods: Object.keys(verbs).map((verb) => verb.toUpperCase()).join(" "), get: Boolean(verbs.get),
        summary: Object.values(verbs).map((verb) => verb.summary).filter(Boolean)[0] || "",
      }));
      rows.show(found);
      put(place, found.length ? h("div", {}, rows.element) : empty("No endpoints", null));
    } catch (error) {
      put(place, failed(error, load));
    }
  }
  load();
  return h("section.panel", { id: "endpoints" }, h("header", {}, h("h2", {}, "Endpoints of this node")), place);
}

export function debug() {
  const log = logLevels();
  const disk = persistence();
  const mode = debugMode();
  const element = h("div.stack", {}, h("div.title", {}, h("h1", {}, "Debug"), h("p", {}, "A closer look at one node.")),
    h("div.split", {},
      h("div.stack", {}, durations(), inspector(), mode.element, offers()),
      h("div.stack", {}, log.element, disk.element, doctors())));
  return { element, update() { log.update(); disk.update(); mode.update(); } };
}
