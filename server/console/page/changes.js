// changes.js - "what changed, and since when", out of samples and settings.
//
// From samples it works backwards too: who opens the page after the fact sees when it began.  Each
// rule has a beginning and an end that differ (hysteresis), so a value that trembles at a threshold
// is one change.

import { bytes, count, ratio, rate, seconds, span } from "./format.js";

const QUIET_MS = 10000; // a thing has ended when it was not seen for that long
const WINDOW = 10;      // samples that make a level
const BEFORE = 60;      // samples that make what it was before

const RUNS = [
  { of: (s) => s.evicted, began: (s) => `Evicting began (${rate(s.evicted)})`, ended: (run) => `Evicting ended after ${span(run)}`, level: "warn" },
  { of: (s) => s.rejected_connections, began: () => "Connections are refused: client limit", ended: () => "Connections are accepted again", level: "bad" },
  { of: (s) => (s.errors > 1 && s.errors > 0.01 * s.ops ? s.errors : 0), began: (s) => `Errors began (${rate(s.errors)}, ${ratio(s.errors / Math.max(1, s.ops))} of commands)`, ended: (run) => `Errors ended after ${span(run)}`, level: "bad" },
  { of: (s) => (s.longest > 0.1 ? 1 : 0), began: (s) => `Commands take long (up to ${seconds(s.longest)})`, ended: () => "Commands are quick again", level: "warn" },
];

function runs(samples, rule) {
  const found = [];
  let since = null;
  let seen = 0;
  for (const sample of samples) {
    if (rule.of(sample) > 0) {
      if (since === null) {
        since = sample.at;
        found.push({ at: sample.at, text: rule.began(sample), level: rule.level });
      }
      seen = sample.at;
    } else if (since !== null && sample.at - seen > QUIET_MS) {
      found.push({ at: seen, text: rule.ended((seen - since) / 1000), level: "info" });
      since = null;
    }
  }
  return found;
}

const median = (values) => {
  const sorted = values.filter((v) => Number.isFinite(v)).sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : 0;
};

// The sample where it turned: the place that divides both levels with the fewest on the wrong side.
function turn(samples, at, of, before, after) {
  const first = Math.max(0, at - 2 * WINDOW);
  const isNew = samples.slice(first, at + WINDOW).map((sample) => Math.abs(of(sample) - after) < Math.abs(of(sample) - before));
  let wrong = isNew.filter((one) => !one).length;
  let [best, place] = [wrong, 0];
  isNew.forEach((one, index) => {
    wrong += one ? 1 : -1; // one more sample counts as before it
    if (wrong < best) [best, place] = [wrong, index + 1];
  });
  return Math.min(first + place, samples.length - 1);
}

// A level that became another one and stayed for WINDOW samples.
function steps(samples, of, differs, told) {
  const found = [];
  for (let at = BEFORE; at + WINDOW <= samples.length; at += 2) {
    const before = median(samples.slice(at - BEFORE, at).map(of));
    const after = median(samples.slice(at, at + WINDOW).map(of));
    if (!differs(before, after)) continue;
    found.push({ at: samples[turn(samples, at, of, before, after)].at, ...told(before, after) });
    at += BEFORE;
  }
  return found;
}

const hitRatio = (s) => (s.hits + s.misses >= 10 ? s.hits / (s.hits + s.misses) : NaN);

function gaps(samples) {
  const found = [];
  for (let at = 1; at < samples.length; at++) {
    const silent = samples[at].at - samples[at - 1].at;
    if (silent > 4000) found.push({ at: samples[at - 1].at, text: `Node stood still for ${span(silent / 1000)}`, level: "bad" });
  }
  return found;
}

const times = (before, after, factor, least) => Math.max(before, after) > least && (after > before * factor || before > after * factor);

function ofRing(samples) {
  return [
    ...RUNS.flatMap((rule) => runs(samples, rule)),
    ...steps(samples, (s) => s.p99, (b, a) => times(b, a, 3, 0.001) && a > 0 && b > 0,
      (b, a) => ({ text: `p99 went from ${seconds(b)} to ${seconds(a)}`, level: a > b ? "warn" : "info" })),
    ...steps(samples, hitRatio, (b, a) => Number.isFinite(a) && Math.abs(a - b) > 0.15 && b > 0,
      (b, a) => ({ text: `Hit ratio went from ${ratio(b)} to ${ratio(a)}`, level: a < b ? "warn" : "info" })),
    ...steps(samples, (s) => s.ops, (b, a) => times(b, a, 2, 50) && b > 5,
      (b, a) => ({ text: `Traffic went from ${rate(b)} to ${rate(a)}`, level: "info" })),
    ...steps(samples, (s) => s.keys, (b, a) => times(b, a, 2, 1000) && a < b,
      (b, a) => ({ text: `Keys went from ${count(b)} to ${count(a)}`, level: "warn" })),
  ];
}

// The fine samples tell of their time, the coarse ones of the time before.
export function fromSamples(fine, coarse, about) {
  const first = fine.length ? fine[0].at : Infinity;
  const found = [...ofRing(coarse).filter((one) => one.at < first), ...ofRing(fine), ...gaps(fine)];
  if (about && about.started_ms) found.push({ at: about.started_ms, text: `Node started, version ${about.version}`, level: "info" });
  return found;
}

// ---- between two looks at INFO and CONFIG ----

// These follow others or change by themselves.
const UNTOLD = new Set(["dir", "cluster-announce-ip"]);

function settings(before, after, at) {
  const found = [];
  const ours = Object.keys(after).some((name) => name.includes("."));
  for (const [name, value] of Object.entries(after)) {
    if (ours && !name.includes(".") && Object.keys(after).length > 40) continue; // told under our name
    if (before[name] === undefined || before[name] === value || UNTOLD.has(name)) continue;
    found.push({ at, text: `Setting ${name} changed from ${before[name] || "nothing"} to ${value || "nothing"}`, level: "warn" });
  }
  return found;
}

export function notice(before, after, configBefore, configAfter, at) {
  const found = configBefore && configAfter ? settings(configBefore, configAfter, at) : [];
  if (!before || !after) return found;
  const rose = (name) => Number(after[name]) > Number(before[name]);
  const became = (name, value) => before[name] !== value && after[name] === value;
  if (rose("hypercache_snapshots")) found.push({ at, text: `Snapshot written: ${count(Number(after.hypercache_snapshot_keys))} keys, ${bytes(Number(after.hypercache_snapshot_bytes))}`, level: "info" });
  if (rose("hypercache_snapshots_failed")) found.push({ at, text: "Snapshot failed", level: "bad" });
  if (rose("hypercache_disk_errors")) found.push({ at, text: "The disk gave an error", level: "bad" });
  if (became("loading", "1")) found.push({ at, text: "Loading data", level: "warn" });
  if (became("loading", "0")) found.push({ at, text: "Data is loaded", level: "info" });
  if (Number(after.evicted_clients) > Number(before.evicted_clients)) found.push({ at, text: "Clients were closed to make room", level: "warn" });
  if (rose("client_output_buffer_limit_disconnections")) found.push({ at, text: "A client did not read and was closed", level: "warn" });
  return found;
}
