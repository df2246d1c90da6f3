// health.js - one line that names what is wrong now, where to look, and since when.
//
// Each rule looks at the latest ten seconds and at INFO and says nothing, or one sentence.  Rules
// stand in the order of what an operator would want to hear first.

import { bytes, count, rate, ratio, seconds } from "./format.js";

const mean = (samples, of) => (samples.length ? samples.reduce((sum, s) => sum + of(s), 0) / samples.length : 0);

function since(node, pattern) {
  const found = node.changes.find((one) => pattern.test(one.text));
  return found ? found.at : null;
}

const RULES = [
  ({ node }) => node.error && { level: "bad", text: `${node.error.title}: ${node.error.message}`, since: since(node, /^No answer/) },
  ({ info }) => info && info.loading === "1" && { level: "warn", text: "Loading data; commands are answered with LOADING", page: "overview" },
  ({ info }) => info && Number(info.hypercache_disk_errors) > 0 && info.hypercache_disk_status !== "ok" &&
    { level: "bad", text: `The disk fails (${info.hypercache_disk_status}); writes are ${info.aof_last_write_status === "ok" ? "kept in memory" : "refused"}`, page: "debug" },
  ({ info }) => info && info.hypercache_low_disk === "1" && { level: "bad", text: "Little room is left on the disk", page: "overview" },
  ({ info }) => info && info.rdb_last_bgsave_status === "err" && { level: "bad", text: "The last snapshot failed", page: "overview" },
  ({ node }) => {
    const down = node.members.filter((one) => one.state === "dead" || one.state === "suspect");
    return down.length > 0 && { level: down.some((one) => one.state === "dead") ? "bad" : "warn", text: `${down.map(memberName).slice(0, 3).join(", ")} ${down.length > 1 ? "are" : "is"} ${down[0].state}`, page: "cluster", since: down[0].since_ms || null };
  },
  ({ node }) => {
    const of = node.cluster;
    if (!of || !of.enabled) return null;
    if (of.state === "forming") return { level: "warn", text: "The cluster is forming; no keys are served yet", page: "cluster" };
    return of.state === "partial" && { level: "bad", text: `${count(16384 - of.slots_served)} slots have nobody who serves them`, page: "cluster" };
  },
  ({ node }) => {
    const cut = node.members.filter((one) => !one.is_self && one.state === "alive" && one.linked === false);
    return cut.length > 0 && { level: "warn", text: `No link to ${cut.map(memberName).slice(0, 3).join(", ")}`, page: "cluster" };
  },
  ({ node, recent }) => mean(recent, (s) => s.rejected_connections) > 0 &&
    { level: "bad", text: "New connections are refused: the limit of clients is reached", page: "clients", since: since(node, /^Connections are refused/) },
  ({ node, recent }) => {
    const errors = mean(recent, (s) => s.errors);
    const share = errors / Math.max(1, mean(recent, (s) => s.ops));
    return errors > 1 && share > 0.01 &&
      { level: share > 0.1 ? "bad" : "warn", text: `${ratio(share)} of commands fail (${rate(errors)})`, page: "overview", since: since(node, /^Errors began/) };
  },
  ({ node, recent, last }) => {
    if (!last || recent.length < 5) return null;
    const p99 = mean(recent, (s) => s.p99);
    return p99 > 0.01 && { level: p99 > 0.1 ? "bad" : "warn", text: `Slow: p99 is ${seconds(p99)}`, page: "slowlog", since: since(node, /^p99 went|^Commands take long/) };
  },
  ({ node, recent, max }) => {
    const evicted = mean(recent, (s) => s.evicted);
    if (!(evicted > 0.5)) return null;
    const hits = mean(recent, (s) => s.hits);
    const reads = hits + mean(recent, (s) => s.misses);
    return { level: "warn", text: `Memory is full (${bytes(max)}): evicting ${rate(evicted)}${reads > 1 ? `, hit ratio ${ratio(hits / reads)}` : ""}`, page: "overview", since: since(node, /^Evicting began/) };
  },
  ({ node, last, max, info }) => last && max > 0 && info && info.maxmemory_policy === "noeviction" && last.used_bytes > 0.95 * max &&
    { level: "bad", text: `Memory is full (${ratio(last.used_bytes / max)} of ${bytes(max)}) and nothing may be evicted: writes fail`, page: "overview" },
  ({ info }) => info && Number(info.blocked_clients) > 0 && Number(info.blocked_clients) > 0.2 * Number(info.connected_clients) &&
    { level: "warn", text: `${count(Number(info.blocked_clients))} clients wait`, page: "clients" },
  ({ info, last }) => info && last && Number(info.maxclients) > 0 && last.clients > 0.9 * Number(info.maxclients) &&
    { level: "warn", text: `${count(last.clients)} of ${count(Number(info.maxclients))} clients are connected`, page: "clients" },
];

// Where clients reach it says more to people than forty digits.
export function memberName(member) {
  if (member.node_id) return member.node_id;
  return member.host ? `${member.host.includes(":") ? `[${member.host}]` : member.host}:${member.resp_port}` : String(member.id).slice(0, 8);
}

const ORDER = { bad: 0, warn: 1 };

export function judge(node, at) {
  const recent = node.seconds.filter((sample) => sample.at > at - 10000);
  const last = node.seconds[node.seconds.length - 1] || null;
  const max = node.about ? node.about.max_memory : 0;
  const seen = { node, recent, last, max, info: node.info };
  return RULES.map((rule) => rule(seen)).filter(Boolean).sort((a, b) => ORDER[a.level] - ORDER[b.level]);
}
