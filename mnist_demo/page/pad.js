// Knows what the pen does on gr.Sketchpad, and keeps it as strokes. The editor tells nobody during a stroke, so its
// pointer events are watched; its tool buttons are its own, pressed and watched, and one of them, clear, is replaced.
// `window.editor` is the editor itself, which Gradio leaves there: it knows where its paper lies, and how to fit it.
// Does not know what the strokes mean.

const SIDE = 280; // the editor's own pixels a side
const MARGIN = 30; // pixels that it leaves around its paper; page.css moves them out of sight

function watchPad(pad, most, names, { began, moved, ended, edited }) {
  const drawing = { base: "", strokes: [] };
  let undone = [];
  let isStale = false; // the editor undid, or redid, what is in the picture drawn upon
  let pen = null; // the stroke under way: where the pen is, in the editor's pixels

  const tools = () => pad.querySelectorAll(".toolbar-wrap .half-container:not(.right) > button"); // brush, eraser
  const isChosen = (tool) => tool.classList.contains("highlight");
  const buttons = () => [...pad.querySelectorAll(".top-panel > button")].slice(-3); // undo, redo, clear
  const sizes = { brush: 20, eraser: 30 };

  // Where the pointer is, in the editor's own pixels, and whether the editor sees it there.
  function place(event) {
    const box = pad.querySelector("canvas").getBoundingClientRect();
    const { position, scale } = window.editor.state;
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    const isInside = x >= 0 && y >= 0 && x <= box.width && y <= box.height;
    return { x: Math.round((x - position.x) / scale), y: Math.round((y - position.y) / scale), isInside };
  }

  // A second finger, or a palm: the editor would draw with it, all over the pad.
  const isOther = (event) => pen !== null && event.pointerId !== pen.id;

  function down(event) {
    if (!event.target.closest?.("#sketchpad .pixi-target")) return;
    if (!event.isPrimary || event.button !== 0 || tools().length === 0) return event.stopImmediatePropagation();
    // The editor ignores a pen that it has not seen hovering: a finger's first touch, or a click after a clear.
    event.target.dispatchEvent(new PointerEvent("pointermove", event));
    const { x, y } = place(event);
    const erases = isChosen(tools()[1]);
    pen = { id: event.pointerId, x, y };
    if (filled() <= 0.9) drawing.strokes.push([erases ? sizes.eraser : sizes.brush, Number(erases), x, y]);
    undone = [];
    began();
  }

  function move(event) {
    if (isOther(event)) return event.stopImmediatePropagation();
    if (!pen) return;
    const { x, y, isInside } = place(event);
    if (!isInside || (x === pen.x && y === pen.y) || filled() > 0.9) return;
    drawing.strokes.at(-1).push(x - pen.x, y - pen.y);
    Object.assign(pen, { x, y });
    moved();
  }

  // How much the drawing is of the most that the server takes. What no longer fits is read when the pen rests.
  function filled() {
    const steps = drawing.strokes.flatMap((stroke) => stroke.slice(4));
    const length = steps.reduce((sum, step) => sum + Math.abs(step), 0);
    return Math.max(drawing.strokes.length / most.strokes, steps.length / most.numbers, length / most.length);
  }

  function up(event) {
    if (isOther(event)) return event.stopImmediatePropagation();
    if (!pen) return;
    pen = null;
    ended();
  }

  // The system took the pointer away. The editor hears of no cancel, and would not draw the next stroke.
  function cancel(event) {
    if (pen && !isOther(event)) event.target.dispatchEvent(new PointerEvent("pointerup", event));
  }

  function press(event) {
    const which = buttons().indexOf(event.target.closest?.("button"));
    if (which < 0) return;
    if (which === 0) shift(drawing.strokes, undone);
    if (which === 1) shift(undone, drawing.strokes);
    if (which === 2) clear(event);
    edited(which === 2);
  }

  function shift(from, to) {
    if (from.length) to.push(from.pop());
    else isStale = true;
  }

  // The editor's own clear puts the brush away and shrinks the paper, by and by, under the next stroke: undoing all
  // that was drawn leaves both as they are.
  function clear(event) {
    event.stopImmediatePropagation();
    const { command_manager: commands } = window.editor;
    while (commands.history.previous) window.editor.undo();
    commands.reset();
    if (!isChosen(tools()[0])) tools()[0].click();
    replace("");
    undone = [];
  }

  function replace(base) {
    Object.assign(drawing, { base, strokes: [] });
    isStale = false;
  }

  function key(event) {
    if (event.target.closest?.("input, textarea, select")) return;
    const command = event.ctrlKey || event.metaKey;
    const name = event.key.toLowerCase();
    const which = name === "escape" ? 2 : command && (name === "y" || (name === "z" && event.shiftKey)) ? 1 : command && name === "z" ? 0 : -1;
    if (which < 0 || pen) return;
    event.preventDefault();
    buttons()[which]?.click();
  }

  // Brush and eraser size are sliders of the editor's own; a size there is a radius.
  function resize(event) {
    const kind = event.target.closest?.(".eraser_picker") ? "eraser" : "brush";
    const radius = Number(event.target.value);
    if (radius > 0) sizes[kind] = Math.round(2 * radius);
  }

  // What the editor itself holds, as base64 of a PNG.
  async function picture() {
    const { composite } = await window.editor.get_blobs();
    const reader = new FileReader();
    await new Promise((resolve) => {
      reader.onload = resolve;
      reader.readAsDataURL(composite);
    });
    return reader.result.split(",")[1];
  }

  // Whenever the editor changes: its painting eased before it first paints, its tools named in the page's language, its
  // brush chosen, its paper as large as the pad.
  function prepare() {
    easePainting();
    [...tools(), ...buttons()].forEach(nameTool);
    const all = [...tools()];
    if (!all.length) return;
    if (!all.some(isChosen)) all[0].click();
    const { app, state, tools: own } = window.editor;
    if (Math.abs(state.scale * SIDE - (app.screen.width - 2 * MARGIN)) > 1) own.get("zoom").set_zoom("fit");
  }

  function nameTool(button, at) {
    if (button.title === names[at]) return;
    button.title = names[at];
    button.setAttribute("aria-label", names[at]);
  }

  // The blurred shadow of the paper, clipped away here, is a third of the editor's work. Where there is no graphics
  // processor the processor does that work, and hardly gets to the answers: then the ink is painted coarser and ten
  // times a second, and the bars move thirty times and more.
  function easePainting() {
    const { outline_graphics: shadow, app } = window.editor ?? {};
    if (!shadow?.filters?.length) return;
    shadow.filters = [];
    const { gl } = app.renderer;
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    const isSoftware = info && /swiftshader|llvmpipe|software/i.test(gl.getParameter(info.UNMASKED_RENDERER_WEBGL));
    if (!isSoftware) return;
    app.renderer.resize(app.screen.width, app.screen.height, devicePixelRatio / 2);
    app.ticker.maxFPS = 10;
    drawOncePerFrame(app);
  }

  // The editor draws the whole stroke anew at every move of the pen, seen or not.
  function drawOncePerFrame({ renderer, ticker }) {
    const stroke = () => window.editor.tools.get("brush").brush_textures ?? {}; // none until the brush is set up
    const render = renderer.render.bind(renderer);
    let isLate = false;
    renderer.render = (what, ...rest) => (what === stroke().stroke_container ? (isLate = true) : render(what, ...rest));
    ticker.add(() => {
      if (isLate) render(stroke().stroke_container, { renderTexture: stroke().stroke_texture });
      isLate = false;
    });
  }

  window.addEventListener("pointerdown", down, true);
  window.addEventListener("pointermove", move, true);
  window.addEventListener("pointerup", up, true);
  window.addEventListener("pointercancel", cancel, true);
  window.addEventListener("keydown", key);
  pad.addEventListener("click", press, true);
  pad.addEventListener("input", resize, true);
  pad.addEventListener("wheel", (event) => event.stopPropagation(), true); // or Alt and the wheel would zoom the paper
  new MutationObserver(prepare).observe(pad, { childList: true, characterData: true, subtree: true, attributeFilter: ["class"] });
  prepare();

  return {
    drawing,
    isBlank: () => drawing.strokes.length === 0 && drawing.base === "",
    isDrawing: () => pen !== null,
    mustBecomePicture: () => isStale || filled() > 0.2,
    picture,
    replace,
  };
}
