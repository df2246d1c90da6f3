// bytes.js - keys and values are bytes.  What is text travels as a string, anything else as
// {"base64": ...}; what is shown has every byte that is not plainly visible spelled out.

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

export const isBinary = (value) => value !== null && typeof value === "object" && typeof value.base64 === "string";

export function toBytes(value) {
  if (!isBinary(value)) return encoder.encode(String(value));
  const text = atob(value.base64);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export function fromBytes(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return { base64: btoa(text) };
  }
}

export const size = (value) => toBytes(value).length;
export const identity = (value) => (isBinary(value) ? `b:${value.base64}` : `t:${value}`);

// Controls, blanks that do not look like one, and what turns the direction of writing.
const UNSEEN = /[\u0000-\u001f\u007f-\u00a0\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\uffff\\]/gu;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };

function spelled(letter) {
  if (NAMED[letter]) return NAMED[letter];
  const code = letter.codePointAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

// One line, nothing hidden.
export function show(value) {
  if (!isBinary(value)) return String(value).replace(UNSEEN, spelled);
  let text = "";
  for (const byte of toBytes(value)) {
    if (byte === 0x5c) text += "\\\\";
    else text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : spelled(String.fromCharCode(byte));
  }
  return text;
}

// As a text with its own line ends; NULL when it is no text.
export function asText(value) {
  return isBinary(value) ? null : String(value).replace(UNSEEN, (letter) => (letter === "\n" || letter === "\t" || letter === "\\" ? letter : spelled(letter)));
}

export function asHex(value, limit = 4096) {
  const bytes = toBytes(value).subarray(0, limit);
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0"));
    const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."));
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.slice(0, 8).join(" ").padEnd(23)}  ${hex.slice(8).join(" ").padEnd(23)}  ${text.join("")}`);
  }
  return lines.join("\n");
}

// The words of a line as redis-cli takes them: blanks divide, quotes hold together, \xHH in "".
// Returns {words} or {error}.
export function words(line) {
  const found = [];
  let at = 0;
  while (at < line.length) {
    while (at < line.length && /\s/.test(line[at])) at++;
    if (at >= line.length) break;
    const bytes = [];
    const quote = line[at] === '"' || line[at] === "'" ? line[at++] : null;
    let closed = quote === null;
    while (at < line.length) {
      const letter = String.fromCodePoint(line.codePointAt(at));
      if (quote ? letter === quote : /\s/.test(letter)) {
        if (quote) { at++; closed = true; }
        break;
      }
      at += letter.length;
      if (quote === '"' && letter === "\\" && at < line.length) {
        const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at));
        if (hex) { bytes.push(parseInt(hex[1], 16)); at += 3; continue; }
        const next = String.fromCodePoint(line.codePointAt(at));
        at += next.length;
        bytes.push(...encoder.encode({ n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" }[next] || next));
      } else if (quote === "'" && letter === "\\" && line[at] === "'") {
        bytes.push(0x27);
        at++;
      } else {
        bytes.push(...encoder.encode(letter));
      }
    }
    if (!closed) return { error: "a quote is not closed" };
    if (quote && at < line.length && !/\s/.test(line[at])) return { error: "a blank is missing behind a quote" };
    found.push(fromBytes(Uint8Array.from(bytes)));
  }
  return { words: found };
}
