// slowlog.js - the commands that took long, longest or latest first.

import { h, put, say, table, empty, failed, loading } from "./dom.js";
import { seconds, moment, clock, ago, count } from "./format.js";
import { run, isError, number, ApiError } from "./api.js";
import { show } from "./bytes.js";
import { node, now } from "./node.js";

const ENTRIES_MAX = 256;
const EVERY_MS = 5000;
const ARGUMENT_CHARS = 64;

// The whole of it is in the title.
const shorter = (text) => (text.length <= ARGUMENT_CHARS ? text : `${text.slice(0, ARGUMENT_CHARS - 20)}… ${text.slice(-18)}`);

export function slowLog() {
  const rows = table([
    { name: "When", of: (r) => r.at, number: false, show: (r) => h("time", { title: `${moment(r.at)}, ${ago(r.at, now())}` }, now() - r.at < 12 * 3600000 ? clock(r.at) : moment(r.at)) },
    { name: "Took", number: true, of: (r) => r.took, show: (r) => h(r.took > 0.1 ? "b.bad" : "b", {}, seconds(r.took)) },
    { name: "Command", wide: true, of: (r) => r.text, show: (r) => h("span.code", { title: r.text }, r.brief) },
    { name: "Client", of: (r) => r.client, show: (r) => [r.client, r.name ? h("span.muted", {}, ` ${r.name}`) : null] },
  ], { sort: 0, label: "Slow commands" });
  const place = h("div.inside.flush", {}, loading());
  const about = h("p", {}, " ");
  const element = h("div.stack", {},
    h("div.title", {}, h("h1", {}, "Slow log"), about),
    h("section.panel", {}, place));
  let ended = false;
  let timer = null;

  async function load() {
    try {
      const [entries, length] = await run([["SLOWLOG", "GET", String(ENTRIES_MAX)], ["SLOWLOG", "LEN"]]);
      if (ended) return;
      if (isError(entries)) throw new ApiError("Refused", entries.error);
      const list = entries.map((entry) => ({
        at: 1000 * number(entry[1]), took: number(entry[2]) / 1e6, text: entry[3].map(show).join(" "), brief: entry[3].map(show).map(shorter).join(" "),
        client: show(entry[4]), name: show(entry[5] ?? ""),
      }));
      const threshold = node.config && Number(node.config["slowlog-log-slower-than"]);
      say(about, Number.isFinite(threshold) && threshold >= 0
        ? `${count(number(length))} kept; commands over ${seconds(threshold / 1e6)} are (slowlog.threshold_us)`
        : "slowlog.threshold_us is below 0: nothing is kept");
      rows.show(list);
      put(place, list.length ? rows.element : empty("No slow commands", Number.isFinite(threshold) && threshold >= 0 ? `Nothing took longer than ${seconds(threshold / 1e6)}.` : null));
    } catch (error) {
      if (!ended) put(place, failed(error, load));
    }
    if (!ended) timer = setTimeout(load, EVERY_MS);
  }
  load();
  return { element, end() { ended = true; clearTimeout(timer); } };
}
