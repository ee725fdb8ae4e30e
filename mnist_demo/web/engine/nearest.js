// The training digits most similar to a digit, by the activations of a network's last hidden layer: as `model/nearest.py`
// finds them, but among all of them unit by unit.

/** @typedef {{index: number, label: number, similarity: number}} Neighbour */

const LEVELS = 127; // of a unit, the strongest of a digit being at the last
const BESIDE_UNITS = 5; // bytes of a digit: its strength and its label
const DECIMALS = 1e4; // of a similarity
const FAR = 1e3; // more than any two strengths, which are logarithms, differ

/** Return the input of the last linear layer. @param {{kind: string, numbers: Float32Array}[]} steps of a trace */
export const hiddenIn = (steps) => steps[steps.findLastIndex(({ kind }) => kind === "linear") - 1].numbers;

/**
 * @param {ArrayBuffer} features of the training digits, as `Nearest.packed` writes them
 * @param {Float32Array} hidden activations
 * @param {number} count
 * @returns {Neighbour[]} the most similar first; equal ones by how close the strengths are
 */
export function nearest(features, hidden, count) {
  const digits = features.byteLength / (hidden.length + BESIDE_UNITS);
  const strengths = new Float32Array(features, 0, digits);
  const labels = new Uint8Array(features, strengths.byteLength, digits);
  const units = new Int8Array(features, strengths.byteLength + labels.byteLength);
  const strongest = Math.max(...hidden.map(Math.abs), 1e-9);
  const own = hidden.map((value) => Math.round((value * LEVELS) / strongest));
  const length = Math.hypot(...own);
  const nearness = new Float64Array(digits); // similarities, less the distance of the strengths as a tie-break
  for (let digit = 0, at = 0; digit < digits; digit += 1) {
    let product = 0, square = 0;
    for (let unit = 0; unit < own.length; unit += 1, at += 1) {
      product += own[unit] * units[at];
      square += units[at] ** 2;
    }
    const cosine = Math.min(1, product / (length * Math.sqrt(square) || 1));
    nearness[digit] = Math.round(DECIMALS * cosine) - Math.abs(strengths[digit] - Math.log(strongest)) / FAR;
  }
  const least = nearness.toSorted()[digits - count];
  const found = [...nearness.keys()].filter((digit) => nearness[digit] >= least).sort((one, other) => nearness[other] - nearness[one]);
  return found.slice(0, count).map((index) => ({ index, label: labels[index], similarity: Math.ceil(nearness[index]) / DECIMALS }));
}
