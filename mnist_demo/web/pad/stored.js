// Keep the drawing in the tab's session storage, so that a reload does not lose it.

import { base64, bytes } from "../images.js";
import { mask } from "./paint.js";
import { SIDE } from "./strokes.js";

const STORED = "mnist-demo.drawing";
const [MIN_WIDTH, MAX_WIDTH] = [6, 60]; // pixels: the brush sizes that the slider offers

/** @param {import("./history.js").Action[]} actions */
export function storeDrawing(actions) {
  try {
    sessionStorage.removeItem(STORED); // or the old drawing would stay when the new one does not fit
    if (actions.length) sessionStorage.setItem(STORED, JSON.stringify(actions.map(packed)));
  } catch {
    // the browser may forbid it
  }
}

/**
 * Return the stored actions; none if there are none, or if one of them is invalid.
 * @returns {import("./history.js").Action[]}
 */
export function storedDrawing() {
  try {
    return (JSON.parse(sessionStorage.getItem(STORED) ?? "null") ?? []).map(storedAction);
  } catch {
    return [];
  }
}

/**
 * Pack an action: a picture's ink takes one bit per pixel.
 * @param {import("./history.js").Action} action
 */
function packed(action) {
  if (!("ink" in action)) return action;
  const bits = new Uint8Array(action.ink.length / 8);
  action.ink.forEach((value, at) => (bits[at >> 3] |= value ? 1 << (7 - (at & 7)) : 0));
  return { base: base64(bits) };
}

/**
 * @param {any} action
 * @returns {import("./history.js").Action}
 */
function storedAction({ base, width, erase, points }) {
  if (base) return pictureOf(bytes(base));
  const isOnPad = (/** @type {unknown} */ number) => typeof number === "number" && Math.abs(number) <= 2 * SIDE;
  const isLine = Array.isArray(points) && points.length > 0 && points.length % 2 === 0 && points.every(isOnPad);
  if (!isLine || !(width >= MIN_WIDTH && width <= MAX_WIDTH) || typeof erase !== "boolean") throw new TypeError("not a stroke");
  return { width, erase, points };
}

/**
 * Return the picture with that packed ink, one bit per pixel. Throws if it is not of the pad's size.
 * @param {Uint8Array} bits
 */
export function pictureOf(bits) {
  if (bits.length !== (SIDE * SIDE) / 8) throw new TypeError("not a picture of the pad's size");
  const ink = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => 255 * ((bits[at >> 3] >> (7 - (at & 7))) & 1));
  return { picture: mask(ink, SIDE), ink };
}
