// cluster.js - who is in the cluster and well, who serves which slots, how far each is behind whom.

import { h, put, svg, table, empty, failed, loading, tag } from "./dom.js";
import { span, ratio, whole, seconds, bytes } from "./format.js";
import { ask } from "./api.js";
import { memberName as name } from "./health.js";
import { now, offers } from "./node.js";

const EVERY_MS = 2000;
const SLOTS = 16384;

const STATE = { alive: "good", suspect: "warn", dead: "bad", left: "" };
const RING = { joining: "warn", leaving: "warn", out: "warn" };

// Arcs of the circle of slots, one colour a node.
function ring(ranges, list) {
  const place = new Map(list.map((member, index) => [member.id, index]));
  const at = (slot, radius) => {
    const angle = (2 * Math.PI * slot) / SLOTS - Math.PI / 2;
    return [150 + radius * Math.cos(angle), 150 + radius * Math.sin(angle)];
  };
  const arcs = ranges.map((range) => {
    const [from, to] = [range.first, range.last + 1];
    const owner = place.get(range.acting);
    const [x1, y1] = at(from, 118);
    const [x2, y2] = at(Math.min(to, from + SLOTS - 1), 118);
    const arc = svg("path", {
      d: `M ${x1} ${y1} A 118 118 0 ${to - from > SLOTS / 2 ? 1 : 0} 1 ${x2} ${y2}`, fill: "none", "stroke-width": "30",
      stroke: owner === undefined ? "var(--bad)" : `var(--series-${1 + (owner % 5)})`, "stroke-opacity": owner === undefined ? "1" : String(1 - 0.35 * (Math.floor(owner / 5) % 3)),
    });
    arc.append(svg("title", {}, `slots ${range.first}–${range.last}: ${owner === undefined ? "nobody" : name(list[owner])}`));
    return arc;
  });
  const served = ranges.reduce((sum, range) => sum + (place.has(range.acting) ? range.last - range.first + 1 : 0), 0);
  return svg("svg", { class: "ring", viewBox: "0 0 300 300", role: "img", "aria-label": `Ring: ${whole(served)} of ${whole(SLOTS)} slots are served` },
    arcs, svg("text", { x: 150, y: 148 }, ratio(served / SLOTS)), svg("text", { class: "sub", x: 150, y: 168 }, "of slots served"));
}

function matrix(lag, list) {
  const cells = new Map(lag.map((one) => [`${one.source} ${one.target}`, one]));
  const names = list.map(name);
  return h("div.scroll", {}, h("table.matrix", { "aria-label": "Replication lag" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "from \\ to"), names.map((one) => h("th", { scope: "col" }, one)))),
    h("tbody", {}, list.map((from, row) => h("tr", {}, h("th", { scope: "row" }, names[row]), list.map((to, column) => {
      if (row === column) return h("td.muted", {}, "·");
      const cell = cells.get(`${from.id} ${to.id}`);
      if (!cell) return h("td.muted", { title: "only its own node knows" }, "–");
      const late = cell.lag_ms / 1000;
      return h(`td${late > 5 ? ".bad" : late > 0.5 ? ".warn" : ""}`, { title: `${bytes(cell.queue_bytes)} not confirmed, ${whole(cell.hinted_slots)} slots with hints, clock ${cell.clock_offset_ms} ms off` }, late === 0 ? "0" : seconds(late));
    }))))));
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
    { name: "Node", of: name, show: (m) => h("span.row", {}, h("b", {}, name(m)), h("span.code.muted", { title: m.id }, String(m.id).slice(0, 8)), m.is_self ? tag("this node") : null) },
    { name: "State", of: (m) => m.state, show: (m) => h("span.row", {}, tag(m.state, STATE[m.state]), RING[m.ring] ? tag(m.ring, RING[m.ring]) : null, m.ready === false ? tag("not ready", "warn") : null) },
    { name: "Since", number: true, of: (m) => m.since_ms || 0, show: (m) => (m.since_ms ? span((now() - m.since_ms) / 1000) : "–") },
    { name: "Serves", number: true, of: (m) => m.slots_acting || 0, show: (m) => `${whole(m.slots_acting || 0)} slots (${ratio((m.slots_acting || 0) / SLOTS)})` },
    { name: "Holds", number: true, of: (m) => m.slots_held || 0, show: (m) => `${whole(m.slots_held || 0)} slots` },
    { name: "Link", of: (m) => (m.is_self ? "" : m.linked ? "up" : "down"), show: (m) => (m.is_self ? h("span.muted", {}, "–") : tag(m.linked ? "up" : "down", m.linked ? "good" : "bad")) },
    { name: "Zone", of: (m) => m.zone || "", show: (m) => m.zone || h("span.muted", {}, "–") },
  ], { sort: 0, descending: false, label: "Members" });

  function draw(status, list, ranges, lag) {
    const { state } = status;
    put(place,
      status.moving ? h("p.notice", {}, "Slots are moving: members come or go.") : null,
      h("div.split", {},
        h("section.panel", {}, h("header", {}, h("h2", {}, "Members"), tag(state, state === "ok" ? "good" : "bad")), h("div.inside.flush", {}, rows.element)),
        h("section.panel", {}, h("header", {}, h("h2", {}, "Ring")), h("div.inside", {}, ranges.length ? ring(ranges, list) : empty("No ring yet", "It is made when enough members know each other.")))),
      h("section.panel", {}, h("header", {}, h("h2", {}, "Replication lag"), h("span.small.muted", {}, "as this node knows it: the age of the oldest write not confirmed")), h("div.inside.flush", {}, matrix(lag, list))));
    rows.show(list);
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
