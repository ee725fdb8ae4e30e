// Paint a drawing on a canvas at the screen's resolution, smooth between the pointer's points.
//
// A drawing is a list of actions: strokes {width, erase, points: [x, y, x, y, ...]} in the pad's own pixels, SIDE to a
// side, and pictures {picture}, a canvas whose alpha is the ink, which cover the pad.

import { contextOf } from "../images.js";
import { SIDE } from "./strokes.js";

const SAMPLE = 0.85; // of the pad, from its top: the label of a sample is below
const DOT = 0.01; // pixels by which each line is longer: browsers paint nothing of one without length
const PIECE = 128; // numbers, two per point: the most of a stroke that a frame repaints, however long it is

/** @typedef {import("./history.js").Action} Action */
/** @typedef {import("./strokes.js").Stroke} Stroke */

/** @param {HTMLCanvasElement} canvas */
export function inkOn(canvas) {
  const context = contextOf(canvas);
  const dry = contextOf(document.createElement("canvas")); // all ink that no longer changes
  /** @type {Action[]} */
  let dried = []; // the actions in it, the last one without its tail, which may still grow
  let pieces = 0; // of the last one
  /** @type {Action[]} */
  let actions = [];
  /** @type {HTMLCanvasElement | null} */
  let sample = null; // a picture to show instead
  let isAsked = false;

  function frame() {
    isAsked = false;
    if (canvas.width === 0) return;
    dryUp();
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (sample) return stamp(context, sample, { isSmooth: false, share: SAMPLE });
    context.drawImage(dry.canvas, 0, 0);
    if (actions.length) tail(context, actions[actions.length - 1]);
  }

  // Paint the new actions on `dry`, or all of them if one was undone.
  function dryUp() {
    if (dried.some((one, at) => one !== actions[at])) wipe();
    for (const action of actions.slice(Math.max(dried.length - 1, 0))) {
      if (action !== dried.at(-1)) {
        if (dried.length) tail(dry, dried[dried.length - 1]);
        dried.push(action);
        pieces = 0;
      }
      for (; pieces < fullPieces(action); pieces += 1) trace(dry, /** @type {Stroke} */ (action), pieces * PIECE, (pieces + 1) * PIECE);
    }
  }

  function wipe() {
    dry.clearRect(0, 0, canvas.width, canvas.height);
    dried = [];
  }

  // Return how many pieces of a stroke no later point can change.
  const fullPieces = (/** @type {Action} */ action) => ("points" in action ? Math.max(0, Math.floor((action.points.length - 4) / PIECE)) : 0);

  /** @param {CanvasRenderingContext2D} on @param {Action} action */
  function tail(on, action) {
    if ("picture" in action) return stamp(on, action.picture, { isSmooth: true, share: 1 });
    trace(on, action, fullPieces(action) * PIECE, Infinity);
  }

  /** @param {CanvasRenderingContext2D} on @param {Stroke} stroke @param {number} from @param {number} to */
  function trace(on, { width, erase, points }, from, to) {
    const scale = canvas.width / SIDE;
    on.save();
    on.scale(scale, scale);
    on.globalCompositeOperation = erase ? "destination-out" : "source-over";
    Object.assign(on, { lineWidth: width, lineCap: "round", lineJoin: "round", strokeStyle: colour() });
    on.stroke(curve(points, from, to));
    on.restore();
  }

  /**
   * Draw the curve from the number `from` of `points` to the number `to`: through the middles between points, with the
   * points as control points. It starts at the first point and ends at the last one.
   * @param {number[]} points
   * @param {number} from
   * @param {number} to
   */
  function curve(points, from, to) {
    const path = new Path2D();
    /** @type {(at: number) => [number, number]} */
    const middle = (at) => [(points[at] + points[at + 2]) / 2, (points[at + 1] + points[at + 3]) / 2];
    path.moveTo(...(from ? middle(from) : /** @type {[number, number]} */ (points.slice(0, 2))));
    for (let at = from + 2; at <= to && at < points.length - 2; at += 2) path.quadraticCurveTo(points[at], points[at + 1], ...middle(at));
    if (to === Infinity) path.lineTo(points[points.length - 2] + DOT, points[points.length - 1]);
    return path;
  }

  /**
   * Draw a picture, its ink in the pad's colour, smooth or with visible pixels, on that share of the pad's side.
   * @param {CanvasRenderingContext2D} on
   * @param {HTMLCanvasElement} picture
   * @param {{isSmooth: boolean, share: number}} how
   */
  function stamp(on, picture, { isSmooth, share }) {
    const inked = document.createElement("canvas");
    inked.width = picture.width;
    inked.height = picture.height;
    const pen = contextOf(inked);
    pen.drawImage(picture, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = colour();
    pen.fillRect(0, 0, inked.width, inked.height);
    on.imageSmoothingEnabled = isSmooth;
    on.drawImage(inked, ((1 - share) / 2) * canvas.width, 0, share * canvas.width, share * canvas.height);
  }

  const colour = () => getComputedStyle(canvas).color;

  function ask() {
    if (!isAsked) requestAnimationFrame(frame);
    isAsked = true;
  }

  function anew() {
    const side = Math.round(canvas.getBoundingClientRect().width * devicePixelRatio);
    if (side !== canvas.width || side !== canvas.height) canvas.width = canvas.height = dry.canvas.width = dry.canvas.height = side;
    wipe();
    ask();
  }

  new ResizeObserver(anew).observe(canvas);
  new MutationObserver(anew).observe(document.body, { attributeFilter: ["class"] }); // light and dark
  window.addEventListener("resize", anew); // also fired on another screen

  return {
    /** @param {Action[]} drawing @param {HTMLCanvasElement | null} shown */
    show(drawing, shown) {
      actions = drawing;
      sample = shown;
      ask();
    },
  };
}

/** Return side * side grey bytes as a canvas whose alpha is the ink. @param {Uint8Array} bytes @param {number} side */
export function mask(bytes, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = contextOf(canvas);
  const pixels = context.createImageData(side, side);
  bytes.forEach((value, at) => (pixels.data[4 * at + 3] = value));
  context.putImageData(pixels, 0, 0);
  return canvas;
}
