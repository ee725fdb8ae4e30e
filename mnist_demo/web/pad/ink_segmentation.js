// Segmentation of ink whose strokes are unknown or were erased: connected components, cut where they are thin. The same as
// `of_ink` of segmentation.py.

import { sketchOf } from "./preprocess.js";
import { centreOf, distancesOf, groupsOf, numberHeight, union, withinLimits } from "./segmentation.js";
import { rint } from "./strokes.js";

const INKED = 127; // of 255: pixels above this are ink
const MAX_HEIGHT = 64; // pixels: a number at least twice as high is reduced by a whole factor first
const MAX_POINTS = 40; // of a part, from which distances are measured
const MIN_AREA = 0.3; // squares of the brush: smaller components are specks
const NARROWEST = 0.45; // heights: a narrower component is not cut
const CUT_MARGIN = 0.15; // heights, from a component's sides to the first and the last seam
const CUT_STEP = 0.06; // heights between the starts of two seams that are tried
const CUT_REACH = 0.2; // heights that a seam may move to either side of its start
const MAX_CROSSED = 2.6; // brush widths of ink that a seam may cross
const APART = 0.14; // heights, at least, between two seams
const [INK, SIDEWAYS, SIDEWAYS_INK] = [100, 5, 40]; // a seam's cost: per pixel of ink, per step sideways, extra if into ink
const FAR = 2 ** 40;

/** @typedef {import("./segmentation.js").Box} Box */
/** @typedef {import("./segmentation.js").Segmentation} Segmentation */
/** @typedef {{data: Uint8Array, width: number, height: number}} Picture */
/** @typedef {{pixels: number[], box: Box}} Component pixels: row * width + column, in that order */
/** @typedef {Component & {number: number, cut: number}} Part number: in the order found; cut: brush widths of ink that the cut to the part before crosses */
/** @typedef {{columns: number[], crossed: number}} Seam columns: by row */

/**
 * Return the segmentation of ink; null if it has no pieces, or too many.
 * @param {Uint8Array} ink
 * @param {number} side pixels
 * @returns {Segmentation | null}
 */
export function inkSegmentationOf(ink, side) {
  const whole = { data: ink, width: side, height: side };
  const components = componentsOf(whole);
  if (!components.length) return null;
  const height = numberHeight(components.map(({ box }) => box));
  const factor = Math.max(1, Math.floor(height / MAX_HEIGHT));
  const small = shrunk(whole, factor);
  const parts = partsOf(small).sort((one, other) => centreOf(one.box) - centreOf(other.box));
  if (!withinLimits(parts.length)) return null;
  const boxes = parts.map(({ box }) => enlarged(box, factor));
  const cuts = parts.map((one) => parts.map((other) => cutBetween(one, other)));
  const apart = distancesOf(parts.map((part) => sampled(part, small.width, factor)), boxes, height);
  const distances = apart.map((row, one) => row.map((distance, other) => (cuts[one][other] > 0 ? 0 : distance)));
  return {
    height,
    boxes,
    distances,
    ends: parts.map(() => [0, 1].map(() => parts.map(() => 1))),
    cuts,
    groups: groupsOf(boxes, distances, height, componentsIn(parts)),
    order: parts.map((_, at) => at),
    pens: parts.map(() => 0),
    penHeight: height,
    sketch: (group, { narrow }) => sketchOfParts(small, group.pieces.map((piece) => parts[piece]), narrow),
  };
}

/** Return the indices of the parts of each connected component. @param {Part[]} parts @returns {number[][]} */
function componentsIn(parts) {
  const begun = parts.filter(({ cut }) => !cut).map(({ number }) => number);
  const firstOf = (/** @type {Part} */ { number }) => Math.max(...begun.filter((one) => one <= number));
  const firsts = parts.map(firstOf);
  return [...new Set(firsts)].map((first) => firsts.flatMap((one, at) => (one === first ? [at] : [])));
}

/** @param {Box} box @param {number} factor @returns {Box} */
const enlarged = ({ left, top, right, bottom }, factor) => ({ left: left * factor, top: top * factor, right: right * factor, bottom: bottom * factor });

/** Return what the cut between two parts crosses; 0 if they are not cut from each other. @param {Part} one @param {Part} other */
function cutBetween(one, other) {
  if (Math.abs(one.number - other.number) !== 1) return 0;
  return (one.number > other.number ? one : other).cut;
}

/** Return the connected components: pixels that touch by a side or a corner. @param {Picture} picture @returns {Component[]} */
function componentsOf({ data, width, height }) {
  const seen = new Uint8Array(data.length);
  const components = [];
  for (let start = 0; start < data.length; start += 1) {
    if (seen[start] || data[start] <= INKED) continue;
    const pixels = [start];
    seen[start] = 1;
    for (const pixel of pixels) {
      const [row, column] = [Math.floor(pixel / width), pixel % width];
      for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, height - 1); y += 1) {
        for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, width - 1); x += 1) {
          const at = y * width + x;
          if (seen[at] || data[at] <= INKED) continue;
          seen[at] = 1;
          pixels.push(at);
        }
      }
    }
    pixels.sort((one, other) => one - other);
    components.push({ pixels, box: boxOf(pixels, width) });
  }
  return components;
}

/** @param {number[]} pixels @param {number} width @returns {Box} */
function boxOf(pixels, width) {
  const box = { left: Infinity, top: Infinity, right: 0, bottom: 0 };
  for (const pixel of pixels) {
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    box.left = Math.min(box.left, column);
    box.right = Math.max(box.right, column + 1);
    box.top = Math.min(box.top, row);
    box.bottom = Math.max(box.bottom, row + 1);
  }
  return box;
}

/** Return the picture averaged over squares of `factor` pixels a side. @param {Picture} picture @param {number} factor */
function shrunk(picture, factor) {
  const [width, height] = [picture.width, picture.height].map((length) => Math.ceil(length / factor));
  const sums = new Uint32Array(width * height);
  for (let y = 0; y < picture.height; y += 1) {
    for (let x = 0; x < picture.width; x += 1) sums[Math.floor(y / factor) * width + Math.floor(x / factor)] += picture.data[y * picture.width + x];
  }
  const area = factor * factor;
  return { data: Uint8Array.from(sums, (sum) => Math.floor((sum + Math.floor(area / 2)) / area)), width, height };
}

/** Return the components, cut where they are thin; specks left out. @param {Picture} picture @returns {Part[]} */
function partsOf(picture) {
  const components = componentsOf(picture);
  if (!components.length) return [];
  const [brush, height] = [brushOf(components, picture), numberHeight(components.map(({ box }) => box))];
  const parts = /** @type {Part[]} */ ([]);
  for (const component of components.filter(({ pixels }) => pixels.length >= MIN_AREA * brush * brush)) {
    for (const part of cut(component, picture.width, height, brush)) parts.push({ ...part, number: parts.length });
  }
  return parts;
}

/** Return about how wide the lines are: twice their area over their outline. @param {Component[]} components @param {Picture} picture */
function brushOf(components, { data, width, height }) {
  const isInk = (/** @type {number} */ x, /** @type {number} */ y) => x >= 0 && y >= 0 && x < width && y < height && data[y * width + x] > INKED;
  let [area, inner] = [0, 0];
  for (const { pixels } of components) {
    area += pixels.length;
    for (const pixel of pixels) {
      const [x, y] = [pixel % width, Math.floor(pixel / width)];
      if (isInk(x - 1, y) && isInk(x + 1, y) && isInk(x, y - 1) && isInk(x, y + 1)) inner += 1;
    }
  }
  return Math.max(1.5, (2 * area) / Math.max(1, area - inner));
}

/**
 * Return the parts of a component between its seams.
 * @param {Component} component
 * @param {number} width of the picture
 * @param {number} height of the number
 * @param {number} brush
 */
function cut({ pixels, box }, width, height, brush) {
  const mask = maskOf(pixels, width, box);
  const seams = seamsOf(mask, height, brush);
  const parts = /** @type {{pixels: number[], box: Box, cut: number}[]} */ ([]);
  for (let number = 0; number <= seams.length; number += 1) {
    const own = pixels.filter((pixel) => {
      const [row, column] = [Math.floor(pixel / width) - box.top, (pixel % width) - box.left];
      return seams.reduce((count, { columns }) => count + Number(column >= columns[row]), 0) === number;
    });
    if (own.length) parts.push({ pixels: own, box: boxOf(own, width), cut: parts.length ? Math.max(seams[number - 1].crossed, 0.01) : 0 });
  }
  return parts;
}

/** Return the pixels of a box that are a component's. @param {number[]} pixels @param {number} width @param {Box} box @returns {Picture} */
function maskOf(pixels, width, box) {
  const mask = { width: box.right - box.left, height: box.bottom - box.top, data: new Uint8Array((box.right - box.left) * (box.bottom - box.top)) };
  for (const pixel of pixels) mask.data[(Math.floor(pixel / width) - box.top) * mask.width + (pixel % width) - box.left] = 1;
  return mask;
}

/** Return where a component may be cut from top to bottom. @param {Picture} mask @param {number} height @param {number} brush @returns {Seam[]} */
function seamsOf(mask, height, brush) {
  const [margin, step] = [Math.floor(CUT_MARGIN * height), Math.max(2, Math.floor(CUT_STEP * height))];
  if (mask.width < NARROWEST * height) return [];
  const tried = [];
  for (let start = margin; start < mask.width - margin; start += step) tried.push(cheapest(mask, start, Math.max(3, Math.floor(CUT_REACH * height))));
  const kept = /** @type {Seam[]} */ ([]);
  const most = Math.max(1, Math.floor((2.5 * mask.width) / height));
  for (const { columns } of tried.sort((one, other) => one.cost - other.cost)) {
    const crossed = columns.reduce((sum, column, row) => sum + mask.data[row * mask.width + column], 0) / brush;
    if (crossed <= MAX_CROSSED && divides(mask, columns, kept, height, brush)) kept.push({ columns, crossed });
    if (kept.length >= most) break;
  }
  const mean = (/** @type {Seam} */ { columns }) => columns.reduce((sum, column) => sum + column, 0) / columns.length;
  return kept.sort((one, other) => mean(one) - mean(other));
}

/**
 * Return whether a seam leaves enough ink on either side, and to other seams.
 * @param {Picture} mask
 * @param {number[]} columns
 * @param {Seam[]} others
 * @param {number} height
 * @param {number} brush
 */
function divides(mask, columns, others, height, brush) {
  let [left, total] = [0, 0];
  const between = others.map(() => 0);
  mask.data.forEach((isInk, at) => {
    if (!isInk) return;
    const [row, column] = [Math.floor(at / mask.width), at % mask.width];
    total += 1;
    left += Number(column < columns[row]);
    others.forEach((other, number) => (between[number] += Number(column < columns[row] !== column < other.columns[row])));
  });
  if (Math.min(left, total - left) < 1.5 * brush * brush) return false;
  return others.every((other, number) => {
    const gaps = columns.map((column, row) => Math.abs(column - other.columns[row])).sort((one, two) => one - two);
    const median = (gaps[Math.floor((gaps.length - 1) / 2)] + gaps[Math.floor(gaps.length / 2)]) / 2;
    return median >= APART * height && between[number] >= 1.2 * brush * brush;
  });
}

/** Return the cheapest seam around a column, and its cost. @param {Picture} mask @param {number} start @param {number} reach */
function cheapest(mask, start, reach) {
  const count = 2 * reach + 1;
  const columnOf = (/** @type {number} */ at) => start - reach + at;
  const inked = (/** @type {number} */ row, /** @type {number} */ at) => mask.data[row * mask.width + Math.min(Math.max(columnOf(at), 0), mask.width - 1)];
  const price = (/** @type {number} */ row, /** @type {number} */ at) => (columnOf(at) >= 0 && columnOf(at) < mask.width ? INK * inked(row, at) : FAR);
  const moves = /** @type {Int8Array[]} */ ([new Int8Array(count)]);
  let total = Array.from({ length: count }, (_, at) => price(0, at));
  for (let row = 1; row < mask.height; row += 1) {
    const moved = new Int8Array(count);
    total = total.map((stay, at) => {
      const aside = SIDEWAYS + SIDEWAYS_INK * inked(row, at);
      const [left, right] = [(total[at - 1] ?? FAR) + aside, (total[at + 1] ?? FAR) + aside];
      const least = Math.min(stay, left, right);
      moved[at] = least === stay ? 0 : least === left ? -1 : 1;
      return least + price(row, at);
    });
    moves.push(moved);
  }
  const cost = Math.min(...total);
  let at = total.indexOf(cost);
  const columns = Array(mask.height);
  for (let row = mask.height - 1; row >= 0; row -= 1) {
    columns[row] = Math.min(Math.max(columnOf(at), 0), mask.width - 1);
    at += moves[row][at];
  }
  return { columns, cost };
}

/** Return some points of a part, in the whole picture's pixels. @param {Part} part @param {number} width @param {number} factor */
function sampled({ pixels }, width, factor) {
  const every = Math.max(1, Math.floor(pixels.length / MAX_POINTS));
  return pixels.filter((_, at) => at % every === 0).map((pixel) => [factor * (pixel % width), factor * Math.floor(pixel / width)]);
}

/**
 * Return the sketch of the parts alone, that much narrower.
 * @param {Picture} picture
 * @param {Part[]} parts
 * @param {number} narrow
 */
function sketchOfParts({ data, width }, parts, narrow) {
  const box = union(parts.map((part) => part.box));
  const [across, down] = [box.right - box.left, box.bottom - box.top];
  const crop = new Uint8Array(across * down);
  for (const pixel of parts.flatMap(({ pixels }) => pixels)) crop[(Math.floor(pixel / width) - box.top) * across + (pixel % width) - box.left] = data[pixel];
  const count = Math.max(1, rint(narrow * across));
  const side = Math.max(count, down);
  const ink = new Uint8Array(side * side);
  for (let y = 0; y < down; y += 1) {
    for (let x = 0; x < count; x += 1) ink[y * side + x] = crop[y * across + Math.floor(((x + 0.5) * across) / count)];
  }
  return /** @type {import("./preprocess.js").Sketch} */ (sketchOf(ink, side));
}
