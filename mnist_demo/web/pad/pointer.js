// Turn pointers, tools and keys into changes of the drawing: one stroke at a time, of one pointer, followed beyond the pad.

import { find, findAll } from "../dom.js";
import { SIDE } from "./strokes.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */

/** @type {Record<string, number>} */
const WIDTHS = { brush: 20, eraser: 30 }; // of a line, in the pad's pixels
const FARTHEST = SIDE; // pixels that a stroke is followed beyond the pad
const MAX_GESTURE_PIXELS = 20; // of the pad: if a stroke is longer, a second touch is a palm
const ERASING = 32 | 2; // `buttons` of a pen: its eraser end, its barrel button
const MOVED = "onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove"; // the first does not wait for a frame

/**
 * @param {HTMLElement} surface
 * @param {HTMLElement} toolbar
 * @param {ReturnType<typeof import("./history.js").historyOfDrawing>} drawing
 * @param {Record<"began" | "moved" | "ended" | "abandoned" | "edited", () => void> & {escaped: () => boolean}} listeners
 */
export function penOn(surface, toolbar, drawing, { began, moved, ended, abandoned, edited, escaped }) {
  const paper = find(surface, "canvas");
  const ring = find(surface, ".ring");
  /** @type {HTMLInputElement} */
  const slider = find(toolbar, "input");
  /** @type {Record<string, HTMLButtonElement>} */
  const buttons = Object.fromEntries(findAll(toolbar, "button").map((one) => [one.dataset.tool, one]));
  const pressed = ["brush", "eraser", "undo", "redo", "clear"];
  const widths = { ...WIDTHS };
  let tool = "brush";
  /** @type {{id: number, kind: string, stroke: Stroke, takeBack: () => void} | null} */
  let pen = null; // the pointer that is down, its stroke, and a function that removes this stroke

  /**
   * Return the positions of pointers in the pad's pixels. The pad is measured each time: the page may scroll meanwhile.
   * @param {PointerEvent[]} events
   * @returns {[number, number][]}
   */
  function places(events) {
    const { left, top, width } = paper.getBoundingClientRect();
    const within = (/** @type {number} */ value) => Math.min(Math.max((value * SIDE) / width, -FARTHEST), SIDE + FARTHEST);
    return events.map(({ clientX, clientY }) => [within(clientX - left), within(clientY - top)]);
  }

  /** Return the tool that a pointer draws with, or null if it does not draw. @param {PointerEvent} event */
  function toolOf({ pointerType, button, buttons }) {
    if (pointerType === "pen" && buttons & ERASING) return "eraser";
    return button === 0 ? tool : null;
  }

  /** @param {PointerEvent} event */
  function down(event) {
    if (pen?.kind === "touch" && isShort(pen.stroke)) abandon();
    if (event.target !== paper) return;
    const used = toolOf(event);
    if (pen || !event.isPrimary || !used) return;
    const stroke = { width: widths[used], erase: used === "eraser", points: places([event])[0] };
    pen = { id: event.pointerId, kind: event.pointerType, stroke, takeBack: drawing.add(stroke) };
    if (event.isTrusted) paper.setPointerCapture(event.pointerId);
    began();
  }

  /** Return if a stroke is so short that a second finger turns it into a gesture. @param {Stroke} stroke */
  function isShort({ points: [x, y, ...others] }) {
    return others.every((value, at) => Math.abs(value - (at % 2 ? y : x)) < MAX_GESTURE_PIXELS);
  }

  // Two fingers scroll or zoom: remove what the first one drew.
  function abandon() {
    pen?.takeBack();
    pen = null;
    abandoned();
  }

  /** Keep the browser from scrolling or zooming when a palm touches during a stroke. @param {TouchEvent} event */
  function hold(event) {
    if (pen && event.touches.length > 1) event.preventDefault();
  }

  /** @param {PointerEvent} event */
  function move(event) {
    if (event.pointerId !== pen?.id) return;
    if (!event.buttons) return up(event); // its release was missed: a menu got it
    const { points } = pen.stroke;
    const before = points.length;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const [x, y] of places(all.length ? all : [event])) {
      if (x !== points.at(-2) || y !== points.at(-1)) points.push(x, y);
    }
    if (points.length > before) moved();
  }

  /** @param {PointerEvent} event */
  function up(event) {
    if (event.pointerId !== pen?.id) return;
    pen = null;
    ended();
  }

  /** Ignore the second event of each move, if MOVED is not "pointermove"; scripts send only one. @param {PointerEvent} event */
  function moveOfFrame(event) {
    hover(event);
    if (MOVED === "pointermove" || !event.isTrusted || !event.buttons) move(event);
  }

  /** Show what the eraser covers below a mouse or a pen. @param {PointerEvent} event */
  function hover(event) {
    const isErasing = tool === "eraser" || pen?.stroke.erase;
    ring.hidden = !isErasing || event.pointerType === "touch" || event.target !== paper;
    if (!ring.hidden) circle(...places([event])[0], widths.eraser);
  }

  /** @param {number} x @param {number} y @param {number} width */
  function circle(x, y, width) {
    const percent = (/** @type {number} */ value) => `${(100 * value) / SIDE}%`;
    Object.assign(ring.style, { left: percent(x), top: percent(y), width: percent(width), height: percent(width) });
  }

  /** @param {string} name */
  function choose(name) {
    tool = name;
    for (const one of ["brush", "eraser"]) buttons[one].setAttribute("aria-pressed", String(one === name));
    slider.value = String(widths[name]);
  }

  function resize() {
    widths[tool] = Number(slider.value);
    ring.hidden = false;
    circle(SIDE / 2, SIDE / 2, widths[tool]);
  }

  /** @param {string} name */
  function press(name) {
    if (pen) return;
    if (name in widths) return choose(name);
    drawing[/** @type {"undo" | "redo" | "clear"} */ (name)]();
    if (name === "clear") choose("brush"); // nothing is left to erase
    edited();
  }

  /**
   * Return the name of a key in lower case: the Latin letter at its place if the keyboard has another script.
   * @param {KeyboardEvent} event
   */
  function nameOf({ key, code }) {
    const isLatin = /^\p{Script=Latin}/u.test(key);
    return (isLatin ? key : code.replace(/^Key/, "")).toLowerCase();
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (/** @type {Element} */ (event.target).closest?.("input:not([type=range]), textarea, select")) return;
    const command = (event.ctrlKey || event.metaKey) && !event.altKey; // with Alt it types a character
    const name = nameOf(event);
    const isRedo = command && (name === "y" || (name === "z" && event.shiftKey));
    const wanted = isRedo ? "redo" : command && name === "z" ? "undo" : name === "escape" && !escaped() ? "clear" : null;
    if (!wanted) return;
    event.preventDefault();
    press(wanted);
  }

  function offer() {
    for (const [name, can] of Object.entries(drawing.can())) buttons[name].disabled = !can;
  }

  /** @type {Record<string, (event: any) => void>} */
  const handlers = { pointerdown: down, pointermove: moveOfFrame, pointerup: up, pointercancel: up };
  if (MOVED !== "pointermove") handlers[MOVED] = move;
  for (const [kind, handler] of Object.entries(handlers)) window.addEventListener(kind, handler, true);
  for (const kind of /** @type {const} */ (["touchstart", "touchmove"])) paper.addEventListener(kind, hold, { passive: false });
  paper.addEventListener("contextmenu", (event) => event.pointerType === "pen" && event.preventDefault());
  window.addEventListener("keydown", key);
  for (const name of pressed) buttons[name].addEventListener("click", () => press(name));
  slider.addEventListener("input", resize);
  slider.addEventListener("change", () => (ring.hidden = true));
  choose("brush");

  return { isDrawing: () => pen !== null, offer };
}
