// overview.js - how the node is and how it got there.

import { h, put, say, table, empty, choices, failed } from "./dom.js";
import { parts, bytes, byteRate, count, rate, ratio, seconds, clock, moment, whole } from "./format.js";
import { chart, spark } from "./chart.js";
import { node, now, refresh } from "./node.js";

const RANGES = [[300, "5 min"], [900, "15 min"], [14400, "4 h"]];
let chosen = 300; // kept from visit to visit

// Two digits, for the small print: 12 K.
const counted = (value) => count(value >= 100 ? Number(value.toPrecision(2)) : Math.round(value)).replace(/\.0+(?= |$)/, "");
const hitRatio = (s) => (s.hits + s.misses > 0 ? s.hits / (s.hits + s.misses) : null);

const TILES = [
  { name: "Operations", colour: 1, of: (s) => s.ops, part: "rate", about: (s) => `${counted(s.reads)} read, ${counted(s.writes)} write` },
  { name: "p99 latency", colour: 3, of: (s) => (s.p99 > 0 ? s.p99 : null), part: "seconds", about: (s) => (s.p50 > 0 ? `p50 ${seconds(s.p50)}` : "nothing ran") },
  { name: "Hit ratio", colour: 1, of: hitRatio, part: "ratio", about: (s) => `${rate(s.misses)} missed` },
  { name: "Memory", colour: 4, of: (s) => s.used_bytes, part: "bytes", about: (s, about) => (about.max_memory ? `${ratio(s.used_bytes / about.max_memory)} of ${bytes(about.max_memory)}` : "no limit") },
  { name: "Evicted", colour: 2, of: (s) => s.evicted, part: "rate", about: (s) => `${count(s.keys)} keys left` },
  { name: "Clients", colour: 5, of: (s) => s.clients, part: "count", about: (s) => `${byteRate(s.input_bytes + s.output_bytes)} in and out` },
];

function tile(one) {
  const figure = h("span", {}, "–");
  const unit = h("span.unit");
  const about = h("p.about", {}, " ");
  const canvas = h("canvas", { "aria-hidden": "true" });
  const element = h("section.tile", { "aria-label": one.name }, h("h2", {}, one.name), h("p.figure", {}, figure, unit), about, canvas);
  return {
    element,
    show(last, samples) {
      if (last) {
        const [value, of] = parts[one.part](one.of(last));
        say(figure, value);
        say(unit, of);
        say(about, one.about(last, node.about));
      }
      spark(canvas, samples.map(one.of), `series-${one.colour}`);
    },
  };
}

function makeCharts() {
  const max = () => (node.about ? node.about.max_memory : 0);
  return [
    chart({ title: "Operations", format: rate, series: [
      { label: "read", colour: 1, of: (s) => s.reads, fill: true }, { label: "write", colour: 2, of: (s) => s.writes },
      { label: "errors", colour: 4, of: (s) => s.errors }] }),
    chart({ title: "Latency of commands", format: seconds, log: true, series: [
      { label: "p50", colour: 1, of: (s) => s.p50 || null }, { label: "p95", colour: 3, of: (s) => s.p95 || null },
      { label: "p99", colour: 2, of: (s) => s.p99 || null }, { label: "p99.9", colour: 4, of: (s) => s.p999 || null }] }),
    chart({ title: "Hit ratio", format: ratio, fixed: [0, 1.04], series: [{ label: "hits of all reads", colour: 1, of: hitRatio, fill: true }] }),
    chart({ title: "Memory by kind", format: bytes, binary: true, stacked: true, limit: max, series: [
      { label: "unused in segments", colour: 5, of: (s) => Math.max(0, s.used_bytes - s.item_bytes - s.garbage_bytes - s.index_bytes) },
      { label: "to be reclaimed", colour: 2, of: (s) => s.garbage_bytes },
      { label: "index", colour: 3, of: (s) => s.index_bytes },
      { label: "items", colour: 1, of: (s) => s.item_bytes }] }),
    chart({ title: "Leaving the cache", format: rate, series: [
      { label: "evicted", colour: 2, of: (s) => s.evicted, fill: true }, { label: "expired", colour: 3, of: (s) => s.expired }] }),
    chart({ title: "Network", format: byteRate, binary: true, series: [
      { label: "in", colour: 1, of: (s) => s.input_bytes }, { label: "out", colour: 3, of: (s) => s.output_bytes }] }),
    chart({ title: "Processors in use", format: (value) => (value === null ? "–" : value.toFixed(2)), series: [{ label: "of all threads", colour: 3, of: (s) => s.processors, fill: true }] }),
  ];
}

function changeList(changes) {
  return h("ol", {}, changes.map((one) => h("li", {},
    h(`span.mark.is-${one.level}`, { title: one.level }), h("time", { title: moment(one.at) }, clock(one.at)), h("p", {}, one.text))));
}

// Commands, by INFO; rates are of the time between two of them.
let previous = null; // {info, at, calls: {name: n}, rows}

function commandRows(info, at) {
  if (previous && previous.info === info) return previous.rows;
  const rows = [];
  const calls = {};
  for (const [field, value] of Object.entries(info)) {
    if (!field.startsWith("cmdstat_")) continue;
    const name = field.slice(8);
    const stat = Object.fromEntries(value.split(",").map((pair) => pair.split("=")));
    const percentiles = Object.fromEntries((info[`latency_percentiles_usec_${name}`] || "").split(",").map((pair) => pair.split("=")));
    calls[name] = Number(stat.calls);
    const before = previous && previous.calls[name];
    rows.push({
      name: name.replace("|", " ").toUpperCase(), calls: calls[name], mean: Number(stat.usec_per_call) / 1e6,
      p99: Number(percentiles.p99 || 0) / 1e6, p999: Number(percentiles["p99.9"] || 0) / 1e6,
      failed: Number(stat.failed_calls) + Number(stat.rejected_calls), share: Number(stat.usec),
      rate: before === undefined || before === null ? null : Math.max(0, (calls[name] - before) / (Math.max(1, at - previous.at) / 1000)),
    });
  }
  const total = rows.reduce((sum, row) => sum + row.share, 0) || 1;
  for (const row of rows) row.share /= total;
  previous = { info, at, calls, rows };
  return rows;
}

export function overview() {
  const tiles = TILES.map(tile);
  const charts = makeCharts();
  const changes = h("div.changes", { tabindex: "0", "aria-label": "What changed, latest first" });
  const happened = h("section.panel.chart", { id: "changes" }, h("header", {}, h("h2", {}, "What changed"), h("a.at.small", { href: "#/events" }, "all events")), changes);
  const commands = table([
    { name: "Command", of: (r) => r.name, show: (r) => h("span.code", {}, r.name) },
    { name: "Now", number: true, of: (r) => r.rate ?? -1, show: (r) => rate(r.rate) },
    { name: "Calls", number: true, of: (r) => r.calls, show: (r) => whole(r.calls) },
    { name: "Mean", number: true, of: (r) => r.mean, show: (r) => seconds(r.mean) },
    { name: "p99", number: true, of: (r) => r.p99, show: (r) => seconds(r.p99) },
    { name: "p99.9", number: true, of: (r) => r.p999, show: (r) => seconds(r.p999) },
    { name: "Failed", number: true, of: (r) => r.failed, show: (r) => h(r.failed ? "span.bad" : "span.muted", {}, whole(r.failed)) },
    { name: "Of time", number: true, of: (r) => r.share, show: (r) => ratio(r.share) },
  ], { sort: 7, label: "Commands" });
  const facts = h("dl.pairs");
  const problems = h("div.stack", { hidden: true });
  const element = h("div.stack", {},
    h("div.title.spread", {}, h("h1", {}, "Overview"), choices("Time shown", RANGES, chosen, (value) => { chosen = value; draw(); })),
    problems,
    h("div.tiles", {}, tiles.map((one) => one.element)),
    h("div.charts", {}, charts[0].element, happened, charts.slice(1).map((one) => one.element)),
    h("div.split", {},
      h("section.panel", { id: "commands" }, h("header", {}, h("h2", {}, "Commands"), h("span.small.muted", {}, "since the start or CONFIG RESETSTAT")), h("div.inside.flush", {}, commands.element)),
      h("section.panel", {}, h("header", {}, h("h2", {}, "This node")), h("div.inside", {}, facts))));
  let drawn = "";
  let seenInfo = null;

  function draw() {
    const at = now();
    const oldest = Math.min(node.seconds.length ? node.seconds[0].at : at, node.spans.length ? node.spans[0].at : at);
    const from = Math.max(at - chosen * 1000, Math.min(at - 60000, oldest)); // a young node fills the width
    const ring = chosen <= 900 ? node.seconds : node.spans;
    const samples = ring.filter((sample) => sample.at >= from);
    if (chosen > 900 && node.seconds.length) {
      const last = samples.length ? samples[samples.length - 1].at : from;
      samples.push(...node.seconds.filter((sample, index) => sample.at > last && index % 15 === 0));
    }
    for (const one of charts) one.show(samples, from, at, node.changes);
  }

  function facing(info) {
    const said = [
      ["Keys", whole(node.seconds.length ? node.seconds[node.seconds.length - 1].keys : NaN)],
      ["Eviction", info.maxmemory_policy],
      ["Peak memory", bytes(Number(info.used_memory_peak))],
      ["Resident", bytes(Number(info.used_memory_rss))],
      ["Persistence", info.aof_enabled === "1" ? `log and snapshots, sync ${info.hypercache_sync_policy}` : info.hypercache_strategy || "off"],
      ["Last snapshot", Number(info.hypercache_snapshots) > 0 ? clock(1000 * Number(info.rdb_last_save_time)) : "none in this run"],
      ["Workers", info.hypercache_workers],
      ["Ports", `${info.tcp_port} RESP, ${info.http_port} HTTP`],
    ];
    put(facts, said.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value || "–")]));
  }

  return {
    element,
    update() {
      const last = node.seconds[node.seconds.length - 1];
      const recent = node.seconds.slice(-120);
      tiles.forEach((one) => one.show(last, recent));
      draw();
      if (node.error && !last) {
        problems.hidden = false;
        put(problems, h("section.panel", {}, failed(node.error, refresh)));
      } else {
        problems.hidden = true;
      }
      const list = node.changes.slice(0, 40);
      const said = list.map((one) => one.at + one.text).join();
      if (said !== drawn) put(changes, list.length ? changeList(list) : empty("Nothing yet", "Changes of load, settings and state appear here, and as marks on the charts."));
      drawn = said;
      if (node.info && node.info !== seenInfo) {
        commands.show(commandRows(node.info, node.infoAt));
        facing(node.info);
        seenInfo = node.info;
      }
    },
    end() {
      for (const one of charts) one.end();
    },
  };
}
