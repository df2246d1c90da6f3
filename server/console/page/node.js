// node.js - what the page knows of the node, kept fresh, and who wants to hear of it.
//
//   every second        the samples of the second that passed (the node keeps 15 minutes of them)
//   every five seconds  INFO, CONFIG, the cluster, the coarse samples of four hours
//
// Nothing is asked while the page is hidden; what was missed is fetched when it is seen again, for
// the node remembers, not the page.

import { ask, run, parseInfo, fields, isError } from "./api.js";
import { notice, fromSamples } from "./changes.js";
import { judge } from "./health.js";
import { show } from "./bytes.js";
import { bytes, count } from "./format.js";

const SECOND_MS = 1000;
const SLOW_EVERY = 5;
const SECONDS_MAX = 900;
const CHANGES_MAX = 300;

export const node = {
  about: null,     // {node_id, version, started_ms, writes, debug, ...}
  seconds: [],     // {at, ops, reads, ...}, oldest first
  spans: [],
  info: null,
  infoAt: 0,       // when it was asked for, by the node's clock
  offers: null,    // paths of the API that this node has
  config: null,
  cluster: null,   // null: unknown; {enabled: false}; else what the node says
  members: [],     // of the cluster, as it says
  events: [],      // of the node, newest first
  told: [],        // what the page saw change
  changes: [],     // all of that as {at, text, level}, newest first
  problems: [],    // {level, text, since, page}; worst first
  error: null,     // of the latest question
  skew: 0,         // its clock minus ours
  paused: false,
};

const listeners = new Set();

// `listen` is called after every round; returns what ends it.
export function onNode(listen) {
  listeners.add(listen);
  return () => listeners.delete(listen);
}

export const now = () => Date.now() + node.skew;

function takeSamples(into, answer, limit) {
  const names = answer.fields.map((field) => field.name);
  for (const row of answer.samples) {
    const sample = { at: row[0] };
    names.forEach((name, index) => { sample[name] = row[index + 1]; });
    into.push(sample);
  }
  if (into.length > limit) into.splice(0, into.length - limit);
}

async function fetchSeconds() {
  const last = node.seconds.length ? node.seconds[node.seconds.length - 1].at : 0;
  const answer = await ask(`/api/console/history?ring=seconds&after=${last}`);
  node.skew = answer.now_ms - Date.now();
  if (node.about && node.about.started_ms !== answer.started_ms) {
    node.seconds = [];
    node.spans = [];
    node.info = null;
    node.told.unshift({ at: answer.started_ms, text: "Node restarted", level: "warn" });
  }
  const { fields: _, samples: __, ...about } = answer;
  node.about = about;
  takeSamples(node.seconds, answer, SECONDS_MAX);
}

async function fetchSlowly() {
  const last = node.spans.length ? node.spans[node.spans.length - 1].at : 0;
  const [spans, replies] = await Promise.all([
    ask(`/api/console/history?ring=spans&after=${last}`),
    run([["INFO", "everything"], ["CONFIG", "GET", "*"]]),
  ]);
  takeSamples(node.spans, spans, 960);
  const info = isError(replies[0]) ? null : parseInfo(replies[0]);
  const config = isError(replies[1]) ? null : fields(replies[1]);
  if (!node.events.length) node.told.unshift(...notice(node.info, info, node.config, config, now())); // else it tells itself
  node.info = info;
  node.infoAt = now();
  node.config = config;
  await fetchOptional();
}

// Does this node have an endpoint?  It says so itself, so that none is asked for in vain.
export async function offers(path) {
  if (!node.offers) {
    const api = await ask("/openapi.json").catch(() => ({}));
    node.offers = new Set(Object.keys(api.paths || {}));
  }
  return node.offers.has(path);
}

// What other parts of the node tell; one without them has less to tell.
async function fetchOptional() {
  if (await offers("/api/cluster/status")) {
    node.cluster = await ask("/api/cluster/status");
    if (node.cluster.enabled && node.cluster.state !== "forming") {
      const answer = await ask("/api/cluster/members");
      node.members = answer.members;
    }
  } else {
    node.cluster = { enabled: false };
  }
  node.events = await recentEvents();
}

// The node's own events, oldest first; none of a node that keeps none.
export async function recentEvents() {
  if (await offers("/api/events/recent")) {
    const answer = await ask("/api/events/recent");
    return Array.isArray(answer) ? answer : answer.events || [];
  }
  const [reply] = await run([["HC.EVENTS", "COUNT", "256"]]);
  return isError(reply) ? [] : reply.map((line) => JSON.parse(line));
}

export const eventTime = (event) => {
  const at = event.timestamp ?? event.at_ms ?? event.time;
  return typeof at === "number" ? at : Date.parse(at);
};

// Those that may come again and again.
const REPEATED = new Set(["latency_high", "hint_stored", "hint_replayed", "conflict_resolved", "auth_failed", "log_rotated"]);

// What is said best in other words than the log's.
const SAID = {
  latency_high: (e) => (e.operation && e.duration ? `${String(e.operation).toUpperCase()} took ${String(e.duration).replace(/us$/, "µs")}` : e.message),
  config_changed: (e) => `Setting ${e.setting} is now ${e.value === "" ? "empty" : e.value}`,
  snapshot_finished: (e) => (e.records === undefined ? e.message : `Snapshot written: ${count(e.records)} records, ${bytes(e.bytes)}`),
  node_started: (e) => `Node started, version ${e.version}`,
  memory_pressure: (e) => `Memory: ${e.message}${e.pressure ? ` (${e.pressure})` : ""}`,
};

export function eventText(event) {
  const said = SAID[event.event] ? SAID[event.event](event) : event.message || event.event || event.operation;
  const text = String(said || "event");
  return show(text[0].toUpperCase() + text.slice(1));
}

export function eventLevel(event) {
  const level = String(event.severity || event.level || "").toLowerCase();
  if (/err|crit|fatal|bad|panic|page/.test(level)) return "bad";
  return /warn/.test(level) ? "warn" : "info";
}

// Events of one kind in a row, a minute apart at most, are one change: since the first of them.
function groups(events) {
  const open = new Map();
  const found = [];
  for (const event of [...events].sort((a, b) => eventTime(a) - eventTime(b))) {
    const at = eventTime(event);
    const run = open.get(event.event);
    if (run && REPEATED.has(event.event) && at - run.last < 60000) {
      run.count += 1 + (event.suppressed || 0);
      run.last = at;
      run.text = `${eventText(event)}, the last of ${run.count} since then`;
      continue;
    }
    const one = { at, last: at, count: 1, text: eventText(event), level: eventLevel(event) };
    open.set(event.event, one);
    found.push(one);
  }
  return found.reverse();
}

function gather() {
  const own = groups(node.events.filter((event) => !/debug|trace/i.test(event.level || "") && event.event !== "snapshot_started"));
  const started = node.events.some((event) => event.event === "node_started");
  const derived = fromSamples(node.seconds, node.spans, started ? null : node.about);
  const all = [...own, ...derived, ...node.told];
  const seen = new Set();
  node.changes = all.filter((one) => {
    const key = `${Math.round(one.at / 2000)} ${one.text}`;
    return Number.isFinite(one.at) && !seen.has(key) && seen.add(key);
  }).sort((a, b) => b.at - a.at).slice(0, CHANGES_MAX);
  node.told.length = Math.min(node.told.length, CHANGES_MAX);
}

let round = 0;
let timer = null;
let busy = false;

async function tick() {
  if (busy || document.hidden || node.paused) return;
  busy = true;
  try {
    await fetchSeconds();
    if (round++ % SLOW_EVERY === 0 || !node.info) await fetchSlowly();
    node.error = null;
  } catch (error) {
    if (!node.error) node.told.unshift({ at: now(), text: `No answer: ${error.message}`, level: "bad" });
    node.error = error;
  }
  busy = false;
  gather();
  node.problems = judge(node, now());
  for (const listen of listeners) listen(node);
}

export function begin() {
  timer = timer || setInterval(tick, SECOND_MS);
  document.addEventListener("visibilitychange", tick);
  tick();
}

export function pause(paused) {
  node.paused = paused;
  if (!paused) tick();
  else for (const listen of listeners) listen(node);
}

// Soon, and not only at the next round.
export function refresh() {
  round = 0;
  return tick();
}
