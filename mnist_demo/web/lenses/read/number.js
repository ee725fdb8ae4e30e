// Numbers: which parts of a drawing the engine is asked about, and which of them each network takes for its digits. What
// was read before is not asked again, as most parts stay while a number is written.

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
/** @typedef {{segmentation: Segmentation, strokes: Stroke[] | null}} Pieces strokes: null if they are parts of ink */
/**
 * @typedef {object} Numbers what the networks make of the parts of a drawing
 * @property {Segmentation} segmentation
 * @property {Stroke[] | null} strokes
 * @property {Record<string, Score[]>} scores by network, of the segmentation's groups
 * @property {Record<string, number[]>} digits by network that reads several: its groups, from the left
 */

/**
 * @typedef {object} NumberShown the digits of the first network that reads several; one of them is looked at
 * @property {import("../../pad/segmentation.js").Box[]} boxes of the digits
 * @property {number} current which of them is looked at
 * @property {import("../../pad/pad.js").Part} part
 * @property {(name: string) => Reading | undefined} readingOf what a network says of that digit
 * @property {(name: string) => {groups: number[], answers: number[], current: number} | null} numberOf a network's number
 */

const MAX_DIGITS = 64; // of a question
const MAX_REMEMBERED = 2000; // images

/** @type {WeakMap<Stroke, number>} */
const names = new WeakMap();
let named = 0;

/** Return a name of a stroke as it is now. @param {Stroke} stroke */
function nameOf(stroke) {
  if (!names.has(stroke)) names.set(stroke, (named += 1));
  return `${names.get(stroke)}.${stroke.points.length}`;
}

export function numberReader() {
  /** @type {Map<string, Readings>} */
  const known = new Map(); // by the image's name

  /**
   * Read a drawing: its whole, and its parts. Rejects as the engine does.
   * @param {Uint8Array} whole
   * @param {Uint8Array} ink
   * @param {Action[]} actions
   * @param {{key: string, looks: number} | null} own the visitor's network
   * @returns {Promise<{networks: Readings, gone?: boolean, numbers: Numbers | null}>}
   */
  return async function read(whole, ink, actions, own) {
    const pieces = piecesOf(actions, ink);
    if (known.size > MAX_REMEMBERED) known.clear();
    const parts = pieces ? partsOf(pieces, own ? `${own.key} ${own.looks}` : "") : [];
    const found = parts.map(({ name }) => known.get(name));
    const asked = parts.filter((_, at) => !found[at]);
    const { readings, gone } = await readAll([whole, ...asked.map(({ digit }) => digit())], own?.key);
    const [networks, ...newer] = readings;
    const readers = [...settings.networks.map(({ name }) => name), ...(own ? ["yours"] : [])];
    const isByAll = (/** @type {Readings} */ one) => readers.every((reader) => one[reader]); // a network may yet be loading
    asked.forEach(({ name }, at) => name && isByAll(newer[at]) && known.set(name, newer[at]));
    const all = found.map((one) => one ?? /** @type {Readings} */ (newer.shift()));
    return { networks, gone, numbers: pieces && numbersOf(pieces, networks, all) };
  };
}

/**
 * Return the pieces of a drawing: strokes, or parts of the ink if there is a picture or some was erased; null if they are
 * no number.
 * @param {Action[]} actions
 * @param {Uint8Array} ink
 * @returns {Pieces | null}
 */
function piecesOf(actions, ink) {
  const areStrokes = actions.every((one) => "points" in one && !one.erase);
  const strokes = areStrokes ? /** @type {Stroke[]} */ ([...actions]) : null;
  const copies = strokes?.map((stroke) => ({ ...stroke, points: stroke.points.slice() })); // for one may grow
  const segmentation = copies ? segmentationOf(copies) : inkSegmentationOf(ink, SIDE);
  return segmentation && segmentation.boxes.length > 1 ? { segmentation, strokes } : null;
}

/**
 * Return the images of all groups, in each way that they are drawn. Those of ink have no name: they are never the same.
 * @param {Pieces} pieces
 * @param {string} reader
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

/** Return what all networks say of digits, asked in as few questions as may be. @param {Uint8Array[]} digits @param {string} [key] */
async function readAll(digits, key) {
  const questions = Array.from({ length: Math.ceil(digits.length / MAX_DIGITS) }, (_, at) => digits.slice(at * MAX_DIGITS, (at + 1) * MAX_DIGITS));
  const answers = await Promise.all(questions.map((some) => engine.read(some, key)));
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
    const scores = segmentation.groups.map((_, at) => combined(ways.slice(at * WAYS.length, (at + 1) * WAYS.length)));
    numbers.scores[name] = scores;
    const digits = digitsOf(segmentation, scores, combined([reading]), weights);
    if (digits) numbers.digits[name] = digits;
  }
  return numbers;
}

/**
 * Return what is shown of a number; null if no network reads several digits.
 * @param {Numbers} numbers
 * @param {string[]} names of the networks
 * @param {number | null} chosen the group that the visitor chose
 * @returns {NumberShown | null}
 */
export function numberShown({ segmentation, strokes, scores, digits }, names, chosen) {
  const groups = digits[names.find((name) => digits[name]) ?? ""];
  if (!groups) return null;
  const at = chosen !== null && groups.includes(chosen) ? chosen : newestOf(groups, segmentation);
  const group = segmentation.groups[at];
  const actions = strokes ? group.pieces.map((piece) => strokes[segmentation.order[piece]]) : [];
  return {
    boxes: groups.map((one) => inkBox(segmentation.groups[one], segmentation.pens)),
    current: groups.indexOf(at),
    part: { box: group.box, sketch: segmentation.sketch(group, WAYS[0]), actions },
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
