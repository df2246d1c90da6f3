// inside.js - debug mode (debug.enabled): levels of the log for a while, captures of what clients
// send, profiles, how full segments and index are.  Nothing of it is asked for while it is off.

import { h, put, say, table, empty, failed, loading, tag } from "./dom.js";
import { bytes, count, ratio, span, clock } from "./format.js";
import { ask, call } from "./api.js";
import { node, refresh } from "./node.js";

const LEVELS = ["error", "warn", "info", "debug", "trace"];
const FRAMES = 50;

const opened = () => Boolean(node.config && node.config["debug.enabled"] === "true");
const allowed = () => Boolean(node.about && node.about.writes);

// A panel that asks when it is opened and on demand; `draw` gets what the node said.
function asked(id, title, path, draw, ...controls) {
  const place = h("div.inside.stack");
  const again = h("button.quiet", { type: "button", onclick: () => load() }, "Read again");
  async function load() {
    try {
      put(place, draw(await ask(path)));
    } catch (error) {
      put(place, failed(error, load));
    }
  }
  put(place, loading(3));
  return { load, element: h("section.panel", { id }, h("header", {}, h("h2", {}, title), ...controls, again), place) };
}

// ---- levels ----

function levels() {
  const component = h("select", { "aria-label": "Component" });
  const level = h("select", { "aria-label": "Level" }, LEVELS.map((one) => h("option", { value: one }, one)));
  const minutes = h("select", { "aria-label": "For how long" }, [1, 5, 30].map((one) => h("option", { value: String(one) }, `${one} min`)));
  const outcome = h("p.small.muted", { role: "status" }, " ");
  const rows = table([
    { name: "Component", of: (r) => r.component },
    { name: "Level", of: (r) => r.level, show: (r) => (r.reverts_in_ms ? tag(r.level, "warn") : r.level) },
    { name: "Goes back", of: (r) => r.reverts_in_ms, show: (r) => (r.reverts_in_ms ? `to ${r.configured} in ${span(r.reverts_in_ms / 1000)}` : "–") },
  ], { sort: 0, descending: false, label: "Levels by component" });
  async function change(body) {
    try {
      await ask("/api/debug/levels", { method: "POST", body });
      say(outcome, "Done; it goes back by itself.");
    } catch (error) {
      say(outcome, error.message);
    }
    panel.load();
  }
  level.value = "trace";
  minutes.value = "5";
  const form = h("form.form", { onsubmit: (event) => {
    event.preventDefault();
    change({ component: component.value, level: level.value, seconds: 60 * Number(minutes.value) });
  } }, component, level, minutes, h("button.main", { type: "submit" }, "Set"),
  h("button", { type: "button", onclick: () => change({ component: "ALL", level: "reset" }) }, "Take all back"));
  const panel = asked("levels", "Levels for a while", "/api/debug/levels", (said) => {
    if (!component.children.length) put(component, said.levels.map((one) => h("option", { value: one.component }, one.component)));
    rows.show(said.levels);
    return [allowed() ? [form, outcome] : h("p.small.muted", {}, "Read-only: see security.http_admin."), rows.element];
  });
  return panel;
}

// ---- captures ----

function capture() {
  const rows = table([
    { name: "#", number: true, of: (r) => r.number },
    { name: "Time", of: (r) => r.time_us, show: (r) => clock(r.time_us / 1000) },
    { name: "Client", of: (r) => r.client, show: (r) => h("span", { title: r.address }, String(r.client)) },
    { name: "From", of: (r) => r.from, show: (r) => tag(r.from, r.from === "client" ? "good" : undefined) },
    { name: "Bytes", number: true, of: (r) => r.bytes },
    { name: "Frame", wide: true, of: (r) => r.text, show: (r) => h("span.code", {}, r.text + (r.kept_bytes < r.bytes ? " …" : "")) },
  ], { sort: 0, label: "Frames" });
  const client = h("input.field", { type: "text", inputmode: "numeric", placeholder: "all clients", "aria-label": "Number of the client", size: "10" });
  async function order(method, path, body) {
    try {
      await ask(path, { method, body });
    } finally {
      panel.load();
    }
  }
  const start = () => order("POST", "/api/debug/capture", /^\d+$/.test(client.value.trim()) ? { client: Number(client.value.trim()) } : undefined);
  const buttons = h("div.form", {}, client, h("button.main", { type: "button", onclick: start }, "Start"),
    h("button", { type: "button", onclick: () => order("POST", "/api/debug/capture/stop") }, "Stop"),
    h("button", { type: "button", onclick: () => order("DELETE", "/api/debug/capture") }, "Clear"),
    h("a", { href: "/api/debug/capture/pcap", download: "hypercache.pcap" }, "pcap"),
    h("a", { href: "/api/debug/capture/text", target: "_blank", rel: "noopener" }, "text"));
  const panel = asked("capture", "Capture", `/api/debug/capture?count=${FRAMES}`, (said) => {
    const now = said.status;
    rows.show(said.frames);
    const about = `${now.running ? "Runs" : "Stopped"}; ${count(now.frames)} frames, ${bytes(now.bytes)} of ${bytes(now.bytes_max)}, ${count(now.dropped)} had to go`;
    return [buttons, h("p.small.muted", { role: "status" }, about),
      said.frames.length ? rows.element : empty("No frames", "What RESP clients and this node say to each other is kept while a capture runs.")];
  });
  return panel;
}

// ---- profiles, allocations ----

function profiles() {
  const rows = table([
    { name: "Subsystem", of: (r) => r.subsystem },
    { name: "Now", number: true, of: (r) => r.live_bytes, show: (r) => bytes(r.live_bytes) },
    { name: "Peak", number: true, of: (r) => r.peak_bytes, show: (r) => bytes(r.peak_bytes) },
    { name: "Blocks", number: true, of: (r) => r.live_blocks, show: (r) => count(r.live_blocks) },
    { name: "Reserved", number: true, of: (r) => r.reserved_bytes, show: (r) => bytes(r.reserved_bytes) },
  ], { sort: 1, label: "Allocations by subsystem" });
  return asked("profiles", "Profiles and allocations", "/api/debug/allocations", (said) => {
    if (said.subsystems) rows.show(said.subsystems);
    const links = [5, 10, 30].map((s) => h("a", { href: `/api/debug/profile/cpu?seconds=${s}`, download: "cpu.prof" }, `${s} s`));
    return [allowed() ? h("p.row", {}, "Processor, for pprof:", links) : h("p.small.muted", {}, "Profiles need security.http_admin."),
      said.subsystems ? rows.element : h("p.small.muted", {}, "Allocations are counted with debug.performance_profiling, from the start on.")];
  });
}

// ---- shards ----

function shards() {
  const rows = table([
    { name: "Shard", number: true, of: (r) => r.shard },
    { name: "Keys", number: true, of: (r) => r.keys, show: (r) => count(r.keys) },
    { name: "Index", number: true, of: (r) => r.index_load, show: (r) => ratio(r.index_load) },
    { name: "Segments", number: true, of: (r) => r.segments, show: (r) => h("span", { title: `${r.segments_open} open, ${r.segments_sealed} sealed, ${r.segments_free} free` }, count(r.segments)) },
    { name: "Live", number: true, of: (r) => r.live_bytes, show: (r) => bytes(r.live_bytes) },
    { name: "Garbage", number: true, of: (r) => r.used_bytes - r.live_bytes, show: (r) => bytes(r.used_bytes - r.live_bytes) },
  ], { sort: 0, descending: false, label: "Shards" });
  return asked("shards", "Segments and index", "/api/debug/shards", (said) => {
    rows.show(said.shards);
    return rows.element;
  });
}

// ---- one key ----

// What debug mode adds to an inspected key, as pairs; nothing while it is off.
export async function inside(key) {
  if (!opened()) return [];
  const path = encodeURIComponent(key);
  const [{ record }, { owner }, { filter }] = await Promise.all(["record", "owner", "filter"].map((one) => ask(`/api/debug/${one}/${path}`)));
  const pairs = Object.entries(record).map(([name, value]) => [name.replaceAll("_", " "), String(value)]);
  pairs.push(["slot of the cluster", String(owner.slot)], ["served by", owner.is_self ? "this node" : owner.owner]);
  if (filter) pairs.push(["filter", `${filter.contains ? "lets it pass" : "answers that it is not there"}; buckets ${filter.layers.map((one) => one.buckets.map((b) => b.bucket).join(" and ")).join(", ")}`]);
  return pairs;
}

export function debugMode() {
  const element = h("div.stack", { id: "debug-mode" });
  let drawn = null;
  async function open() {
    await call("CONFIG", "SET", "debug.enabled", "yes");
    refresh();
  }
  function draw() {
    if (!opened()) {
      const button = allowed() ? h("button.main", { type: "button", onclick: open }, "Turn it on") : null;
      put(element, h("section.panel", {}, empty("Debug mode is off", "debug.enabled opens levels for a while, captures, profiles, and looks at segments and owners.", button)));
      return;
    }
    const panels = [levels(), allowed() ? capture() : null, profiles(), shards()].filter(Boolean);
    put(element, panels.map((one) => one.element));
    for (const one of panels) one.load();
  }
  return {
    element,
    update() {
      const now = node.config ? `${opened()} ${allowed()}` : null;
      if (now === null || now === drawn) return;
      drawn = now;
      draw();
    },
  };
}
