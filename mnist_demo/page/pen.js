// Turn pointers, tools and keys into changes of the drawing: one stroke at a time, of one pointer, which is followed out of
// the pad, too. Does not know what is done with the drawing.

const WIDTHS = { brush: 20, eraser: 30 }; // of a line, in the pad's pixels
const FARTHEST = SIDE; // pixels that a stroke is followed beyond the pad
const MAX_GESTURE_PIXELS = 20; // of the pad: a second finger that comes later than that in a stroke is a palm
const ERASING = 32 | 2; // `buttons` of a pen: its eraser end, its barrel button
const MOVED = "onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove"; // the first does not wait for a frame

function penOn(surface, toolbar, drawing, { began, moved, ended, abandoned, edited, escaped }) {
  const paper = surface.querySelector("canvas");
  const ring = surface.querySelector(".ring");
  const slider = toolbar.querySelector("input");
  const buttons = Object.fromEntries([...toolbar.querySelectorAll("button")].map((one) => [one.dataset.tool, one]));
  const pressed = ["brush", "eraser", "undo", "redo", "clear"];
  const widths = { ...WIDTHS };
  let tool = "brush";
  let pen = null; // the pointer that is down: its number, its kind, its stroke, and how to take that back

  // Return where pointers are, in the pad's pixels. The paper is measured each time: the page may scroll during a stroke.
  function places(events) {
    const { left, top, width } = paper.getBoundingClientRect();
    const within = (value) => Math.min(Math.max((value * SIDE) / width, -FARTHEST), SIDE + FARTHEST);
    return events.map(({ clientX, clientY }) => [within(clientX - left), within(clientY - top)]);
  }

  // Return the tool that a pointer draws with, or null if it does not draw.
  function toolOf({ pointerType, button, buttons }) {
    if (pointerType === "pen" && buttons & ERASING) return "eraser";
    return button === 0 ? tool : null;
  }

  function down(event) {
    if (pen?.kind === "touch" && isShort(pen.stroke)) abandon();
    if (!event.target.closest?.("#sketchpad canvas")) return;
    event.stopImmediatePropagation(); // the editor beneath is told by us
    const used = toolOf(event);
    if (pen || !event.isPrimary || !used) return;
    const stroke = { width: widths[used], erase: used === "eraser", points: places([event])[0] };
    pen = { id: event.pointerId, kind: event.pointerType, stroke, takeBack: drawing.add(stroke) };
    if (event.isTrusted) paper.setPointerCapture(event.pointerId);
    began();
  }

  // Whether a stroke is so short that a second finger makes a gesture of it.
  function isShort({ points: [x, y, ...others] }) {
    return others.every((value, at) => Math.abs(value - (at % 2 ? y : x)) < MAX_GESTURE_PIXELS);
  }

  // Two fingers scroll or zoom: what the first one drew was not meant.
  function abandon() {
    pen.takeBack();
    pen = null;
    abandoned();
  }

  // Keep the browser from scrolling or zooming by a palm that lies down during a stroke.
  function hold(event) {
    if (pen && event.touches.length > 1) event.preventDefault();
  }

  function move(event) {
    if (event.pointerId !== pen?.id) return;
    if (!event.buttons) return up(event); // its release was not heard of: a menu had it
    const { points } = pen.stroke;
    const before = points.length;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const [x, y] of places(all.length ? all : [event])) {
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

  // Show what the eraser covers below a mouse or a pen.
  function hover(event) {
    const isErasing = tool === "eraser" || pen?.stroke.erase;
    ring.hidden = !isErasing || event.pointerType === "touch" || event.target !== paper;
    if (!ring.hidden) circle(...places([event])[0], widths.eraser);
  }

  function circle(x, y, width) {
    const percent = (value) => `${(100 * value) / SIDE}%`;
    Object.assign(ring.style, { left: percent(x), top: percent(y), width: percent(width), height: percent(width) });
  }

  function choose(name) {
    tool = name;
    for (const one of ["brush", "eraser"]) buttons[one].setAttribute("aria-pressed", one === name);
    slider.value = widths[name];
  }

  function resize() {
    widths[tool] = Number(slider.value);
    ring.hidden = false;
    circle(SIDE / 2, SIDE / 2, widths[tool]);
  }

  function press(name) {
    if (pen) return;
    if (name in widths) return choose(name);
    drawing[name]();
    if (name === "clear") choose("brush"); // there is nothing to erase
    edited();
  }

  // Return the name of a key in small letters: of the Latin letter at its place if the keyboard writes another script.
  function nameOf({ key, code }) {
    const isLatin = /^\p{Script=Latin}/u.test(key);
    return (isLatin ? key : code.replace(/^Key/, "")).toLowerCase();
  }

  function key(event) {
    if (event.target.closest?.("input:not([type=range]), textarea, select")) return;
    const command = (event.ctrlKey || event.metaKey) && !event.altKey; // with Alt it writes a sign
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

  const heeded = { pointerdown: down, pointermove: moveOfFrame, pointerup: up, pointercancel: up };
  if (MOVED !== "pointermove") heeded[MOVED] = move;
  for (const [kind, heed] of Object.entries(heeded)) window.addEventListener(kind, heed, true);
  for (const kind of ["touchstart", "touchmove"]) paper.addEventListener(kind, hold, { passive: false });
  paper.addEventListener("contextmenu", (event) => event.pointerType === "pen" && event.preventDefault());
  window.addEventListener("keydown", key);
  for (const name of pressed) buttons[name].addEventListener("click", () => press(name));
  slider.addEventListener("input", resize);
  slider.addEventListener("change", () => (ring.hidden = true));
  choose("brush");

  return { isDrawing: () => pen !== null, offer };
}
