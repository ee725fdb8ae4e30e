// Segmentation of a number into pieces, and the groups of them that may be digits: the same as segmentation.py makes.
// Lengths "in heights" are multiples of the number's height.

import { sketchOf } from "./preprocess.js";
import { boxOf, fitted, inkOf } from "./strokes.js";

const MAX_PIECES = 36; // of a number
const MAX_GROUP = 4; // pieces of a digit
const WINDOW = 3; // a digit's pieces are among its first and this many after it, from the left
const MAX_GAP = 0.45; // heights, between two pieces of a digit
const MAX_WIDTH = 2; // heights, of a digit
const TALL = 0.5; // of the tallest piece's height: shorter pieces do not count for the number's height
const STEP = 0.08; // heights between the points of a piece, from which distances are measured
const MAX_POINTS = 40; // of a piece
export const WAYS = [{ brush: 0.09, narrow: 1 }, { brush: 0.06, narrow: 0.7 }];
const CANVAS = 96; // pixels of the square that a group is drawn on
const LONGEST = 80; // pixels of that square: the group's longer side

/** @typedef {import("./preprocess.js").Sketch} Sketch */
/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {{brush: number, narrow: number}} Way brush: its width in heights; narrow: the factor for x */
/** @typedef {import("./strokes.js").Box} Box */
/**
 * @typedef {object} Group pieces that may be one digit
 * @property {number[]} pieces their indices; pieces are ordered from the left
 * @property {Box} box
 * @property {number} gap heights: the widest horizontal gap between its pieces
 * @property {number} spread heights: the longest edge of the pieces' minimum spanning tree
 */
/**
 * @typedef {object} Segmentation
 * @property {number} height of the number, pixels
 * @property {Box[]} boxes of the pieces, from the left
 * @property {number[][]} distances heights between two pieces, at most 1
 * @property {number[][][]} ends heights from either end of a piece to each other piece, at most 1
 * @property {number[][]} cuts how much ink the cut between two pieces crosses, in brush widths; 0: not cut
 * @property {Group[]} groups
 * @property {number[]} order for each piece, the index of its stroke
 * @property {number[]} pens for each piece, the width of its pen; 0 if its box includes the pen's width already
 * @property {number} penHeight the height, rounded, by which brush widths are computed
 * @property {(group: Group, way: Way) => Sketch} sketch draw the group as a digit in one of the WAYS
 */

const widthOf = (/** @type {Box} */ box) => box.right - box.left;
const heightOf = (/** @type {Box} */ box) => box.bottom - box.top;
export const centreOf = (/** @type {Box} */ box) => (box.left + box.right) / 2;

/**
 * Return the segmentation of pen strokes, not erasers; null for no strokes, or more than MAX_PIECES.
 * @param {Stroke[]} strokes
 * @returns {Segmentation | null}
 */
export function segmentationOf(strokes) {
  if (!withinLimits(strokes.length)) return null;
  const all = strokes.map(({ points, width }, stroke) => ({ points, width, stroke, box: boxOf(points) }));
  const pieces = all.sort((one, other) => centreOf(one.box) - centreOf(other.box));
  const boxes = pieces.map(({ box }) => box);
  const height = numberHeight(boxes);
  const points = pieces.map((piece) => dense(piece.points, STEP * height));
  const distances = distancesOf(points, boxes, height);
  const penHeight = 2 ** (Math.round(4 * Math.log2(height)) / 4); // rounded: most images stay while a number grows
  return {
    height,
    boxes,
    distances,
    ends: points.map((own) => [own.slice(0, 1), own.slice(-1)].map((end) => points.map((other) => Math.min(1, nearest(end, other) / height)))),
    cuts: distances.map((row) => row.map(() => 0)),
    groups: groupsOf(boxes, distances, height),
    order: pieces.map(({ stroke }) => stroke),
    pens: pieces.map(({ width }) => width),
    penHeight,
    sketch: (group, { brush, narrow }) => sketchAlong(group.pieces.map((piece) => pieces[piece].points), brush * penHeight, narrow),
  };
}

/** Return whether a number may have that many pieces. @param {number} count */
export const withinLimits = (count) => count >= 1 && count <= MAX_PIECES;

/** Return the box around boxes. @param {Box[]} boxes @returns {Box} */
export function union(boxes) {
  return {
    left: Math.min(...boxes.map(({ left }) => left)),
    top: Math.min(...boxes.map(({ top }) => top)),
    right: Math.max(...boxes.map(({ right }) => right)),
    bottom: Math.max(...boxes.map(({ bottom }) => bottom)),
  };
}

/** Return the height of a number: the median of its tall pieces; if it is flat, its width. @param {Box[]} boxes */
export function numberHeight(boxes) {
  const heights = boxes.map(heightOf);
  const tallest = Math.max(...heights);
  if (tallest <= 0) return Math.max(widthOf(union(boxes)), 1);
  const tall = heights.filter((height) => height >= TALL * tallest).sort((one, other) => one - other);
  return (tall[Math.floor((tall.length - 1) / 2)] + tall[Math.floor(tall.length / 2)]) / 2;
}

/**
 * Return points along a path, about a step apart.
 * @param {number[]} points
 * @param {number} step
 */
function dense(points, step) {
  const along = [0];
  for (let at = 2; at < points.length; at += 2) {
    const [x, y] = [points[at] - points[at - 2], points[at + 1] - points[at - 1]];
    along.push(/** @type {number} */ (along.at(-1)) + Math.sqrt(x * x + y * y));
  }
  const length = /** @type {number} */ (along.at(-1));
  const count = Math.min(MAX_POINTS, Math.max(2, Math.floor(length / step)));
  let from = 0;
  return Array.from({ length: count }, (_, number) => {
    const stop = (number * length) / (count - 1);
    while (from + 2 < along.length && along[from + 1] <= stop) from += 1;
    const run = along[from + 1] - along[from];
    const share = run > 0 ? Math.min((stop - along[from]) / run, 1) : 0;
    const to = Math.min(from + 1, along.length - 1);
    return [0, 1].map((axis) => points[2 * from + axis] + share * (points[2 * to + axis] - points[2 * from + axis]));
  });
}

/**
 * Return the distances between the pieces, in heights.
 * @param {number[][][]} points
 * @param {Box[]} boxes
 * @param {number} height
 */
export function distancesOf(points, boxes, height) {
  const distances = boxes.map(() => boxes.map(() => 0));
  for (let one = 0; one < boxes.length; one += 1) {
    for (let other = one + 1; other < boxes.length; other += 1) {
      const gap = Math.max(boxes[other].left - boxes[one].right, boxes[one].left - boxes[other].right);
      const distance = gap <= height ? Math.min(1, nearest(points[one], points[other]) / height) : 1;
      distances[one][other] = distances[other][one] = distance;
    }
  }
  return distances;
}

/** @param {number[][]} some @param {number[][]} others */
function nearest(some, others) {
  let least = Infinity;
  for (const [x, y] of some) for (const [u, v] of others) least = Math.min(least, (x - u) * (x - u) + (y - v) * (y - v));
  return Math.sqrt(least);
}

/**
 * Return all groups of neighbouring pieces that may be a digit, and `others`, which may have more pieces.
 * @param {Box[]} boxes
 * @param {number[][]} distances
 * @param {number} height
 * @param {number[][]} [others]
 * @returns {Group[]}
 */
export function groupsOf(boxes, distances, height, others = []) {
  const groups = [];
  const near = neighbours(boxes.length);
  const known = new Set(near.map(String));
  for (const pieces of [...near, ...others.filter((one) => !known.has(String(one)))]) {
    const own = pieces.map((piece) => boxes[piece]);
    const [box, gap] = [union(own), widestGap(own) / height];
    if (pieces.length > 1 && (gap > MAX_GAP || widthOf(box) > MAX_WIDTH * height)) continue;
    groups.push({ pieces, box, gap, spread: spreadOf(pieces, distances) });
  }
  return groups;
}

/** Return the indices of one to MAX_GROUP pieces near each other, for all first pieces. @param {number} count */
function neighbours(count) {
  const all = [];
  for (let first = 0; first < count; first += 1) {
    const after = Array.from({ length: Math.min(WINDOW, count - 1 - first) }, (_, at) => first + 1 + at);
    for (let more = 0; more < MAX_GROUP; more += 1) all.push(...choices(after, more).map((others) => [first, ...others]));
  }
  return all;
}

/** Return all combinations of `count` items, in order. @param {number[]} items @param {number} count @returns {number[][]} */
function choices(items, count) {
  if (count === 0) return [[]];
  return items.flatMap((item, at) => choices(items.slice(at + 1), count - 1).map((rest) => [item, ...rest]));
}

/** Return the widest gap from left to right between boxes. @param {Box[]} boxes */
function widestGap(boxes) {
  const ordered = [...boxes].sort((one, other) => one.left - other.left);
  let [widest, end] = [0, ordered[0].right];
  for (const { left, right } of ordered.slice(1)) [widest, end] = [Math.max(widest, left - end), Math.max(end, right)];
  return widest;
}

/** Return the longest edge of the minimum spanning tree of the pieces. @param {number[]} pieces @param {number[][]} distances */
function spreadOf(pieces, distances) {
  const reached = [pieces[0]];
  const left = pieces.slice(1);
  let longest = 0;
  while (left.length) {
    const from = (/** @type {number} */ piece) => Math.min(...reached.map((one) => distances[one][piece]));
    const next = left.reduce((best, piece) => (from(piece) < from(best) ? piece : best));
    longest = Math.max(longest, from(next));
    reached.push(next);
    left.splice(left.indexOf(next), 1);
  }
  return longest;
}

/**
 * Return the sketch that a brush of that width draws along the paths, their x scaled by `narrow`.
 * @param {number[][]} paths
 * @param {number} width
 * @param {number} narrow
 */
function sketchAlong(paths, width, narrow) {
  const strokes = paths.map((path) => ({ points: path.map((value, at) => (at % 2 ? value : value * narrow)), width, erase: false }));
  return /** @type {Sketch} */ (sketchOf(inkOf(fitted(strokes, CANVAS, LONGEST), CANVAS), CANVAS)); // never null: there is enough ink
}
