// A pad to draw on: paper, pen and tools, in any element that holds pad.html.

import { historyOfDrawing } from "./history.js";
import { inkOn } from "./paint.js";
import { penOn } from "./pointer.js";
import { sketchOf } from "./preprocess.js";
import { inkKeeper, SIDE } from "./strokes.js";

/** @typedef {ReturnType<typeof sketchpadIn>} Sketchpad */

/** @type {Map<Element, PromiseWithResolvers<Sketchpad>>} */
const pads = new Map();

/** @param {Element} element */
function waitingFor(element) {
  const waiting = pads.get(element) ?? Promise.withResolvers();
  pads.set(element, waiting);
  return waiting;
}

/**
 * Return the pad in that element, as soon as there is one.
 * @param {Element} element
 * @returns {Promise<Sketchpad>}
 */
export const sketchpadOf = (element) => waitingFor(element).promise;

/**
 * Create the pad. It fires "change" (the drawing changed), "begin" (a stroke or an edit began), "end" (it is finished) and
 * "abandon" (the stroke was removed: two fingers scroll or zoom).
 * @param {HTMLElement} element
 */
export function sketchpadIn(element) {
  const [surface, toolbar] = [".surface", ".tools"].map((one) => /** @type {HTMLElement} */ (element.querySelector(one)));
  const events = new EventTarget();
  const tell = (/** @type {string} */ what) => events.dispatchEvent(new Event(what));
  const drawing = historyOfDrawing();
  const ink = inkOn(/** @type {HTMLCanvasElement} */ (surface.querySelector("canvas")));
  const inkOf = inkKeeper();
  let version = 0; // increases with every change
  let sketched = -1; // the version that `sketch` is of
  /** @type {{ink: Uint8Array, sketch: ReturnType<typeof sketchOf>}} */
  let latest = { ink: new Uint8Array(SIDE * SIDE), sketch: null };
  /** @type {HTMLCanvasElement | null} */
  let shown = null; // a picture shown instead of the drawing
  let escape = () => false;

  const pen = penOn(surface, toolbar, drawing, {
    began: () => {
      tell("begin");
      changed();
    },
    moved: changed,
    ended: () => tell("end"),
    abandoned: () => {
      changed();
      tell("abandon");
    },
    edited: () => {
      tell("begin");
      changed();
      tell("end");
    },
    escaped: () => escape(),
  });

  function changed() {
    version += 1;
    ink.show(drawing.actions(), shown);
    surface.dataset.blank = String(!read().ink.some(Boolean));
    pen.offer();
    tell("change");
  }

  function read() {
    if (sketched !== version) {
      const all = inkOf(drawing.actions());
      [sketched, latest] = [version, { ink: all, sketch: sketchOf(all, SIDE) }];
    }
    return latest;
  }

  changed();
  const pad = {
    surface,
    toolbar,
    addEventListener: events.addEventListener.bind(events),
    actions: drawing.actions,
    version: () => version,
    isDrawing: pen.isDrawing,
    isBlank: () => drawing.actions().length === 0,
    /** Return the ink, SIDE x SIDE bytes, and the steps to its digit, null if there is too little. */
    read,
    /** @param {import("./history.js").Action} action a stroke or a picture, added by the page */
    add(action) {
      drawing.add(action);
      changed();
    },
    /** @param {import("./history.js").Action[]} actions that were stored */
    restore(actions) {
      drawing.restore(actions);
      changed();
    },
    /** @param {HTMLCanvasElement | null} picture is shown instead of the drawing */
    show(picture) {
      shown = picture;
      ink.show(drawing.actions(), shown);
    },
    /** @param {() => boolean} leave called by Escape before it clears: return true to stop there */
    onEscape: (leave) => (escape = leave),
  };
  waitingFor(element).resolve(pad);
  return pad;
}
