// Numbers: have the engine read the parts of a drawing, and find the parts that each network takes for digits. Readings
// are cached, since most parts stay the same while a number is written.

import { engine } from "../../engine/engine.js";
import { combined, digitsOf } from "../../pad/lattice.js";
import { inkSegmentationOf } from "../../pad/ink_segmentation.js";
import { segmentationOf, WAYS } from "../../pad/segmentation.js";
import { SIDE } from "../../pad/strokes.js";
import { settings } from "../../settings.js";

/** @typedef {import("../../engine/interface.js").Reading} Reading */
/** @typedef {import("../../engine/interface.js").Readings} Readings */
/** @typedef {import("../../pad/history.js").Action} Action */
/** @typedef {import("../../pad/lattice.js").Score} Score */
/** @typedef {import("../../pad/segmentation.js").Segmentation} Segmentation */
/** @typedef {import("../../pad/strokes.js").Stroke} Stroke */
/** @typedef {{segmentation: Segmentation, strokes: Stroke[] | null}} Pieces strokes: null if the pieces are parts of ink */
/**
 * @typedef {object} Numbers how the networks read the parts of a drawing
 * @property {Segmentation} segmentation
 * @property {Stroke[] | null} strokes
 * @property {Record<string, Score[]>} scores by network: one for each group of the segmentation
 * @property {Record<string, number[]>} digits by network, if it reads several digits: their groups, from the left
 */

/**
 * @typedef {object} NumberShown the digits of the first network that reads several; one of them is selected
 * @property {import("../../pad/segmentation.js").Box[]} boxes of the digits
 * @property {number} current the index of the selected digit
 * @property {import("../../pad/pad.js").Part} part the selected digit
 * @property {(name: string) => Reading | undefined} readingOf a network's reading of the selected digit
 * @property {(name: string) => {groups: number[], answers: number[], current: number} | null} numberOf a network's number
 */

const MAX_DIGITS = 64; // in a request
const MAX_CACHED = 2000; // images

/** @type {WeakMap<Stroke, number>} */
const numbers = new WeakMap();
let newest = 0;

/** Return a name of a stroke with its points so far. @param {Stroke} stroke */
function nameOf(stroke) {
  if (!numbers.has(stroke)) numbers.set(stroke, (newest += 1));
  return `${numbers.get(stroke)}.${stroke.points.length}`;
}

export function numberReader() {
  /** @type {Map<string, Readings>} */
  const cache = new Map(); // by the image's name

  /**
   * Read a drawing as one digit, and read its parts. Rejects as the engine does.
   * @param {Uint8Array} whole the drawing as one digit
   * @param {Uint8Array} ink
   * @param {Action[]} actions
   * @param {{key: string, looks: number} | null} own the user's network, and its version
   * @returns {Promise<{networks: Readings, gone?: boolean, numbers: Numbers | null}>}
   */
  return async function read(whole, ink, actions, own) {
    const pieces = piecesOf(actions, ink);
    if (cache.size > MAX_CACHED) cache.clear();
    const parts = pieces ? partsOf(pieces, own ? `${own.key} ${own.looks}` : "") : [];
    const cached = parts.map(({ name }) => cache.get(name));
    const missing = parts.filter((_, at) => !cached[at]);
    const { readings, gone } = await readAll([whole, ...missing.map(({ digit }) => digit())], own?.key);
    const [networks, ...added] = readings;
    const readers = [...settings.networks.map(({ name }) => name), ...(own ? ["yours"] : [])];
    const isByAll = (/** @type {Readings} */ one) => readers.every((reader) => one[reader]); // a network may yet be loading
    missing.forEach(({ name }, at) => name && isByAll(added[at]) && cache.set(name, added[at]));
    const all = cached.map((one) => one ?? /** @type {Readings} */ (added.shift()));
    return { networks, gone, numbers: pieces && numbersOf(pieces, networks, all) };
  };
}

/**
 * Return the pieces of a drawing: strokes, or parts of the ink if it has a picture or was partly erased; null if it cannot
 * be a number.
 * @param {Action[]} actions
 * @param {Uint8Array} ink
 * @returns {Pieces | null}
 */
function piecesOf(actions, ink) {
  const areStrokes = actions.every((one) => "points" in one && !one.erase);
  const strokes = areStrokes ? /** @type {Stroke[]} */ ([...actions]) : null;
  const copies = strokes?.map((stroke) => ({ ...stroke, points: stroke.points.slice() })); // the newest one may grow
  const segmentation = copies ? segmentationOf(copies) : inkSegmentationOf(ink, SIDE);
  return segmentation && segmentation.boxes.length > 1 ? { segmentation, strokes } : null;
}

/**
 * Return the images of all groups, drawn in all WAYS. Images of ink have no name, and so are not cached.
 * @param {Pieces} pieces
 * @param {string} reader the user's network and its version, or ""
 */
function partsOf({ segmentation, strokes }, reader) {
  return segmentation.groups.flatMap((group) => {
    const own = strokes && group.pieces.map((piece) => nameOf(strokes[segmentation.order[piece]])).join();
    return WAYS.map((way, at) => ({
      name: own ? `${own} ${segmentation.penHeight} ${at} ${reader}` : "",
      digit: () => segmentation.sketch(group, way).digit,
    }));
  });
}

/** Return all networks' readings of digits, by as few requests as possible. @param {Uint8Array[]} digits @param {string} [key] */
async function readAll(digits, key) {
  const requests = Array.from({ length: Math.ceil(digits.length / MAX_DIGITS) }, (_, at) => digits.slice(at * MAX_DIGITS, (at + 1) * MAX_DIGITS));
  const answers = await Promise.all(requests.map((some) => engine.read(some, key)));
  return { readings: answers.flatMap(({ readings }) => readings), gone: answers.some(({ gone }) => gone) || undefined };
}

/**
 * @param {Pieces} pieces
 * @param {Readings} whole
 * @param {Readings[]} parts in the order of `partsOf`
 * @returns {Numbers}
 */
function numbersOf({ segmentation, strokes }, whole, parts) {
  const weights = settings.numbers[strokes ? "strokes" : "ink"];
  const numbers = /** @type {Numbers} */ ({ segmentation, strokes, scores: {}, digits: {} });
  for (const [name, reading] of Object.entries(whole)) {
    const ways = parts.map((readings) => readings[name]);
    if (!ways.every(Boolean)) continue; // this network has not read all of them
    const scores = segmentation.groups.map((_, at) => combined(ways.slice(at * WAYS.length, (at + 1) * WAYS.length)));
    numbers.scores[name] = scores;
    const digits = digitsOf(segmentation, scores, combined([reading]), weights);
    if (digits) numbers.digits[name] = digits;
  }
  return numbers;
}

/**
 * Return the number to show; null if no network reads several digits.
 * @param {Numbers} numbers
 * @param {string[]} names of the networks
 * @param {number | null} chosen the group that the user selected
 * @returns {NumberShown | null}
 */
export function numberShown({ segmentation, strokes, scores, digits }, names, chosen) {
  const groups = digits[names.find((name) => digits[name]) ?? ""];
  if (!groups) return null;
  const at = chosen !== null && groups.includes(chosen) ? chosen : newestOf(groups, segmentation);
  const group = segmentation.groups[at];
  const actions = strokes ? group.pieces.map((piece) => strokes[segmentation.order[piece]]) : [];
  const boxes = groups.map((one) => inkBox(segmentation.groups[one], segmentation.pens));
  const current = groups.indexOf(at);
  return {
    boxes,
    current,
    part: { box: boxes[current], sketch: segmentation.sketch(group, WAYS[0]), actions },
    readingOf: (name) => scores[name] && readingOf(scores[name][at]),
    numberOf(name) {
      const own = digits[name];
      return own ? { groups: own, answers: own.map((one) => best(scores[name][one])), current: own.indexOf(at) } : null;
    },
  };
}

/**
 * Return the box of a group's ink on the pad.
 * @param {import("../../pad/segmentation.js").Group} group
 * @param {number[]} pens
 */
function inkBox({ box, pieces }, pens) {
  const reach = Math.max(...pieces.map((piece) => pens[piece])) / 2;
  return { left: box.left - reach, top: box.top - reach, right: box.right + reach, bottom: box.bottom + reach };
}

/** Return the group with the newest stroke. @param {number[]} groups @param {Segmentation} segmentation */
function newestOf(groups, { groups: all, order }) {
  const newest = (/** @type {number} */ at) => Math.max(...all[at].pieces.map((piece) => order[piece]));
  return groups.reduce((newer, at) => (newest(at) > newest(newer) ? at : newer));
}

const best = (/** @type {Score} */ { probabilities }) => probabilities.indexOf(Math.max(...probabilities));

/** @param {Score} score @returns {Reading} */
const readingOf = (score) => ({ answer: score.rejected === 1 ? null : best(score), probabilities: score.probabilities });
