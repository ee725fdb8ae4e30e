// Knows Gradio's editor, which lies under the page's own paper: how strokes are put into it, and how its picture is had.
// All that leans on what is inside of it is in this file; where that is not as it was in gradio 6.31.0, or there is no
// WebGL, or its context was lost, there is no picture, and the page goes on without it. Does not know the page.
//
// `window.editor` is the editor itself, which Gradio leaves there. Its brush draws what a list of segments tells it, by
// one command a time; the textures that it makes for that are its undo's, and it never gives them back: we do.

const EVERYTHING = 2 * SIDE; // the radius of an eraser that leaves nothing

function editorUnder(pad) {
  let held = []; // the actions that are in it
  let isLost = false;

  const parts = () => {
    const { app, tools, command_manager: commands } = window.editor;
    const brush = tools.get("brush");
    app.canvas.addEventListener("webglcontextlost", () => (isLost = true), { once: true });
    return { brush, commands, textures: brush.brush_textures };
  };

  function segments({ points, width, erase }) {
    const style = { size: width / 2, color: "#000000", opacity: 1, mode: erase ? "erase" : "draw" };
    const all = [];
    for (let at = 0; at < points.length; at += 2) {
      const [from_x, from_y] = points.slice(Math.max(at - 2, 0));
      all.push({ from_x, from_y, to_x: points[at], to_y: points[at + 1], ...style });
    }
    return all;
  }

  // A command draws before it erases: strokes of one kind go into one command.
  function inTurn(strokes) {
    const turns = [];
    for (const stroke of strokes) {
      if (turns.at(-1)?.erase !== stroke.erase) turns.push({ erase: stroke.erase, segments: [] });
      turns.at(-1).segments.push(...segments(stroke));
    }
    return turns;
  }

  async function draw(strokes) {
    const { brush, commands, textures } = parts();
    const Texture = textures.stroke_texture.constructor;
    const { create } = Texture;
    const made = [];
    Texture.create = (options) => {
      const texture = create.call(Texture, options);
      made.push(texture.source);
      return texture;
    };
    try {
      for (const turn of inTurn(strokes)) {
        textures.preserve_canvas_state();
        textures.current_stroke_segments = turn.segments;
        textures.commit_stroke();
      }
    } finally {
      Texture.create = create;
    }
    await new Promise((resolve) => setTimeout(resolve)); // the commands enter the editor's history by and by
    commands.reset();
    for (const source of made) source.destroy();
    brush.notify("change");
  }

  async function hold(actions) {
    const isMore = held.every((action, at) => action === actions[at]);
    const news = actions.slice(isMore ? held.length : 0);
    if (news.some((action) => action.picture)) return false;
    const white = { points: [SIDE / 2, SIDE / 2], width: 2 * EVERYTHING, erase: true };
    if (news.length || !isMore) await draw(isMore ? news : [white, ...news]);
    held = [...actions];
    return true;
  }

  // What the editor holds of those actions, as base64 of a PNG; null where it cannot be had.
  async function picture(actions) {
    try {
      if (isLost || !(await hold(actions))) return null;
      const { composite } = await window.editor.get_blobs();
      return isLost ? null : await base64(composite);
    } catch {
      held = [];
      return null;
    }
  }

  // It is out of sight: it need not paint what nobody sees, which without a graphics processor costs seconds, and no
  // names shall lead to its tools instead of to ours.
  function hush() {
    const { editor } = window;
    if (editor) editor.wake_render_loop = () => editor.app?.ticker?.stop();
    editor?.wake_render_loop();
    for (const one of pad.querySelectorAll(":is(.toolbar-wrap, .top-panel) [aria-label]")) one.removeAttribute("aria-label");
    for (const one of pad.querySelectorAll("canvas:not(.ink)")) one.setAttribute("aria-hidden", true);
  }

  new MutationObserver(hush).observe(pad, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
  hush();

  return { picture, holds: (actions) => (held = [...actions]) };
}
