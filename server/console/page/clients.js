// clients.js - who is connected, what it did last, and the way to end it.

import { h, put, say, table, empty, failed, loading, tag } from "./dom.js";
import { bytes, span, count } from "./format.js";
import { run, isError, call, ApiError } from "./api.js";
import { show } from "./bytes.js";
import { node } from "./node.js";

const EVERY_MS = 3000;
const SHOWN_MAX = 500;

const last = (client) => (client.cmd && client.cmd !== "NULL" ? client.cmd.replace("|", " ") : "");

function parse(text) {
  return show(text).split("\\n").filter(Boolean).map((line) => {
    const client = {};
    for (const pair of line.split(" ")) {
      const at = pair.indexOf("=");
      if (at > 0) client[pair.slice(0, at)] = pair.slice(at + 1);
    }
    return client;
  });
}

export function clients() {
  let list = [];
  let ended = false;
  let timer = null;
  const filter = h("input.field", { type: "search", placeholder: "Address, name or command", "aria-label": "Filter clients", oninput: () => draw() });
  const about = h("p", {}, " ");
  const said = h("p.notice", { role: "status", hidden: true });
  const rows = table([
    { name: "Id", number: true, of: (r) => Number(r.id) },
    { name: "Address", of: (r) => r.addr, show: (r) => h("span.code", {}, r.addr) },
    { name: "Name", of: (r) => r.name || r["lib-name"] || "", show: (r) => r.name || h("span.muted", {}, r["lib-name"] || "–") },
    { name: "Last command", of: (r) => last(r), show: (r) => h("span.code", {}, last(r) || "–") },
    { name: "Idle", number: true, of: (r) => Number(r.idle), show: (r) => span(Number(r.idle)) },
    { name: "Connected", number: true, of: (r) => Number(r.age), show: (r) => span(Number(r.age)) },
    { name: "Store", of: (r) => r.store || r.db },
    { name: "Waiting to send", number: true, of: (r) => Number(r.omem || 0), show: (r) => bytes(Number(r.omem || 0)) },
    { name: "Memory", number: true, of: (r) => Number(r["tot-mem"] || 0), show: (r) => bytes(Number(r["tot-mem"] || 0)) },
    { name: "State", of: (r) => r.flags, show: (r) => states(r) },
    { name: "", show: (r) => h("button.danger", { type: "button", disabled: !mayChange(), title: mayChange() ? null : "Read-only: see security.http_admin", onclick: (event) => kill(r, event.target) }, "Close") },
  ], { sort: 4, descending: false, label: "Clients" });
  const place = h("div.inside.flush", {}, loading(6));
  const element = h("div.stack", {},
    h("div.title", {}, h("h1", {}, "Clients"), about), said,
    h("section.panel", {}, h("header", {}, h("div.grow", {}, filter)), place));

  const mayChange = () => Boolean(node.about && node.about.writes);

  function states(client) {
    const found = [];
    const flags = client.flags || "";
    if (node.info && (client.laddr || "").endsWith(`:${node.info.http_port}`)) found.push(tag("HTTP"));
    if (flags.includes("b")) found.push(tag("waits", "warn"));
    if (flags.includes("P") || Number(client.sub) + Number(client.psub) > 0) found.push(tag("subscribed"));
    if (flags.includes("x")) found.push(tag("transaction"));
    if (flags.includes("t")) found.push(tag("tracking"));
    if (flags.includes("O")) found.push(tag("monitor", "warn"));
    return found.length ? h("span.row", {}, found) : h("span.muted", {}, "–");
  }

  // The first click asks, the second does it.
  async function kill(client, button) {
    if (button.textContent !== "Sure?") {
      say(button, "Sure?");
      setTimeout(() => say(button, "Close"), 3000);
      return;
    }
    try {
      await call("CLIENT", "KILL", "ID", client.id);
      say(said, `Closed client ${client.id} at ${client.addr}.`);
      said.hidden = false;
      load();
    } catch (error) {
      say(said, error.message);
      said.hidden = false;
    }
  }

  function draw() {
    const wanted = filter.value.toLowerCase();
    const found = list.filter((one) => !wanted || [one.addr, one.name, one.cmd, one["lib-name"]].some((text) => (text || "").toLowerCase().includes(wanted)));
    say(about, `${count(list.length)} connected${found.length < list.length ? `, ${count(found.length)} shown` : ""}${found.length > SHOWN_MAX ? `, the first ${SHOWN_MAX} listed` : ""}`);
    if (document.activeElement && place.contains(document.activeElement) && document.activeElement.textContent === "Sure?") return;
    rows.show(found.slice(0, SHOWN_MAX));
    put(place, found.length ? rows.element : empty(list.length ? "No such client" : "No clients", list.length ? null : "Nobody is connected over RESP."));
  }

  async function load() {
    clearTimeout(timer);
    try {
      const [reply] = await run([["CLIENT", "LIST"]]);
      if (ended) return;
      if (isError(reply)) throw new ApiError("Refused", reply.error);
      list = parse(reply);
      draw();
    } catch (error) {
      if (!ended) put(place, failed(error, load));
    }
    if (!ended) timer = setTimeout(load, EVERY_MS);
  }
  load();
  return { element, end() { ended = true; clearTimeout(timer); } };
}
