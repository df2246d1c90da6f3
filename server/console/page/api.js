// api.js - asking this node.  Nothing else is ever asked: the paths below are all there are.

const TIMEOUT_MS = 10000;

export class ApiError extends Error {
  constructor(title, message, status = 0) {
    super(message);
    this.title = title;
    this.status = status;
  }
}

function explain(status, body) {
  const said = body && body.error ? String(body.error) : "";
  if (status === 401) return new ApiError("Not signed in", said || "The node wants a user and a password.", status);
  if (status === 403) return new ApiError("Not allowed", said || "Your role does not allow this.", status);
  if (status === 404) return new ApiError("Not there", said || "This node does not offer that.", status);
  if (status === 429) return new ApiError("Too many requests", said || "The node asks to wait a moment.", status);
  if (status === 503) return new ApiError("Not ready", said || "The node is loading or stopping.", status);
  return new ApiError("That did not work", said || `The node answered ${status}.`, status);
}

export async function ask(path, { method = "GET", body, signal } = {}) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const options = { method, signal: signal ? AbortSignal.any([signal, limit]) : limit, headers: {}, cache: "no-store" };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let reply;
  try {
    reply = await fetch(path, options);
  } catch (error) {
    if (signal && signal.aborted) throw error;
    if (error.name === "TimeoutError") throw new ApiError("No answer", `Nothing came for ${TIMEOUT_MS / 1000} seconds.`);
    throw new ApiError("Node not reachable", "The connection failed. The node may be down, or the network between.");
  }
  const type = reply.headers.get("Content-Type") || "";
  const text = await reply.text();
  let value = text;
  if (type.includes("json")) {
    try {
      value = JSON.parse(text);
    } catch {
      throw new ApiError("Not understood", "The answer is not JSON.", reply.status);
    }
  }
  if (!reply.ok) throw explain(reply.status, typeof value === "object" ? value : null);
  return value;
}

// Runs commands on the node, in order, each a list of arguments; returns their replies.
// A reply: string or {base64}, number or {integer: "..."}, null, true, array,
// {status}, {error}, {map: [[k, v], ...]}.
export async function run(commands, { store, signal } = {}) {
  const answer = await ask("/api/command", { method: "POST", body: { commands, ...(store ? { store } : {}) }, signal });
  return answer.replies;
}

// One command; an error reply is thrown.
export async function call(...command) {
  const [reply] = await run([command]);
  if (reply && reply.error) throw new ApiError("Refused", reply.error);
  return reply;
}

export const isError = (reply) => reply !== null && typeof reply === "object" && typeof reply.error === "string";

export function number(reply) {
  if (reply !== null && typeof reply === "object" && reply.integer) return Number(reply.integer);
  return typeof reply === "number" ? reply : Number(reply);
}

// A flat list or a map as an object.
export function fields(reply) {
  const pairs = reply && !Array.isArray(reply) && reply.map ? reply.map : [];
  if (Array.isArray(reply)) for (let i = 0; i + 1 < reply.length; i += 2) pairs.push([reply[i], reply[i + 1]]);
  return Object.fromEntries(pairs.map(([key, value]) => [typeof key === "string" ? key : JSON.stringify(key), value]));
}

// INFO as sections of an object of strings.
export function parseInfo(text) {
  const info = {};
  for (const line of String(text).split("\r\n")) {
    const at = line.indexOf(":");
    if (at > 0 && line[0] !== "#") info[line.slice(0, at)] = line.slice(at + 1);
  }
  return info;
}
