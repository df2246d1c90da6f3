// cluster.js - who is in the cluster and well, who serves which slots, how far each is behind whom.

import { h, put, svg, table, empty, failed, loading, tag } from "./dom.js";
import { span, ratio, whole, seconds, bytes } from "./format.js";
import { ask } from "./api.js";
import { memberName as name } from "./health.js";
import { spark } from "./chart.js";
import { now, offers } from "./node.js";

const EVERY_MS = 2000;
const SLOTS = 16384;

const STATE = { alive: "good", suspect: "warn", dead: "bad", left: "" };
const RING = { joining: "warn", leaving: "warn", out: "warn" };

const consoleOf = (m) => `http://${m.host.includes(":") ? `[${m.host}]` : m.host}:${m.http_port}/#/overview`;

// Outside who serves how much, inside which slots those are: a colour a node, red for nobody.
function ring(ranges, list) {
  const place = new Map(list.map((member, index) => [member.id, index]));
  const at = (slot, radius) => {
    const angle = (2 * Math.PI * slot) / SLOTS - Math.PI / 2;
    return `${150 + radius * Math.cos(angle)} ${150 + radius * Math.sin(angle)}`;
  };
  const arc = (from, to, radius, width, owner, title) => {
    const end = Math.min(to, from + SLOTS - 1); // a whole circle would be none
    const path = svg("path", {
      d: `M ${at(from, radius)} A ${radius} ${radius} 0 ${end - from > SLOTS / 2 ? 1 : 0} 1 ${at(end, radius)}`, fill: "none", "stroke-width": width,
      stroke: owner === undefined ? "var(--bad)" : `var(--series-${1 + (owner % 5)})`, "stroke-opacity": owner === undefined ? 1 : 1 - 0.35 * (Math.floor(owner / 5) % 3),
    });
    path.append(svg("title", {}, title));
    return path;
  };
  const shares = new Map();
  for (const range of ranges) {
    const owner = place.get(range.acting);
    shares.set(owner, (shares.get(owner) || 0) + range.last - range.first + 1);
  }
  let from = 0;
  const outer = [...shares].sort(([x], [y]) => (x ?? 1e9) - (y ?? 1e9)).map(([owner, slots]) => {
    from += slots;
    return arc(from - slots, from, 120, 26, owner, `${owner === undefined ? "nobody" : name(list[owner])}: ${whole(slots)} slots`);
  });
  const inner = ranges.map((range) => {
    const owner = place.get(range.acting);
    return arc(range.first, range.last + 1, 96, 10, owner, `slots ${range.first} to ${range.last}: ${owner === undefined ? "nobody" : name(list[owner])}`);
  });
  const served = SLOTS - (shares.get(undefined) || 0);
  return svg("svg", { class: "ring", viewBox: "0 0 300 300", role: "img", "aria-label": `Ring: ${whole(served)} of ${whole(SLOTS)} slots are served` },
    outer, inner, svg("text", { x: 150, y: 148 }, ratio(served / SLOTS)), svg("text", { class: "sub", x: 150, y: 168 }, "of slots served"));
}

// From every node to every other, where the node knows more than its own lag.
function matrix(lag, list) {
  const cells = new Map(lag.map((one) => [`${one.source} ${one.target}`, one]));
  const names = list.map(name);
  return h("div.scroll", {}, h("table.matrix", { "aria-label": "Replication lag" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "from \\ to"), names.map((one) => h("th", { scope: "col" }, one)))),
    h("tbody", {}, list.map((from, row) => h("tr", {}, h("th", { scope: "row" }, names[row]), list.map((to, column) => {
      const cell = cells.get(`${from.id} ${to.id}`);
      if (row === column || !cell) return h("td.muted", {}, row === column ? "·" : "–");
      return h(`td${lateness(cell.lag_ms)}`, {}, late(cell.lag_ms));
    }))))));
}

const late = (ms) => (ms === 0 ? "0 ms" : seconds(ms / 1000));
const lateness = (ms) => (ms > 5000 ? ".bad" : ms > 500 ? ".warn" : "");

// What this node owes each other one, with how it has been while the page was looking.
const LAG_SAMPLES = 90;
const lags = new Map(); // target -> the latest lags in ms

function peers() {
  const byId = new Map();
  const rows = table([
    { name: "To", of: (r) => r.name, show: (r) => h("b", {}, r.name) },
    { name: "Lag", number: true, of: (r) => r.lag_ms, show: (r) => h(`span${lateness(r.lag_ms)}`, {}, late(r.lag_ms)) },
    { name: "Lately", show: (r) => r.canvas },
    { name: "Not confirmed", number: true, of: (r) => r.queue_bytes, show: (r) => bytes(r.queue_bytes) },
    { name: "Hinted slots", number: true, of: (r) => r.hinted_slots, show: (r) => h(r.hinted_slots ? "span.warn" : "span", {}, whole(r.hinted_slots)) },
    { name: "Dropped", number: true, of: (r) => r.dropped, show: (r) => h(r.dropped ? "span.warn" : "span", {}, whole(r.dropped)) },
    { name: "Clock", number: true, of: (r) => r.clock_offset_ms, show: (r) => `${r.clock_offset_ms > 0 ? "+" : ""}${r.clock_offset_ms} ms` },
    { name: "Sent", number: true, of: (r) => r.sent_bytes, show: (r) => bytes(r.sent_bytes) },
    { name: "Received", number: true, of: (r) => r.received_bytes, show: (r) => bytes(r.received_bytes) },
    { name: "Links made", number: true, of: (r) => r.connects, show: (r) => whole(r.connects) },
  ], { sort: 0, descending: false, label: "Replication from this node" });
  return {
    element: rows.element,
    show(lag, list) {
      const own = list.find((member) => member.is_self);
      const found = lag.filter((one) => own && one.source === own.id).map((one) => {
        const kept = lags.get(one.target) || [];
        kept.push(one.lag_ms);
        if (kept.length > LAG_SAMPLES) kept.shift();
        lags.set(one.target, kept);
        if (!byId.has(one.target)) byId.set(one.target, h("canvas.spark", { "aria-hidden": "true" }));
        const member = list.find((other) => other.id === one.target);
        return { ...one, name: member ? name(member) : one.target.slice(0, 8), canvas: byId.get(one.target), kept };
      });
      rows.show(found);
      for (const one of found) spark(one.canvas, one.kept, one.lag_ms > 500 ? "warn" : "series-1");
    },
  };
}

export function cluster() {
  let ended = false;
  let timer = null;
  const place = h("div.stack", {}, h("section.panel", {}, loading()));
  const element = h("div.stack", {}, h("div.title", {}, h("h1", {}, "Cluster")), place);

  function alone() {
    put(place, h("section.panel", {}, empty("This node stands alone",
      "It holds all keys itself, and no other node has a copy. With cluster.enabled and the address of another node in cluster.seeds it would be one of several.")));
  }

  const rows = table([
    { name: "Node", of: name, show: (m) => h("span.row", {}, m.is_self || !m.http_port || m.state === "dead" ? h("b", {}, name(m)) : h("a", { href: consoleOf(m), title: "The console of that node" }, h("b", {}, name(m))), h("span.code.muted", { title: m.id }, String(m.id).slice(0, 8)), m.is_self ? tag("this node") : null) },
    { name: "State", of: (m) => m.state, show: (m) => h("span.row", {}, tag(m.state, STATE[m.state]), RING[m.ring] ? tag(m.ring, RING[m.ring]) : null, m.ready === false ? tag("not ready", "warn") : null) },
    { name: "Since", number: true, of: (m) => m.since_ms || 0, show: (m) => (m.since_ms ? span((now() - m.since_ms) / 1000) : "–") },
    { name: "Serves slots", number: true, of: (m) => m.slots_acting || 0, show: (m) => `${whole(m.slots_acting || 0)} (${ratio((m.slots_acting || 0) / SLOTS)})` },
    { name: "Holds slots", number: true, of: (m) => m.slots_held || 0, show: (m) => whole(m.slots_held || 0) },
    { name: "Link", of: (m) => (m.is_self ? "" : m.linked ? "up" : "down"), show: (m) => (m.is_self ? h("span.muted", {}, "–") : tag(m.linked ? "up" : "down", m.linked ? "good" : "bad")) },
    { name: "Zone", of: (m) => m.zone || "", show: (m) => m.zone || h("span.muted", {}, "–") },
  ], { sort: 0, descending: false, label: "Members" });

  // Made once, so that nothing moves; filled with each answer.
  const state = h("span");
  const moving = h("p.notice", { hidden: true, role: "status" }, "Slots are moving: members come or go.");
  const circle = h("div.inside");
  const facts = h("dl.pairs");
  const owed = peers();
  const others = h("div.inside.flush");
  const otherLags = h("section.panel", { hidden: true }, h("header", {}, h("h2", {}, "Lag between all nodes")), others);
  const board = h("div.stack", {}, moving,
    h("div.split", {},
      h("div.stack", {},
        h("section.panel", { id: "members" }, h("header", {}, h("h2", {}, "Members"), state), h("div.inside.flush", {}, rows.element)),
        h("section.panel", { id: "lag" }, h("header", {}, h("h2", {}, "Replication from this node"), h("span.small.muted", {}, "lag: age of the oldest write not confirmed")), h("div.inside.flush", {}, owed.element)),
        otherLags),
      h("section.panel", { id: "ring" }, h("header", {}, h("h2", {}, "Ring")), circle, h("div.inside", {}, facts))));
  let drawn = "";

  function draw(status, list, ranges, lag) {
    if (!place.contains(board)) put(place, board);
    put(state, tag(status.state, status.state === "ok" ? "good" : "bad"));
    moving.hidden = !status.moving;
    rows.show(list);
    owed.show(lag, list);
    otherLags.hidden = !lag.some((one) => one.source !== list[0].id);
    if (!otherLags.hidden) put(others, matrix(lag, list));
    const shape = `${status.topology} ${status.slots_served} ${ranges.length} ${list.length}`;
    if (shape !== drawn) {
      put(circle, ranges.length ? ring(ranges, list) : empty("No ring yet", null),
        h("ul.legend", {}, list.map((member, index) => h("li", {}, h(`span.swatch.series-${1 + (index % 5)}`), name(member)))));
      drawn = shape;
    }
    put(facts, [["Copies of each key", status.replicas], ["Epoch", status.epoch], ["Topology", h("span.code", {}, status.topology)],
      ["This node's data", status.ready ? "complete" : "being fetched"], ["Clients' requests waiting", whole(status.waiting)],
      ["Ended in doubt", whole(status.timeouts)], ["Links refused", whole(status.refused_hello)]].map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)]));
  }

  async function load() {
    try {
      const status = (await offers("/api/cluster/status")) ? await ask("/api/cluster/status") : { enabled: false };
      if (ended) return;
      if (!status.enabled) {
        alone();
      } else if (status.state === "forming") {
        put(place, h("section.panel", {}, empty("The cluster is forming", "This node waits until enough others know each other. No keys are served until then.")));
      } else {
        const [list, ranges, lag] = await Promise.all([ask("/api/cluster/members"), ask("/api/cluster/ring"), ask("/api/cluster/lag")]);
        if (ended) return;
        draw(status, list.members, ranges.ranges, lag.lag);
      }
    } catch (error) {
      if (ended) return;
      put(place, h("section.panel", {}, failed(error, load)));
    }
    if (!ended) timer = setTimeout(load, EVERY_MS);
  }
  load();
  return { element, end() { ended = true; clearTimeout(timer); } };
}
