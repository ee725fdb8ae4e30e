// The history of a drawing: its actions in order, undo and redo.

/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {{picture: HTMLCanvasElement, ink: Uint8Array}} Picture covers the pad: its alpha, and the same as ink */
/** @typedef {Stroke | Picture} Action */

export function historyOfDrawing() {
  /** @type {(Action | "clear")[]} */
  let done = [];
  /** @type {(Action | "clear")[]} */
  let undone = [];

  const actions = () => {
    const last = done.findLastIndex((action) => action === "clear" || "picture" in action);
    return /** @type {Action[]} */ (done.slice(done[last] === "clear" ? last + 1 : Math.max(last, 0)));
  };

  /**
   * Add an action. Return a function that removes it without a trace, as long as it is the last one.
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
