// The history of a drawing: its actions in order, undo and redo.

/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {{picture: HTMLCanvasElement, ink: Uint8Array}} Picture of the whole pad: as a canvas with alpha, and as ink */
/** @typedef {Stroke | Picture} Action */

export function historyOfDrawing() {
  /** @type {(Action | "clear")[]} */
  let done = [];
  /** @type {(Action | "clear")[]} */
  let undone = [];

  /** Return the actions that still show: those after the last clearing, or from the last picture on. */
  const actions = () => {
    const last = done.findLastIndex((action) => action === "clear" || "picture" in action);
    return /** @type {Action[]} */ (done.slice(done[last] === "clear" ? last + 1 : Math.max(last, 0)));
  };

  /**
   * Add an action. Return a function that takes it back, so that redo works as before, as long as it is the last one.
   * @param {Action | "clear"} action
   */
  const add = (action) => {
    const before = undone;
    done.push(action);
    undone = [];
    return () => {
      done.pop();
      undone = before;
    };
  };

  /** @param {(Action | "clear")[]} from @param {(Action | "clear")[]} to */
  const shift = (from, to) => {
    const last = from.pop();
    if (last) to.push(last);
  };

  return {
    add,
    actions,
    /** @param {Action[]} actions that were stored */
    restore: (actions) => (done = [...actions]),
    undo: () => shift(done, undone),
    redo: () => shift(undone, done),
    clear: () => {
      if (actions().length) add("clear");
    },
    can: () => ({ undo: done.length > 0, redo: undone.length > 0 }),
  };
}
