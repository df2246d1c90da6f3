// format.js - numbers with units, three digits wide where they change all the time.

function digits(value) {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function scaled(value, base, units) {
  let at = 0;
  while (Math.abs(value) >= base * 0.9995 && at + 1 < units.length) {
    value /= base;
    at++;
  }
  return [at === 0 && Number.isInteger(value) ? String(value) : digits(value), units[at]];
}

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

// Each returns [figure, unit].
export const parts = {
  bytes: (value) => (known(value) ? scaled(value, 1024, ["B", "KB", "MB", "GB", "TB"]) : ["–", ""]),
  count: (value) => (known(value) ? scaled(value, 1000, ["", "K", "M", "G"]) : ["–", ""]),
  rate: (value) => {
    if (!known(value)) return ["–", ""];
    const [figure, unit] = scaled(Math.abs(value) < 100 ? Number(value.toFixed(2)) : Math.round(value), 1000, ["", "K", "M", "G"]);
    return [figure, `${unit}/s`];
  },
  byteRate: (value) => {
    const [figure, unit] = parts.bytes(known(value) ? Math.round(value) : value);
    return [figure, unit ? `${unit}/s` : ""];
  },
  ratio: (value) => (known(value) ? [(100 * value).toFixed(value >= 0.9995 || value === 0 ? 0 : 1), "%"] : ["–", "%"]),
  seconds: (value) => {
    if (!known(value)) return ["–", ""];
    if (value === 0) return ["0", "µs"];
    if (value < 1e-3) return [digits(value * 1e6), "µs"];
    if (value < 1) return [digits(value * 1e3), "ms"];
    return [digits(value), "s"];
  },
};

const joined = (kind) => (value) => parts[kind](value).filter(Boolean).join(" ");
export const bytes = joined("bytes");
export const count = joined("count");
export const rate = joined("rate");
export const byteRate = joined("byteRate");
export const ratio = joined("ratio");
export const seconds = joined("seconds");

export const whole = (value) => (known(value) ? Math.round(value).toLocaleString("en-US") : "–");

// 93784 -> "1 d 2 h"
export function span(value) {
  if (!known(value)) return "–";
  const at = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  let left = Math.max(0, Math.floor(value));
  const said = [];
  for (const [size, unit] of at) {
    if (left >= size || (size === 1 && said.length === 0)) {
      said.push(`${Math.floor(left / size)} ${unit}`);
      left %= size;
    }
    if (said.length === 2) break;
  }
  return said.join(" ");
}

const two = (value) => String(value).padStart(2, "0");
export function clock(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
export function moment(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(ms)}`;
}
export const ago = (ms, now = Date.now()) => `${span(Math.max(0, (now - ms) / 1000))} ago`;
