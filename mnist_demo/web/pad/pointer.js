// Knows what a pointer, the tools and keys do to a drawing: one stroke at a time, of one pointer, wherever it goes while
// it is down, out of the pad, too. Does not know what is done with the drawing.

import { SIDE } from "./strokes.js";

const WIDTHS = { brush: 20, eraser: 30 }; // of a line, in the pad's pixels
const FARTHEST = SIDE; // pixels that a stroke is followed beyond the pad
const MOVED = "onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove"; // the first does not wait for a frame

export function penOn(surface, toolbar, drawing, { began, moved, ended, edited, escaped }) {
  const paper = surface.querySelector("canvas");
  const ring = surface.querySelector(".ring");
  const slider = toolbar.querySelector("input");
  const buttons = Object.fromEntries([...toolbar.querySelectorAll("button")].map((one) => [one.dataset.tool, one]));
  const pressed = ["brush", "eraser", "undo", "redo", "clear"];
  const widths = { ...WIDTHS };
  let tool = "brush";
  let pen = null; // the pointer that is down: its number, where the paper is, its stroke

  // Where the pointer is, in the pad's pixels.
  function place({ clientX, clientY }, { left, top, width } = paper.getBoundingClientRect()) {
    const within = (value) => Math.min(Math.max((value * SIDE) / width, -FARTHEST), SIDE + FARTHEST);
    return [within(clientX - left), within(clientY - top)];
  }

  function down(event) {
    if (event.target !== paper) return;
    if (pen || !event.isPrimary || event.button !== 0) return;
    const box = paper.getBoundingClientRect();
    const stroke = { width: widths[tool], erase: tool === "eraser", points: place(event, box) };
    pen = { id: event.pointerId, box, stroke };
    if (event.isTrusted) paper.setPointerCapture(event.pointerId);
    drawing.add(stroke);
    began();
  }

  function move(event) {
    if (event.pointerId !== pen?.id) return;
    if (!event.buttons) return up(event); // its release was not heard of: a menu had it
    const { points } = pen.stroke;
    const before = points.length;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const [x, y] of (all.length ? all : [event]).map((one) => place(one, pen.box))) {
      if (x !== points.at(-2) || y !== points.at(-1)) points.push(x, y);
    }
    if (points.length > before) moved();
  }

  function up(event) {
    if (event.pointerId !== pen?.id) return;
    pen = null;
    ended();
  }

  // Each move is told of twice where MOVED is not "pointermove", but not one that a script made up.
  function moveOfFrame(event) {
    hover(event);
    if (MOVED === "pointermove" || !event.isTrusted || !event.buttons) move(event);
  }

  // What an eraser would take, where a mouse or a pen points.
  function hover(event) {
    ring.hidden = tool !== "eraser" || event.pointerType === "touch" || event.target !== paper;
    if (!ring.hidden) circle(...place(event));
  }

  function circle(x, y) {
    const percent = (value) => `${(100 * value) / SIDE}%`;
    Object.assign(ring.style, { left: percent(x), top: percent(y), width: percent(widths[tool]), height: percent(widths[tool]) });
  }

  function choose(name) {
    tool = name;
    for (const one of ["brush", "eraser"]) buttons[one].setAttribute("aria-pressed", one === name);
    slider.value = widths[name];
  }

  function resize() {
    widths[tool] = Number(slider.value);
    ring.hidden = false;
    circle(SIDE / 2, SIDE / 2);
  }

  function press(name) {
    if (pen) return;
    if (name in widths) return choose(name);
    drawing[name]();
    if (name === "clear") choose("brush"); // there is nothing to erase
    edited();
  }

  function key(event) {
    if (event.target.closest?.("input:not([type=range]), textarea, select")) return;
    const command = event.ctrlKey || event.metaKey;
    const name = event.key.toLowerCase();
    const isRedo = command && (name === "y" || (name === "z" && event.shiftKey));
    const wanted = isRedo ? "redo" : command && name === "z" ? "undo" : name === "escape" && !escaped() ? "clear" : null;
    if (!wanted) return;
    event.preventDefault();
    press(wanted);
  }

  function offer() {
    for (const [name, can] of Object.entries(drawing.can())) buttons[name].disabled = !can;
  }

  const heeded = { pointerdown: down, pointermove: moveOfFrame, pointerup: up, pointercancel: up };
  if (MOVED !== "pointermove") heeded[MOVED] = move;
  for (const [kind, heed] of Object.entries(heeded)) window.addEventListener(kind, heed, true);
  window.addEventListener("keydown", key);
  for (const name of pressed) buttons[name].addEventListener("click", () => press(name));
  slider.addEventListener("input", resize);
  slider.addEventListener("change", () => (ring.hidden = true));
  choose("brush");

  return { isDrawing: () => pen !== null, offer };
}
