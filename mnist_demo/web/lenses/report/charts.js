// The charts of the lens "Report": bars, lines and marks.

import { fitPlural, rounded } from "../../texts.js";
import { chart, draw, path, ticksWithin } from "../axes.js";
import { percent } from "./percent.js";

/** @typedef {Parameters<typeof chart>[2]} Axis */
/** @typedef {{count: number, confidence: number, accuracy: number}} Bin */
/** @typedef {{values: number[], name: string, className: string, below?: number}} Line */
/** @typedef {Record<string, string>} Texts */

const FEW = 20; // digits: a bin with fewer says little

/**
 * Return bars of each bin's accuracy, with marks where they would end if it equalled the bin's confidence.
 * @param {string} label
 * @param {Bin[]} bins
 * @param {Texts} texts
 */
export function reliabilityChart(label, bins, texts) {
  const [whole, say] = [{ low: 0, high: 1, ticks: [0, 0.25, 0.5, 0.75, 1] }, (/** @type {number} */ value) => `${100 * value}`];
  const plot = chart(label, { ...whole, say, title: texts.axis_probability }, { ...whole, say, title: texts.axis_right });
  const { picture, across, up } = plot;
  bins.forEach(({ count, confidence, accuracy }, at) => {
    if (!count) return;
    const [left, right] = [across(at / bins.length), across((at + 1) / bins.length)];
    const words = fitPlural("bin", count, { sure: percent(confidence), right: percent(accuracy) });
    const bar = draw("rect", { class: count < FEW ? "bar few" : "bar", x: left + 1, width: right - left - 2, y: up(accuracy), height: up(0) - up(accuracy) }, draw("title", {}, words));
    picture.append(bar, draw("line", { class: "sure", x1: left + 1, x2: right - 1, y1: up(confidence), y2: up(confidence) }));
  });
  picture.append(path(plot, [[0, 0], [1, 1]], "even"));
  return picture;
}

/**
 * Return a chart of error by coverage, both in per cent, from rows of [coverage, error], with marks for the shipped setting
 * and the chosen one.
 * @param {string} label
 * @param {number[][]} rows
 * @param {number[]} shipped
 * @param {Texts} texts
 */
export function refusalChart(label, rows, shipped, texts) {
  const least = Math.min(...rows.map(([coverage]) => coverage));
  const most = Math.max(...rows.map(([, error]) => error), 1e-6);
  const x = { low: least, high: 100, ticks: ticksWithin(least, 100, 5), say: (/** @type {number} */ value) => rounded(value, 1), title: texts.axis_coverage };
  const y = { low: 0, high: 1.1 * most, ticks: ticksWithin(0, 1.1 * most, 4), say: (/** @type {number} */ value) => rounded(value, 3), title: texts.axis_error };
  const plot = chart(label, x, y);
  const dot = draw("circle", { class: "moving", r: 6 });
  const move = (/** @type {number[]} */ [coverage, error]) => {
    dot.setAttribute("cx", String(plot.across(coverage)));
    dot.setAttribute("cy", String(plot.up(error)));
  };
  const mark = draw("g", { class: "shipped" }, draw("circle", { r: 4, cx: plot.across(shipped[0]), cy: plot.up(shipped[1]) }), draw("text", { x: plot.across(shipped[0]) - 9, y: plot.up(shipped[1]) + 4, "text-anchor": "end" }, texts.shipped));
  plot.picture.append(path(plot, rows, "line"), mark, dot);
  move(shipped);
  return { picture: plot.picture, move };
}

/**
 * Return a line for each column of rows; the first is dashed, and each has its name at its end.
 * @param {string} label
 * @param {Axis} y
 * @param {Line[]} lines
 * @param {Texts} texts
 */
export function curves(label, y, lines, texts) {
  const count = lines[0].values.length;
  const epochs = { low: 1, high: Math.max(2, count), ticks: ticksWithin(1, Math.max(2, count), 5), say: (/** @type {number} */ value) => `${value}`, title: texts.axis_epoch };
  const plot = chart(label, epochs, y);
  for (const { values, name, className, below = -7 } of lines) {
    const points = values.map((value, at) => [at + 1, Math.min(y.high, Math.max(y.low, value))]);
    const [x, end] = /** @type {number[]} */ (points.at(-1));
    plot.picture.append(path(plot, points, `line ${className}`));
    plot.picture.append(draw("text", { class: className, x: plot.across(x) - 4, y: plot.up(end) + below, "text-anchor": "end" }, name));
  }
  return plot.picture;
}
