// Convert ink to a digit like those of MNIST: the recipe of `to_mnist` in preprocess.py (Yadav & Bottou 2019,
// arXiv:1905.10498), pixel for pixel within 1/255.

import { rint } from "./strokes.js";

const DIGIT_SIDE = 28; // pixels
const BOX = 20; // pixels, the longer side of a digit's ink
const CENTRE = 14; // the pixel index, in x and in y, nearest to the centre of mass
const MIN_BOX = 10; // pixels: smaller ink is not enlarged to the whole box
const MIN_SHARE = 0.1; // of the pad's side: smaller ink is a speck
const FAINTEST = 0.02; // of the darkest ink: fainter ink does not widen the box

/**
 * @typedef {object} Sketch the intermediate results between ink and a digit
 * @property {{top: number, left: number, bottom: number, right: number}} box of the ink, in its pixels
 * @property {number} side of the square that the box is padded to
 * @property {Float64Array} averaged 20 x 20: the square averaged by area, 255 = ink
 * @property {{down: number, right: number}} shift pixels by which the 20 x 20 were moved out of the middle of 28 x 28
 * @property {Uint8Array} digit 28 x 28 bytes row by row, 255 = ink
 */

/**
 * Return the steps from ink to a digit, or null if the ink is blank or a speck.
 * @param {Uint8Array} ink `side` x `side` pixels row by row, 255 = ink
 * @param {number} side
 * @returns {Sketch | null}
 */
export function sketchOf(ink, side) {
  const { rows, columns } = darkest(ink, side);
  const peak = Math.max(...rows);
  const [top, bottom] = extent(rows, peak);
  const [left, right] = extent(columns, peak);
  const longer = Math.max(bottom - top, right - left);
  if (peak === 0 || longer < MIN_SHARE * side) return null;
  const square = Math.max(longer, MIN_BOX);
  const down = averaging(bottom - top, square);
  const across = averaging(right - left, square);
  const averaged = new Float64Array(BOX * BOX);
  for (let y = top; y < bottom; y += 1) {
    const line = new Float64Array(BOX);
    for (let x = left; x < right; x += 1) {
      const value = ink[y * side + x];
      if (value) for (const [column, weight] of across[x - left]) line[column] += weight * value;
    }
    for (const [row, weight] of down[y - top]) {
      line.forEach((value, column) => (averaged[row * BOX + column] += weight * value));
    }
  }
  return { box: { top, left, bottom, right }, side: square, averaged, ...centred(averaged) };
}

/**
 * @param {Uint8Array} ink
 * @param {number} side
 */
function darkest(ink, side) {
  const [rows, columns] = [new Uint8Array(side), new Uint8Array(side)];
  for (let y = 0, at = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1, at += 1) {
      if (ink[at] > rows[y]) rows[y] = ink[at];
      if (ink[at] > columns[x]) columns[x] = ink[at];
    }
  }
  return { rows, columns };
}

/**
 * Return the start and end (exclusive) of the rows or columns with ink.
 * @param {Uint8Array} profile
 * @param {number} peak
 */
function extent(profile, peak) {
  const isInked = (/** @type {number} */ value) => value > FAINTEST * peak;
  return [profile.findIndex(isInked), profile.findLastIndex(isInked) + 1];
}

/**
 * Return, for each of `length` pixels in the middle of `square`, its share in each of the BOX pixels that span the square.
 * @param {number} length
 * @param {number} square
 */
function averaging(length, square) {
  const start = -Math.floor((square - length) / 2);
  const scale = square / BOX;
  return Array.from({ length }, (_, pixel) => {
    const shares = /** @type {[number, number][]} */ ([]);
    for (let box = 0; box < BOX; box += 1) {
      const overlap = Math.min(start + (box + 1) * scale, pixel + 1) - Math.max(start + box * scale, pixel);
      if (overlap > 0) shares.push([box, Math.fround(overlap / scale)]);
    }
    return shares;
  });
}

/**
 * Make the darkest of 20 x 20 pixels 1, and move them so that their centre of mass is in the middle of 28 x 28, as far as
 * their ink fits.
 * @param {Float64Array} averaged
 */
function centred(averaged) {
  const darkest = Math.max(...averaged);
  const box = averaged.map((value) => value / darkest);
  const [rows, columns] = [new Float64Array(BOX), new Float64Array(BOX)];
  box.forEach((value, at) => {
    rows[Math.floor(at / BOX)] += value;
    columns[at % BOX] += value;
  });
  const [down, right] = [shift(rows), shift(columns)];
  const digit = new Uint8Array(DIGIT_SIDE * DIGIT_SIDE);
  box.forEach((value, at) => {
    if (value) digit[(Math.floor(at / BOX) + down) * DIGIT_SIDE + (at % BOX) + right] = rint(255 * value);
  });
  const margin = (DIGIT_SIDE - BOX) / 2;
  return { shift: { down: down - margin, right: right - margin }, digit };
}

/**
 * Return by how many pixels the ink of a profile moves from 20 to 28 pixels.
 * @param {Float64Array} profile
 */
function shift(profile) {
  const isInked = (/** @type {number} */ value) => value > 0;
  const [first, last] = [profile.findIndex(isInked), profile.findLastIndex(isInked)];
  const sum = profile.reduce((total, value) => total + value, 0);
  const centre = profile.reduce((total, value, at) => total + value * at, 0) / sum;
  const wanted = rint(CENTRE - Number(centre.toFixed(3))); // rounded, so that the last bit does not decide for symmetrical ink
  return Math.min(Math.max(wanted, -first), DIGIT_SIDE - 1 - last);
}
