// The user's corrected digits, as this browser saves them: their format, their limits, and damaged ones. Nothing is sent.
//
// Each is {label, strokes: [[[x, y], ...], ...], brushes: [[width, erase], ...]}, y down, at any scale: a line of the
// stroke file that the command lines read. That file is what is saved, exported and imported. Fires "change".

import { settings } from "../settings.js";
import { sketchOf } from "./preprocess.js";
import { fitted, inkOf } from "./strokes.js";

/** @typedef {{strokes: number[][][], brushes?: number[][]}} Drawn */
/** @typedef {Drawn & {label: number}} Correction */
/** @typedef {import("./strokes.js").Stroke} Stroke */

const NEAR = 2; // pixels: points closer to the one before are left out, except the last

const SHELF = "mnist-demo.corrections"; // key in the browser's storage
const MAX_CORRECTIONS = 200;
const MAX_CHARACTERS = 240_000; // of all lines: what may be sent at once is little more

/**
 * Return the actions of a drawing in that format, in whole pixels; null if one is a picture, or there is none.
 * @param {import("./history.js").Action[]} actions
 */
export function written(actions) {
  if (!actions.length || actions.some((one) => "picture" in one)) return null;
  const pens = /** @type {Stroke[]} */ (actions);
  return {
    strokes: pens.map(({ points }) => thinned(points)),
    brushes: pens.map(({ width, erase }) => [width, Number(erase)]),
  };
}

/** Return the points to send, in pairs. @param {number[]} points */
function thinned(points) {
  const kept = /** @type {number[][]} */ ([]);
  for (let at = 0; at < points.length; at += 2) {
    const [x, y] = [Math.round(points[at]), Math.round(points[at + 1])];
    const [beforeX, beforeY] = kept.at(-1) ?? [Infinity, Infinity];
    if (Math.hypot(x - beforeX, y - beforeY) >= (at < points.length - 2 ? NEAR : 1)) kept.push([x, y]);
  }
  return kept;
}

/**
 * Return the digit on a line, within the limits of `stroke_file.py`, with which the server reads it. Throws if it is
 * not such a digit.
 * @param {string} line
 * @returns {Correction}
 */
function correctionOf(line) {
  const { label, strokes, brushes } = JSON.parse(line);
  const isCoordinate = (/** @type {unknown} */ value) => typeof value === "number" && Math.abs(value) <= settings.correction.furthest;
  const isPoint = (/** @type {unknown} */ point) => Array.isArray(point) && point.length === 2 && point.every(isCoordinate);
  const isStroke = (/** @type {unknown} */ stroke) => Array.isArray(stroke) && stroke.length > 0 && stroke.every(isPoint);
  const isBrush = (/** @type {any} */ brush) => isPoint(brush) && brush[0] > 0 && [0, 1].includes(brush[1]);
  const isDrawn = Array.isArray(strokes) && strokes.length > 0 && strokes.every(isStroke) && strokes.flat().length <= settings.correction.points;
  const isInked = !brushes || (Array.isArray(brushes) && brushes.length === strokes?.length && brushes.every(isBrush) && leavesInk(strokes, brushes));
  if (!Number.isInteger(label) || label < 0 || label > 9 || !isDrawn || !isInked) throw new TypeError(line);
  return brushes ? { label, strokes, brushes } : { label, strokes };
}

/**
 * Return if strokes, some of which erase, leave ink: the check of `stroke_file.py`.
 * @param {number[][][]} paths
 * @param {number[][]} brushes
 */
function leavesInk(paths, brushes) {
  const erasing = brushes.filter(([, erase]) => erase).length;
  if (erasing === 0 || erasing === brushes.length) return erasing === 0;
  const strokes = paths.map((path, at) => ({ points: path.flat(), width: brushes[at][0], erase: Boolean(brushes[at][1]) }));
  const { side } = settings.correction;
  return sketchOf(inkOf(fitted(strokes, side, side), side), side) !== null;
}

const drawnAs = (/** @type {Drawn} */ { strokes, brushes }) => JSON.stringify([strokes, brushes]);
const linesOf = (/** @type {Correction[]} */ all) => all.map((one) => `${JSON.stringify(one)}\n`).join("");

export function correctionsKept() {
  const events = new EventTarget();
  let all = /** @type {Correction[]} */ ([]);
  /** @type {Map<string, Correction>} */
  let byDrawing = new Map(); // the same by drawing, to find the current one at each answer
  /** @type {string | null} */
  let trouble = null; // "damaged": some saved digits cannot be read; "forgetful": this browser cannot save

  function read() {
    [all, trouble] = [[], null];
    try {
      for (const line of (localStorage.getItem(SHELF) ?? "").split("\n").filter(Boolean)) {
        try {
          all.push(correctionOf(line));
        } catch {
          trouble = "damaged";
        }
      }
    } catch {
      trouble = "forgetful";
    }
    index();
  }

  // Of equal drawings, the first is found.
  function index() {
    byDrawing = new Map([...all].reverse().map((one) => [drawnAs(one), one]));
  }

  /** @param {Correction[]} newer */
  function write(newer) {
    all = newer;
    index();
    try {
      if (all.length) localStorage.setItem(SHELF, linesOf(all));
      else localStorage.removeItem(SHELF);
      trouble = null;
    } catch {
      trouble = "forgetful";
    }
    events.dispatchEvent(new Event("change"));
  }

  const isTooMuch = (/** @type {Correction[]} */ newer) => newer.length > MAX_CORRECTIONS || linesOf(newer).length > MAX_CHARACTERS;
  const others = (/** @type {Drawn} */ { strokes, brushes }) => all.filter((one) => drawnAs(one) !== drawnAs({ strokes, brushes }));

  /** Save a digit, replacing the same drawing. Return if there was room. @param {Correction} one */
  function keep(one) {
    const newer = [...others(one), one];
    if (isTooMuch(newer)) return false;
    write(newer);
    return true;
  }

  /**
   * Restore deleted digits, beside those saved since. Return if there was room.
   * @param {Correction[]} before
   * @param {Correction[]} after
   */
  function restore(before, after) {
    const here = new Map(all.map((one) => [drawnAs(one), one]));
    const deleted = new Set(before.filter((one) => !after.includes(one)).map(drawnAs));
    const back = before.map((one) => here.get(drawnAs(one)) ?? one).filter((one) => here.has(drawnAs(one)) || deleted.has(drawnAs(one)));
    const newer = [...back, ...all.filter((one) => !back.includes(one))];
    if (isTooMuch(newer)) return false;
    write(newer);
    return true;
  }

  /**
   * Add the new digits in a file. Return {added, known}, or, without adding any, the number of an invalid `line`, or
   * `isFull` if there is no room.
   * @param {string} text
   */
  function take(text) {
    const newer = new Map(all.map((one) => [drawnAs(one), one]));
    let known = 0;
    let added = 0;
    for (const [at, line] of text.split("\n").entries()) {
      if (!line.trim()) continue;
      try {
        const one = correctionOf(line);
        const isKnown = newer.get(drawnAs(one))?.label === one.label;
        isKnown ? (known += 1) : (added += 1);
        newer.set(drawnAs(one), one);
      } catch {
        return { line: at + 1 };
      }
    }
    if (isTooMuch([...newer.values()])) return { isFull: true };
    if (added) write([...newer.values()]);
    return { added, known };
  }

  window.addEventListener("storage", ({ key }) => {
    if (key !== SHELF && key !== null) return; // another key changed
    read();
    events.dispatchEvent(new Event("change"));
  });
  read();

  return {
    addEventListener: events.addEventListener.bind(events),
    all: () => all,
    most: MAX_CORRECTIONS,
    furthest: settings.correction.furthest,
    trouble: () => trouble,
    of: (/** @type {Drawn} */ drawn) => byDrawing.get(drawnAs(drawn)),
    keep,
    take,
    restore,
    replace: write,
    file: () => linesOf(all),
  };
}
