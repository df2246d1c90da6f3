// chart.js - lines over time with uPlot, in the page's colours, with marks for what happened.
//
// A chart is a panel of fixed height: title, legend with the figures under the cursor (or the
// latest), plot.  All charts share one cursor.  Series are {label, colour: 1..5, of(sample), stack}.

import { h, say } from "./dom.js";
import { clock } from "./format.js";

const probe = document.createElement("span");
probe.hidden = true;

function colour(name) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

const faded = (rgb, alpha) => rgb.replace(/^rgba?\(([^)]+)\)$/, (_, inside) => `rgba(${inside.split(",").slice(0, 3).join(",")}, ${alpha})`);

const alive = new Set();
export function redrawAll() {
  for (const chart of alive) chart.rebuild();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);

const LEVEL = { bad: "bad", warn: "warn", info: "series-5" };

// Steps of 1, 2, 5 in the unit's own base.
function axis(format, side) {
  return {
    stroke: colour("ink-2"), font: `11px ${getComputedStyle(document.body).fontFamily}`, size: side, gap: 4,
    grid: { stroke: colour("line"), width: 1 }, ticks: { show: false },
    values: (_, splits) => splits.map((value) => (value === null ? "" : format(value))),
  };
}

// Steps of an axis of bytes are 1, 2, 4, 8 ... 512 of a unit.
const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power);

export function chart({ title, series, format, log = false, binary = false, fixed = null, stacked = false, limit = null }) {
  const figures = series.map(() => h("b", {}, "–"));
  const at = h("span.at", {}, "");
  const plot = h("div.plot", { role: "img", "aria-label": title });
  const legend = h("div.legend", {}, series.map((one, index) =>
    h("span", {}, h(`span.swatch.series-${one.colour}`), `${one.label} `, figures[index])));
  const element = h("section.panel.chart", { "aria-label": title },
    h("header", {}, h("h2", {}, title), at), legend, plot);
  let samples = [];
  let marks = [];
  let range = null;
  let made = null;
  let over = null;

  const values = () => {
    const columns = series.map((one) => samples.map((sample) => (sample === null ? null : one.of(sample))));
    if (stacked) {
      for (let at = columns.length - 2; at >= 0; at--) {
        columns[at] = columns[at].map((value, index) => (value === null ? null : value + (columns[at + 1][index] || 0)));
      }
    }
    if (log) return [times(), ...columns.map((column) => column.map((value) => (value > 0 ? value : null)))];
    return [times(), ...columns];
  };
  const times = () => samples.map((sample) => sample.at / 1000);

  function figure() {
    const index = over === null ? samples.length - 1 : over;
    const sample = samples[index];
    series.forEach((one, i) => say(figures[i], sample ? format(one.of(sample)) : "–"));
    const near = over === null || !sample ? null : marks.find((mark) => Math.abs(mark.at - sample.at) <= gap());
    say(at, over === null || !sample ? "" : `${clock(sample.at)}${near ? ` ${near.text}` : ""}`);
    at.className = `at cut ${near ? near.level : ""}`;
  }
  const gap = () => (range ? (range[1] - range[0]) / 150 : 2000);

  function draw(u) {
    const context = u.ctx;
    const width = devicePixelRatio;
    context.save();
    for (const mark of marks) {
      const x = Math.round(u.valToPos(mark.at / 1000, "x", true));
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
      context.strokeStyle = context.fillStyle = colour(LEVEL[mark.level] || "series-5");
      context.lineWidth = width;
      context.setLineDash([3 * width, 3 * width]);
      context.beginPath();
      context.moveTo(x, u.bbox.top);
      context.lineTo(x, u.bbox.top + u.bbox.height);
      context.stroke();
      context.beginPath();
      context.moveTo(x - 4 * width, u.bbox.top - 1);
      context.lineTo(x + 4 * width, u.bbox.top - 1);
      context.lineTo(x, u.bbox.top + 5 * width);
      context.fill();
    }
    const level = limit && limit();
    if (level) {
      const y = Math.round(u.valToPos(level, "y", true));
      if (y >= u.bbox.top && y <= u.bbox.top + u.bbox.height) {
        context.strokeStyle = colour("bad");
        context.lineWidth = width;
        context.setLineDash([6 * width, 4 * width]);
        context.beginPath();
        context.moveTo(u.bbox.left, y);
        context.lineTo(u.bbox.left + u.bbox.width, y);
        context.stroke();
      }
    }
    context.restore();
  }

  function extent(u, low, high) {
    if (fixed) return fixed;
    if (log) {
      const top = high > 0 ? high : 1e-3;
      const bottom = low > 0 ? low : 1e-6;
      return [10 ** Math.floor(Math.log10(bottom)), 10 ** Math.ceil(Math.log10(top * 1.05))];
    }
    const level = (limit && limit()) || 0;
    return [0, Math.max(high || 0, level) * 1.08 || 1];
  }

  // Of a logarithmic axis only the powers of ten are drawn.
  const tens = (_, splits) => splits.map((s) => (Math.abs(Math.log10(s) - Math.round(Math.log10(s))) < 1e-6 ? s : null));

  function options(width, height) {
    const vertical = axis(format, 64);
    if (log) Object.assign(vertical, { filter: tens, grid: { ...vertical.grid, filter: tens } });
    return {
      width, height, padding: [6, 8, 0, 0], legend: { show: false }, pxAlign: 1,
      cursor: { sync: { key: "node" }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
      scales: {
        x: { time: true, range: () => (range ? [range[0] / 1000, range[1] / 1000] : [0, 1]) },
        y: { range: extent, ...(log ? { distr: 3 } : {}) },
      },
      axes: [
        { ...axis(String, 26), values: (_, splits) => splits.map((s) => (s % 60 === 0 ? clock(s * 1000).slice(0, 5) : clock(s * 1000))), space: 74 },
        { ...vertical, space: 34, ...(binary ? { incrs: BINARY } : {}) },
      ],
      series: [{}, ...series.map((one) => {
        const rgb = colour(`series-${one.colour}`);
        return { stroke: rgb, width: stacked ? 1 : 1.5, fill: stacked ? faded(rgb, 0.75) : one.fill ? faded(rgb, 0.12) : undefined, points: { show: false }, spanGaps: false };
      })],
      hooks: {
        draw: [draw],
        setCursor: [(u) => {
          const index = u.cursor.left >= 0 ? u.cursor.idx : null;
          if (index === over) return;
          over = index === undefined ? null : index;
          figure();
        }],
      },
    };
  }

  function build() {
    const box = plot.getBoundingClientRect();
    if (box.width < 10 || !plot.isConnected) return;
    if (made) made.destroy();
    made = new window.uPlot(options(Math.floor(box.width - 12), Math.floor(box.height)), values(), plot);
  }

  const watcher = new ResizeObserver(() => {
    const box = plot.getBoundingClientRect();
    if (!made) build();
    else if (box.width > 10) made.setSize({ width: Math.floor(box.width - 12), height: Math.floor(box.height) });
  });
  watcher.observe(plot);

  const self = {
    element,
    // Samples in order of time; nulls are not allowed.  Marks are {at, text, level}.
    show(next, from, to, happened) {
      samples = next;
      range = [from, to];
      marks = happened.filter((mark) => mark.at >= from && mark.at <= to);
      if (over !== null && over >= samples.length) over = null;
      if (made) made.setData(values());
      else build();
      figure();
      const last = samples[samples.length - 1];
      plot.setAttribute("aria-label", last ? `${title}: ${series.map((one) => `${one.label} ${format(one.of(last))}`).join(", ")}` : `${title}: no samples yet`);
    },
    rebuild: build,
    end() {
      alive.delete(self);
      watcher.disconnect();
      if (made) made.destroy();
      made = null;
    },
  };
  alive.add(self);
  return self;
}

// A small line without axes, on a canvas of the given class.
export function spark(canvas, values, name = "series-1") {
  const box = canvas.getBoundingClientRect();
  if (box.width < 2) return;
  const ratio = devicePixelRatio;
  const width = Math.round(box.width * ratio);
  const height = Math.round(box.height * ratio);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  const seen = values.filter((value) => value !== null && Number.isFinite(value));
  if (seen.length < 2) return;
  const high = Math.max(...seen);
  const low = Math.min(0, ...seen);
  const rgb = colour(name);
  const x = (index) => (index / (values.length - 1)) * width;
  const y = (value) => height - 2 * ratio - ((value - low) / (high - low || 1)) * (height - 5 * ratio);
  context.beginPath();
  let first = null;
  let last = 0;
  values.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) return;
    if (first === null) { context.moveTo(x(index), y(value)); first = index; }
    else context.lineTo(x(index), y(value));
    last = index;
  });
  context.strokeStyle = rgb;
  context.lineWidth = 1.5 * ratio;
  context.lineJoin = "round";
  context.stroke();
  context.lineTo(x(last), height);
  context.lineTo(x(first), height);
  context.closePath();
  context.fillStyle = faded(rgb, 0.13);
  context.fill();
}
