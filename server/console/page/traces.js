// traces.js - sampled requests as waterfalls: where the time of one request went, on which node.
//
//   GET /api/traces -> {"enabled": true, "sample_ratio": 0.01, "traces": [{"trace_id", "name", "start_us", "duration_us",
//     "error", "spans": [{"span_id", "parent_id", "name", "node", "start_us", "duration_us", "error"}, ...]}, ...]}
//
// A node that does not list the endpoint in /openapi.json keeps no traces, and the page says so.

import { h, put, say, empty, failed, loading, tag } from "./dom.js";
import { seconds, clock, moment } from "./format.js";
import { ask } from "./api.js";
import { offers } from "./node.js";

const EVERY_MS = 4000;

// Spans of a trace in the order of a walk from its root, with their depth.
function walk(spans) {
  const children = new Map();
  const ids = new Set(spans.map((span) => span.span_id));
  const roots = [];
  for (const span of [...spans].sort((a, b) => a.start_us - b.start_us)) {
    if (span.parent_id && ids.has(span.parent_id)) {
      if (!children.has(span.parent_id)) children.set(span.parent_id, []);
      children.get(span.parent_id).push(span);
    } else {
      roots.push(span);
    }
  }
  const found = [];
  const visit = (span, depth) => {
    if (found.length >= 500) return;
    found.push({ span, depth });
    for (const child of children.get(span.span_id) || []) visit(child, depth + 1);
  };
  roots.forEach((root) => visit(root, 0));
  return found;
}

function waterfall(trace) {
  const first = Math.min(...trace.spans.map((span) => span.start_us));
  const last = Math.max(...trace.spans.map((span) => span.start_us + span.duration_us));
  const whole = Math.max(1, last - first);
  return h("ol.falls", { "aria-label": "Spans" }, walk(trace.spans).map(({ span, depth }) => {
    const bar = h(`span${span.error ? ".is-bad" : ""}`, { title: `${span.name}: ${seconds(span.duration_us / 1e6)}` });
    bar.style.left = `${(100 * (span.start_us - first)) / whole}%`;
    bar.style.width = `${(100 * span.duration_us) / whole}%`;
    const name = h("span.cut", {}, span.name, span.node ? h("span.muted.small", {}, ` ${span.node}`) : null);
    name.style.paddingLeft = `${12 * Math.min(depth, 8)}px`;
    return h("li", {}, name, h("div.track", {}, bar), h("span", {}, seconds(span.duration_us / 1e6)));
  }));
}

export function traces() {
  let ended = false;
  let timer = null;
  let chosen = null;
  let shown = "";
  const list = h("div.inside.flush", {}, loading());
  const details = h("div.inside.flush", {}, empty("No trace chosen", "Choose a request to see where its time went."));
  const about = h("p", {}, " ");
  const element = h("div.stack", {}, h("div.title", {}, h("h1", {}, "Traces"), about),
    h("div.browse", {}, h("section.panel", { "aria-label": "Recent traces" }, list), h("section.panel", { "aria-label": "Trace", id: "details" }, details)));

  function choose(trace) {
    chosen = trace.trace_id;
    put(details, h("header.inside", {}, h("h2.key", {}, trace.name), h("p.small.muted", {}, `${moment(trace.start_us / 1000)} · ${seconds(trace.duration_us / 1e6)} · ${trace.trace_id}`)), waterfall(trace));
  }

  function draw(answer) {
    const said = JSON.stringify((answer.traces || []).map((one) => one.trace_id));
    say(about, answer.sample_ratio !== undefined ? `${100 * answer.sample_ratio} % of requests are traced` : " ");
    if (said === shown) return;
    shown = said;
    if (!(answer.traces || []).length) {
      put(list, empty("No traces yet", "Requests that are sampled, or that carry a traceparent, appear here."));
      return;
    }
    put(list, h("div.scroll.keys", {}, h("table", { "aria-label": "Traces" }, h("tbody", {}, answer.traces.map((trace) => h("tr", { "aria-selected": String(trace.trace_id === chosen) },
      h("td", {}, h("button", { type: "button", onclick: () => choose(trace) }, h("span.code", {}, trace.name), trace.error ? [" ", tag("failed", "bad")] : null)),
      h("td.muted", {}, clock(trace.start_us / 1000)), h("td.number", {}, seconds(trace.duration_us / 1e6))))))));
  }

  async function load() {
    try {
      if (!(await offers("/api/traces"))) {
        off();
        return;
      }
      const answer = await ask("/api/traces");
      if (ended) return;
      if (answer.enabled === false) off();
      else draw(answer);
    } catch (error) {
      if (ended) return;
      put(list, failed(error, load));
    }
    if (!ended) timer = setTimeout(load, EVERY_MS);
  }

  function off() {
    put(list, empty("No traces are kept", "This node does not trace requests. Where sampled requests are kept, they appear here as waterfalls."));
    put(details, empty("What there is instead", "Slow commands are in the slow log, durations of each command under Debug, and events carry a correlation id."));
  }
  load();
  return { element, end() { ended = true; clearTimeout(timer); } };
}
