// The arithmetic of one cell's value, as computed by the server. Each number of its sum is in an element with
// `data-term`.

import { build } from "../../dom.js";
import { fit, numeral } from "../../texts.js";
import { fill, largestOf } from "./layers.js";

/** @typedef {import("./layers.js").Step} Step */
/** @typedef {import("./layers.js").Cell} Cell */
/** @typedef {import("./layers.js").Texts} Texts */
/** @typedef {(string | Node)[]} Parts */

const shown = (/** @type {number} */ value) => numeral(value, 4);

/** @param {number} value */
function term(value) {
  const one = build("span", "term-of", shown(value));
  one.dataset.term = String(value);
  return one;
}

/** @param {number[][]} rows @param {number[]} [winner] its row and column */
function grid(rows, winner) {
  const largest = largestOf(rows.flat());
  const table = build("span", "grid");
  table.style.gridTemplateColumns = `repeat(${rows[0].length}, auto)`;
  rows.forEach((row, y) => row.forEach((value, x) => {
    const cell = build("span", "", numeral(value, 2));
    const strength = Math.abs(value / largest);
    cell.style.background = `color-mix(in srgb, ${value < 0 ? "#4682ff" : "#e0a800"} ${Math.round(45 * strength)}%, transparent)`;
    cell.classList.toggle("winner", y === winner?.[0] && x === winner?.[1]);
    table.append(cell);
  }));
  return table;
}

/** @param {number[][]} rows */
function thumb(rows) {
  const canvas = build("canvas", "thumb");
  fill(canvas, Float32Array.from(rows.flat()), rows[0].length, largestOf(rows.flat()));
  return canvas;
}

/** @param {Parts} parts */
function line(...parts) {
  const one = build("p", "line");
  one.append(...parts);
  return one;
}

/** Show the numbers of the patch and the kernel if there is one map; else a picture and the sum of each map. @type {(arithmetic: any, value: number, texts: Texts) => Parts} */
function convolved({ patch, kernel, sums, bias }, value, texts) {
  if (patch.length === 1) {
    const both = build("div", "product");
    both.append(grid(patch[0]), " × ", grid(kernel[0]));
    return [both, line(`${texts.work_patch} × ${texts.work_filter}, ${texts.work_sum} `, term(sums[0]), ` + ${texts.work_bias} `, term(bias), ` = ${shown(value)}`)];
  }
  const rows = build("div", "sums");
  sums.forEach((/** @type {number} */ sum, /** @type {number} */ map) => {
    const row = build("span", "row");
    row.append(fit(texts.work_map, { map: map + 1 }), " ", thumb(patch[map]), " × ", thumb(kernel[map]), " = ", term(sum));
    rows.append(row);
  });
  return [rows, line(`+ ${texts.work_bias} `, term(bias), ` = ${shown(value)}`)];
}

/** @type {(arithmetic: any, value: number, texts: Texts, before: Step) => Parts} */
function weighted({ terms, others, bias }, value, texts, before) {
  const rows = build("div", "sums");
  for (const { cell, activation, weight, product } of terms) {
    const row = build("span", "row");
    row.append(`${before.name} ${cell.map((/** @type {number} */ at) => at + 1).join(", ")}: ${shown(activation)} × ${shown(weight)} = `, term(product));
    rows.append(row);
  }
  const count = before.shape.reduce((product, length) => product * length, 1) - terms.length;
  return [rows, line(`+ ${fit(texts.work_others, { count })} `, term(others), ` + ${texts.work_bias} `, term(bias), ` = ${shown(value)}`)];
}

/** @type {(arithmetic: any, value: number, seen: number[][], texts: Texts) => Parts} */
function pooledOf({ candidates, winner }, value, seen, texts) {
  const at = [winner[0] - seen[1][0], winner[1] - seen[2][0]];
  return [grid(candidates, at), line(`${texts.work_wins}: `, term(value))];
}

/** @type {(step: Step, before: Step, work: any, texts: Texts) => Parts} */
function worked(step, before, { value, seen, arithmetic }, texts) {
  const a = arithmetic;
  return /** @type {Record<string, () => Parts>} */ ({
    image: () => [line(term(value))],
    normalize: () => [line(`(${shown(a.pixel)} − ${shown(a.mean)}) / ${shown(a.standard_deviation)} = `, term(value))],
    conv: () => convolved(a, value, texts),
    relu: () => [line(`max(0, ${shown(a.before)}) = `, term(value))],
    "max-pool": () => pooledOf(a, value, seen, texts),
    linear: () => weighted(a, value, texts, before),
    "log-softmax": () => [line(term(a.before), " − ln Σ exp ", term(-a.log_sum), ` = ${shown(value)}; exp = ${numeral(100 * Math.exp(value), 2)} %`)],
  })[step.kind]();
}

/**
 * Show in `panel` where the cell is, its value, and its arithmetic.
 * @type {(panel: HTMLElement, steps: Step[], index: number, cell: Cell, work: any, texts: Texts) => void}
 */
export function sayWork(panel, steps, index, cell, work, texts) {
  const step = steps[index];
  const [map, row, column] = cell.map((at) => at + 1);
  const unit = step.shape[0] === 10 ? cell[0] : map; // the ten outputs are named 0 to 9, as the digits are
  const where = fit(cell.length === 3 ? texts.cell_map : texts.cell_unit, { step: step.name, map, row, column, unit });
  const head = build("h3", "", `${where}: ${shown(work.value)}`);
  panel.replaceChildren(head, ...worked(step, steps[index - 1], work, texts));
  Object.assign(panel.dataset, { value: work.value, step: index, cell: cell.join(",") });
  panel.hidden = false;
}
