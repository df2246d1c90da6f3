// events.js - what the node tells as it happens: one stream of server-sent events, filtered here.

import { h, put, say, empty, failed, tag } from "./dom.js";
import { clock, moment, count } from "./format.js";
import { show } from "./bytes.js";
import { offers, recentEvents, eventTime, eventText, eventLevel } from "./node.js";

const KEPT_MAX = 1000;
const DRAWN_MAX = 200;
const WORD = { bad: "error", warn: "warning", info: "info" };
const KNOWN = new Set(["timestamp", "at_ms", "time", "message", "text", "event", "operation", "type", "severity", "level", "component", "correlation_id", "correlationId", "node", "node_id", "nodeId", "id", "number", "seq", "eventId", "setting", "value", "pid", "bind"]);

export function events(query) {
  let list = [];
  let held = 0;
  let stopped = false;
  let source = null;
  let timer = null;
  let ended = false;
  const component = h("select", { "aria-label": "Component", onchange: draw }, h("option", { value: "" }, "all"));
  const level = h("select", { "aria-label": "Level", onchange: draw }, [["", "all"], ["warn", "warnings and errors"], ["bad", "errors"]].map(([value, text]) => h("option", { value }, text)));
  const search = h("input.field", { type: "search", placeholder: "Text or correlation id", "aria-label": "Text or correlation id", value: query.get("id") || "", oninput: draw });
  const state = h("span", { role: "status" });
  const hold = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
    stopped = !stopped;
    held = 0;
    hold.setAttribute("aria-pressed", String(stopped));
    say(hold, stopped ? "Go on" : "Hold");
    draw();
  } }, "Hold");
  const place = h("div.inside.flush");
  const element = h("div.stack", {},
    h("div.title", {}, h("h1", {}, "Events"), state),
    h("div.form", {}, h("label", {}, "Component", component), h("label", {}, "Level", level), h("label.grow", {}, "Contains", search), hold),
    h("section.panel", {}, place));

  const key = (event) => event.eventId ?? event.id ?? `${eventTime(event)} ${eventText(event)}`;

  function take(event) {
    if (list.some((other) => key(other) === key(event))) return;
    list.unshift(event);
    if (list.length > KEPT_MAX) list.length = KEPT_MAX;
    const named = event.component;
    if (named && ![...component.options].some((one) => one.value === named)) component.append(h("option", { value: named }, named));
  }

  const more = (event) => Object.entries(event).filter(([name, value]) => !KNOWN.has(name) && value !== null && typeof value !== "object").map(([name, value]) => `${show(name)} ${show(value)}`).join(", ");

  function matches(event) {
    const text = search.value.trim().toLowerCase();
    const grade = eventLevel(event);
    return (!component.value || event.component === component.value)
      && (!level.value || grade === "bad" || (level.value === "warn" && grade === "warn"))
      && (!text || JSON.stringify(event).toLowerCase().includes(text));
  }

  let drawing = false;
  function draw() {
    if (drawing || ended) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      if (stopped && place.firstChild) {
        say(state, `held, ${count(held)} new`);
        return;
      }
      const found = list.filter(matches).slice(0, DRAWN_MAX);
      if (!found.length) {
        put(place, list.length ? empty("No such event", "Nothing so far matches the filters.") : empty("No events yet", "Starts, failures, snapshots, settings that change and the like appear here as they happen."));
        return;
      }
      put(place, h("ol.scroll.stream", { tabindex: "0", "aria-label": "Events" }, found.map((event) => {
        const grade = eventLevel(event);
        const id = event.correlation_id || event.correlationId;
        const rest = more(event);
        return h("li", {}, h("time.muted.small", { title: moment(eventTime(event)) }, clock(eventTime(event))),
          tag(WORD[grade], grade === "info" ? "" : grade), h("span.small.muted.cut", {}, event.component || ""),
          h("p", {}, eventText(event), rest ? h("span.muted", {}, ` · ${rest}`) : null,
            id ? [" ", h("a.small.code", { href: `#/events?id=${encodeURIComponent(id)}` }, show(id))] : null));
      })));
    });
  }

  async function open() {
    try {
      const recent = await recentEvents();
      [...recent].sort((a, b) => eventTime(a) - eventTime(b)).forEach(take);
      if (ended) return;
      draw();
      if (!(await offers("/api/events"))) {
        put(state, tag("read every 3 s", ""));
        timer = setTimeout(open, 3000);
        return;
      }
      if (ended) return;
      source = new EventSource("/api/events");
      source.onopen = () => put(state, tag("live", "good"));
      source.onerror = () => put(state, tag("connecting again", "warn"));
      const receive = (message) => {
        let event;
        try { event = JSON.parse(message.data); } catch { return; }
        take(event);
        if (stopped) held++;
        draw();
      };
      source.onmessage = receive;
      source.addEventListener("lost", () => put(state, tag("some were missed: too many at once", "warn")));
    } catch (error) {
      if (ended) return;
      put(place, failed(error, open));
    }
  }
  open();
  return { element, end() { ended = true; clearTimeout(timer); if (source) source.close(); } };
}
