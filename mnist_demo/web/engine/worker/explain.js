// How a network in this browser came to its answer: its layers, their arithmetic, and the evidence for it. The answers are
// those of `model/explain.py`, except that values cross as numbers.

import { base64 } from "../../images.js";
import { LANES, rowsIn, SIDE, sizeOf } from "./network.js";

/** @typedef {import("./network.js").Network} Network */
/** @typedef {import("./network.js").Step} Step */
/** @typedef {import("./network.js").Area} Area */
/** @typedef {[start: number, end: number]} Span */

const TERMS = 10; // of a unit's sum that are listed one by one
const PATCH = 5; // pixels a side of what is hidden
const PLACES = SIDE - PATCH + 1; // of a patch, in each direction

/** @param {ArrayLike<number>} values */
const inFours = (values) => Float64Array.from({ length: LANES * values.length }, (_, at) => values[Math.floor(at / LANES)]);
/** @param {Float64Array} lanes */
const first = (lanes) => Float32Array.from({ length: lanes.length / LANES }, (_, at) => lanes[LANES * at]);
/** @param {number} value @param {number} decimals */
const rounded = (value, decimals) => Number(value.toFixed(decimals));

/** Return every step's values for one image, unshifted. @param {Network} network @param {Float32Array} image */
function valuesOf({ steps, layers, input, run }, image) {
  input.set(inFours(image));
  run();
  const all = [image];
  for (const step of steps.slice(1)) {
    const layer = layers.find(({ index }) => index === all.length);
    const { mean = 0, standard_deviation: deviation = 1 } = step;
    all.push(layer ? first(layer.values).subarray(0, sizeOf(step.shape)) : image.map((value) => (value - mean) / deviation));
  }
  return all;
}

/** @param {Network} network @param {Uint8Array} digit @param {Float32Array} image */
export function trace(network, digit, image) {
  const values = valuesOf(network, image);
  const steps = network.steps.map((step, at) => {
    if (step.kind === "image") return { ...step, bytes: base64(digit), low: 0, unit: 1 / 255 };
    return { ...step, numbers: values[at] };
  });
  return { steps, ...network.read(image), temperature: rounded(network.temperature, 3) };
}

/** @param {Network} network */
export function kernels({ steps, tensors }) {
  return steps.map(({ kind, weight = "", window, shape }) => {
    if (kind !== "conv" || !window) return null;
    const size = window[0][0] * window[0][1];
    return { shape: [shape[0], tensors[weight].length / shape[0] / size, ...window[0]], numbers: tensors[weight] };
  });
}

/** What of a step goes into a part of the step after it. @type {(step: Step, before: number[], part: Span[]) => Span[]} */
function seen({ kind, window }, before, part) {
  if (!window) return ["linear", "log-softmax"].includes(kind) ? before.map((length) => [0, length]) : part;
  const [size, stride, padding] = window;
  const spans = [0, 1].map((axis) => /** @type {Span} */ ([
    Math.max(part[axis + 1][0] * stride[axis] - padding[axis], 0),
    Math.min((part[axis + 1][1] - 1) * stride[axis] - padding[axis] + size[axis], before[axis + 1]),
  ]));
  return [kind === "conv" ? [0, before[0]] : part[0], ...spans];
}

/**
 * How the value of one cell was computed.
 * @type {(network: Network, image: Float32Array, index: number, cell: number[]) => object}
 */
export function work(network, image, index, cell) {
  const values = valuesOf(network, image);
  const { steps } = network;
  const at = indexOf(cell, steps[index].shape);
  let part = cell.map((place) => /** @type {Span} */ ([place, place + 1]));
  const parts = [part];
  for (let step = index; step > 0; step -= 1) parts.push((part = seen(steps[step], steps[step - 1].shape, part)));
  const [, [top, bottom], [left, right]] = part;
  const about = { value: values[index][at], seen: parts[1] ?? [], pixels: [top, left, bottom, right] };
  return { ...about, arithmetic: index ? arithmetic(network, index, cell, values, parts[1]) : null };
}

/** @param {number[]} cell @param {number[]} shape */
const indexOf = (cell, shape) => cell.reduce((at, place, axis) => at * shape[axis] + place, 0);

/** @type {(network: Network, index: number, cell: number[], values: Float32Array[], part: Span[]) => object} */
function arithmetic({ steps, tensors }, index, cell, values, part) {
  const { kind, mean, standard_deviation, window, weight = "", bias = "", shape } = steps[index];
  const [before, input] = [steps[index - 1].shape, values[index - 1]];
  const own = input[indexOf(cell, shape)];
  const weights = weight && tensors[weight].subarray((cell[0] * tensors[weight].length) / shape[0]);
  const added = tensors[bias]?.[cell[0]] ?? 0;
  if (kind === "normalize") return { pixel: own, mean, standard_deviation };
  if (kind === "conv" && window && weights) {
    const [[height, width], stride, padding] = window;
    const [top, left] = [0, 1].map((axis) => cell[axis + 1] * stride[axis] - padding[axis]);
    const patch = grids(before[0], height, width, (map, row, column) => at(map, top + row, left + column));
    const kernel = grids(before[0], height, width, (map, row, column) => weights[(map * height + row) * width + column]);
    const sums = patch.map((rows, map) => rows.flat().reduce((sum, value, one) => sum + value * kernel[map].flat()[one], 0));
    return { patch, kernel, sums, bias: added };
  }
  if (kind === "max-pool") {
    const [, [top, bottom], [left, right]] = part;
    const [candidates] = grids(1, bottom - top, right - left, (_, row, column) => at(cell[0], top + row, left + column));
    const winner = candidates.flat().indexOf(Math.max(...candidates.flat()));
    return { candidates, winner: [top + Math.floor(winner / (right - left)), left + (winner % (right - left))] };
  }
  if (kind === "linear" && weights) {
    const products = input.map((value, one) => value * weights[one]);
    const order = [...products.keys()].sort((one, other) => Math.abs(products[other]) - Math.abs(products[one]));
    const terms = order.slice(0, TERMS).map((one) => ({ cell: cellOf(one, before), number: one, activation: input[one], weight: weights[one], product: products[one] }));
    return { terms, others: order.slice(TERMS).reduce((sum, one) => sum + products[one], 0), bias: added };
  }
  return kind === "relu" ? { before: own } : { before: own, log_sum: own - values[index][cell[0]] };

  /** @type {(map: number, row: number, column: number) => number} */
  function at(map, row, column) {
    const isInside = row >= 0 && column >= 0 && row < before[1] && column < before[2];
    return isInside ? input[indexOf([map, row, column], before)] : 0;
  }
}

/** @type {(maps: number, rows: number, columns: number, value: (map: number, row: number, column: number) => number) => number[][][]} */
const grids = (maps, rows, columns, value) =>
  Array.from({ length: maps }, (_, map) => Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => value(map, row, column))));

/** @param {number} index @param {number[]} shape @returns {number[]} */
function cellOf(index, [maps, rows, columns]) {
  return rows === undefined ? [index] : [Math.floor(index / columns / rows) % maps, Math.floor(index / columns) % rows, index % columns];
}

/**
 * The evidence for one answer against another: how far the log-odds fall if a patch of the digit is hidden. Four patches
 * side by side are hidden at once, each in a lane of its own. Only what they touch is computed again: a part of each map,
 * and in the first linear layer the change.
 * @type {(network: Network, image: Float32Array, answer: number, rival: number) => object}
 */
export function why({ layers, input, run }, image, answer, rival) {
  const odds = (/** @type {Float64Array} */ values, lane = 0) => values[LANES * answer + lane] - values[LANES * rival + lane];
  input.set(inFours(image));
  const all = odds(run());
  const whole = layers.map(({ values }) => values.slice());
  const flat = layers.findIndex(({ step }) => step.kind === "linear");
  const change = new Float64Array(flat > 0 ? whole[flat - 1].length : 0);
  const moves = Array.from({ length: PLACES }, () => Array(PLACES).fill(0));

  for (let top = 0; top < PLACES; top += 2) {
    for (let left = 0; left < PLACES; left += 2) {
      const lanes = Array.from({ length: LANES }, (_, lane) => ({ lane, row: top + (lane >> 1), column: left + (lane & 1) }));
      const touching = lanes.filter(({ row, column }) => isInked(image, row, column));
      if (!touching.length) continue;
      for (const one of lanes) hide(one.lane, one.row, one.column, () => 0);
      const values = again([top, top + PATCH + 1, left, left + PATCH + 1]);
      for (const { lane, row, column } of touching) moves[row][column] = all - odds(values, lane);
      for (const one of lanes) hide(one.lane, one.row, one.column, (at) => image[at]);
    }
  }
  const [plus, minus] = [1, -1].map((sign) => place(moves, image, sign));
  return { log_odds: rounded(all, 3), moves: moves.map((row) => row.map((move) => rounded(move, 2))), speaks_for: plus, speaks_against: minus };

  /** @type {(lane: number, top: number, left: number, value: (at: number) => number) => void} */
  function hide(lane, top, left, value) {
    for (let row = top; row < top + PATCH; row += 1) {
      for (let at = row * SIDE + left; at < row * SIDE + left + PATCH; at += 1) input[LANES * at + lane] = value(at);
    }
  }

  /** Run the layers where the input has changed, and leave their values as they were. @param {Area} area */
  function again(area) {
    const areas = [area];
    let values = /** @type {Float64Array} */ (input);
    layers.slice(0, flat).forEach((layer, at) => {
      areas.push(layer.reach(areas[at]));
      values = layer.run(values, areas[at + 1]);
    });
    layers.slice(0, flat).forEach(({ step, values: changed }, at) => rowsIn(step.shape, areas[at + 1], (start, end) => {
      if (at === flat - 1) for (let one = start; one < end; one += 1) change[one] = changed[one] - whole[at][one];
      changed.set(whole[at].subarray(start, end), start);
    }));
    values = flat > 0 ? layers[flat].run(change, undefined, whole[flat]) : layers[0].run(values);
    if (flat > 0) rowsIn(layers[flat - 1].step.shape, areas[flat], (start, end) => change.fill(0, start, end));
    for (const layer of layers.slice(Math.max(flat, 0) + 1)) values = layer.run(values);
    return values;
  }
}

/** @type {(image: Float32Array, top: number, left: number) => boolean} */
function isInked(image, top, left) {
  for (let row = top; row < top + PATCH; row += 1) {
    for (let at = row * SIDE + left; at < row * SIDE + left + PATCH; at += 1) if (image[at] > 0) return true;
  }
  return false;
}

/**
 * Where hiding a patch moves the log-odds most, as the third of the ink's box that its middle is in; null if nowhere.
 * @param {number[][]} moves
 * @param {Float32Array} image
 * @param {number} sign
 */
function place(moves, image, sign) {
  const signed = moves.flat().map((move) => sign * move);
  const most = Math.max(...signed);
  if (most <= 0) return null;
  const at = signed.indexOf(most);
  const [row, column] = [Math.floor(at / PLACES), at % PLACES].map((start) => start + Math.floor(PATCH / 2));
  const inked = [...image.keys()].filter((pixel) => image[pixel] > 0);
  /** @type {(lines: number[], line: number) => number} */
  const third = (lines, line) => Math.min(Math.max(Math.floor((3 * (line - Math.min(...lines))) / (Math.max(...lines) + 1 - Math.min(...lines))), 0), 2);
  const vertical = ["top", "middle", "bottom"][third(inked.map((pixel) => Math.floor(pixel / SIDE)), row)];
  const horizontal = ["left", "middle", "right"][third(inked.map((pixel) => pixel % SIDE), column)];
  return { row, column, vertical, horizontal, move: rounded(sign * most, 3) };
}
