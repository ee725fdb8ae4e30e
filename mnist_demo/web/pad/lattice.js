// The lattice of a number: find the groups of pieces that are its digits, and accept or reject it. The same as lattice.py:
// Viterbi's algorithm finds the best partition of the pieces, and a logistic gate accepts it or rejects it.

import { centreOf } from "./segmentation.js";

const FAINTEST = 1e-4; // lower probabilities and certainties count as this: the engine gives four decimals
const LEAST_WHOLE = 0.01; // a lower certainty of the whole drawing counts as this
const JOINED = 0.1; // heights: if the end of a stroke is nearer to another stroke, it touches that stroke
const LEAST_LOG = -3; // a lower logarithm of a certainty counts as this in the gate
const [OVERLAPPED, TOUCH, CUT, TOPS] = [2, 3, 4, 6]; // features of a pair

/** @typedef {import("./segmentation.js").Segmentation} Segmentation */
/** @typedef {import("./segmentation.js").Group} Group */
/** @typedef {import("../engine/interface.js").Reading} Reading */
/** @typedef {{group: Record<string, number>, pair: Record<string, number>, gate: Record<string, number>}} Weights */
/** @typedef {{probabilities: number[], certainty: number, rejected: number}} Score */

const dot = (/** @type {number[]} */ features, /** @type {number[]} */ weights) =>
  features.reduce((sum, value, at) => sum + value * weights[at], 0);

/** Return a group's score, from the readings of its images. @param {Reading[]} ways @returns {Score} */
export function combined(ways) {
  const mean = Array.from({ length: 10 }, (_, digit) =>
    Math.exp(ways.reduce((sum, { probabilities }) => sum + Math.log(Math.max(probabilities[digit], FAINTEST)), 0) / ways.length),
  );
  const total = mean.reduce((sum, value) => sum + value, 0);
  const probabilities = mean.map((value) => value / total);
  const certainty = 1 + probabilities.reduce((sum, value) => sum + value * Math.log(value), 0) / Math.log(10);
  return { probabilities, certainty, rejected: ways.filter(({ answer }) => answer === null).length / ways.length };
}

/** @param {Group} group @param {Score} score @param {number} height */
function groupFeatures({ box, gap, spread, pieces }, { probabilities, certainty, rejected }, height) {
  const [wide, high] = [(box.right - box.left) / height, (box.bottom - box.top) / height];
  return [
    1,
    Math.log(Math.max(...probabilities)),
    Math.log(Math.max(certainty, FAINTEST)),
    rejected,
    Math.max(0, 0.75 - high),
    Math.max(0, wide - 0.9),
    gap,
    spread,
    pieces.length - 1,
    Math.max(0, high - 1.3),
    Math.max(0, Math.min(3, wide / Math.max(high, 0.05) - 1.2)),
  ];
}

/** @param {Group} one @param {Group} other @param {Segmentation} segmentation */
function pairFeatures(one, other, { height, distances, cuts }) {
  const [box, after] = [one.box, other.box];
  const overlap = Math.max(0, Math.min(box.right, after.right) - Math.max(box.left, after.left)) / height;
  const narrower = Math.max(0.05, Math.min(box.right - box.left, after.right - after.left) / height);
  const between = one.pieces.flatMap((a) => other.pieces.map((b) => ({ distance: distances[a][b], cut: cuts[a][b] })));
  return [
    Math.min(1, overlap),
    Math.min(1, Math.max(0, after.left - box.right) / height),
    Math.min(1, overlap / narrower),
    Number(Math.min(...between.map(({ distance }) => distance)) < 0.03),
    Math.min(2, between.reduce((sum, { cut }) => sum + cut, 0)),
    Math.min(1, Math.abs(box.bottom - after.bottom) / height),
    Math.min(1, Math.abs(box.top - after.top) / height),
  ];
}

/**
 * Return whether a stroke joins two groups, as the bar of an H does: its ends touch another stroke of each.
 * @param {Group} one
 * @param {Group} other
 * @param {Segmentation} segmentation
 */
function isJoined(one, other, { ends }) {
  const touches = (/** @type {number} */ piece, /** @type {number} */ end, /** @type {number[]} */ others) => others.some((at) => ends[piece][end][at] < JOINED);
  const joins = (/** @type {Group} */ own, /** @type {Group} */ rest) =>
    own.pieces.some((piece) => [0, 1].some((end) => touches(piece, end, own.pieces.filter((at) => at !== piece)) && touches(piece, 1 - end, rest.pieces)));
  return joins(one, other) || joins(other, one);
}

/**
 * Return the indices of the groups that are the digits, from the left; null if they are not accepted as several digits.
 * @param {Segmentation} segmentation
 * @param {Score[]} scores of its groups
 * @param {Score} whole of the drawing, read as one digit
 * @param {Weights} weights
 * @returns {number[] | null}
 */
export function digitsOf(segmentation, scores, whole, weights) {
  const chosen = bestPartition(segmentation, scores, weights);
  if (chosen.length < 2) return null;
  if (dot(gateFeatures(segmentation, scores, chosen, whole), Object.values(weights.gate)) <= 0) return null;
  const { groups } = segmentation;
  return chosen.sort((one, other) => centreOf(groups[one].box) - centreOf(groups[other].box));
}

/**
 * Return the groups of the best partition, in the order of their first pieces, by Viterbi's algorithm. A state consists of
 * the first piece that no group covers, the later pieces that are covered, as bits, and the group added last.
 * @param {Segmentation} segmentation
 * @param {Score[]} scores
 * @param {Weights} weights
 */
function bestPartition(segmentation, scores, weights) {
  const { groups, boxes, height } = segmentation;
  const [ofGroup, ofPair] = [Object.values(weights.group), Object.values(weights.pair)];
  const own = groups.map((group, at) => dot(groupFeatures(group, scores[at], height), ofGroup));
  const starting = boxes.map((_, first) => groups.map(({ pieces }, at) => ({ at, first: pieces[0], bits: bitsOf(pieces) })).filter((one) => one.first === first));
  /** @type {Map<string, {covered: number, score: number, path: number[]}>[]} */
  const states = Array.from({ length: boxes.length + 1 }, () => new Map());
  states[0].set("", { covered: 0, score: 0, path: [] });
  for (let first = 0; first < boxes.length; first += 1) {
    for (const { covered, score, path } of states[first].values()) {
      for (const { at, bits } of starting[first]) {
        if (covered & bits) continue;
        const last = path.at(-1);
        const pair = last === undefined ? 0 : dot(pairFeatures(groups[last], groups[at], segmentation), ofPair);
        const next = { ...advanced(first, covered | bits), score: score + own[at] + pair, path: [...path, at] };
        const key = `${next.covered} ${at}`;
        const found = states[next.first].get(key);
        if (!found || next.score > found.score) states[next.first].set(key, next);
      }
    }
  }
  return [...states[boxes.length].values()].reduce((best, one) => (one.score > best.score ? one : best)).path;
}

const bitsOf = (/** @type {number[]} */ pieces) => pieces.reduce((bits, piece) => bits | (1 << (piece - pieces[0])), 0);

/** Return the first piece that is not covered, and the bits shifted so that bit 0 is that piece. @param {number} first @param {number} covered */
function advanced(first, covered) {
  while (covered & 1) [first, covered] = [first + 1, covered >> 1];
  return { first, covered };
}

/**
 * @param {Segmentation} segmentation
 * @param {Score[]} scores
 * @param {number[]} chosen
 * @param {Score} whole
 */
function gateFeatures(segmentation, scores, chosen, whole) {
  const { groups, height } = segmentation;
  const certainties = chosen.map((at) => Math.log(Math.max(scores[at].certainty, FAINTEST)));
  const pairs = chosen.slice(1).map((at, before) => pairFeatures(groups[chosen[before]], groups[at], segmentation));
  const heights = chosen.map((at) => (groups[at].box.bottom - groups[at].box.top) / height);
  const most = (/** @type {number} */ feature) => Math.max(...pairs.map((pair) => pair[feature]));
  return [
    1,
    Math.max(LEAST_LOG, Math.min(...certainties)),
    Math.max(LEAST_LOG, certainties.reduce((sum, value) => sum + value, 0) / certainties.length),
    most(OVERLAPPED),
    most(TOUCH),
    most(CUT),
    Math.min(1, ...heights),
    Math.min(3, Math.max(...heights)),
    Math.max(...chosen.map((at) => scores[at].rejected)),
    Math.log(Math.max(whole.certainty, LEAST_WHOLE)),
    whole.rejected,
    most(TOPS),
    Math.min(5, chosen.length),
    Number(chosen.slice(1).some((at, before) => isJoined(groups[chosen[before]], groups[at], segmentation))),
  ];
}
