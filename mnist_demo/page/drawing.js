// Knows what was drawn, in which order, what of it can be undone, and how it is sent. Does not know how it looks.
//
// What was done is a list of actions: strokes and pictures, as `ink.js` has them (a picture with its `base`, as the
// server packed it), and "clear". The wire is what `wire.py` reads: strokes in whole pixels, within the bounds `most`.
// Where they are more than a share of a bound, the server draws them, and only what comes after is sent: a ground.

const NEAR = 2; // pixels: points nearer to the one before are not sent, but for the last
const MANY = 0.2; // of a bound: what is sent no more than once
const FULL = 0.9; // of a bound: the most that is sent

function drawingWithin(most, settle) {
  let done = [];
  let undone = [];
  let grounds = []; // {base, from, at}: drawn are the actions before `from` and of that one the numbers before `at`

  // Where in `done` what is on the paper begins.
  function first() {
    const last = done.findLastIndex((action) => action === "clear" || action.picture);
    return done[last] === "clear" ? last + 1 : Math.max(last, 0);
  }

  function ground() {
    const start = first();
    const white = { base: "", from: start, at: 0 };
    const own = done[start]?.picture ? { base: done[start].base, from: start + 1, at: 0 } : white;
    return grounds.findLast(({ from }) => from >= own.from) ?? own;
  }

  // The strokes since a ground, as they are sent, up to FULL of a bound; where the next ground would be.
  function gather({ base, from: start, at: offset }) {
    const strokes = [];
    const next = { from: start, at: offset };
    const sum = { strokes: 0, numbers: 0, length: 0 };
    const share = () => Math.max(...Object.keys(sum).map((what) => sum[what] / most[what]));
    for (let from = start; from < done.length && share() < FULL; from += 1) {
      const { width, erase, points } = done[from];
      let at = from === start ? Math.max(offset - 2, 0) : 0;
      let [x, y] = points.slice(at, at + 2).map(Math.round);
      const stroke = [width, Number(erase), x, y];
      for (at += 2; at < points.length && share() < FULL; at += 2) {
        const [dx, dy] = [Math.round(points[at]) - x, Math.round(points[at + 1]) - y];
        if (Math.hypot(dx, dy) < (at < points.length - 2 ? NEAR : 1)) continue;
        stroke.push(dx, dy);
        sum.numbers += 2;
        sum.length += Math.abs(dx) + Math.abs(dy);
        (x += dx), (y += dy);
      }
      strokes.push(stroke);
      sum.strokes += 1;
      sum.numbers += 4;
      Object.assign(next, { from, at });
    }
    const isAll = strokes.length === done.length - start && next.at >= (done.at(-1)?.points?.length ?? 0);
    return { sent: { base, strokes }, next, isOver: !isAll || share() > MANY };
  }

  // What to send for the server to know all that is drawn; nothing, where the server is gone and it is too much.
  async function wire() {
    let part = gather(ground());
    while (part.isOver) {
      const last = done[part.next.from];
      const settled = await settle(part.sent);
      if (!settled) return null;
      if (done[part.next.from] === last) grounds.push({ base: settled.base, ...part.next });
      part = gather(ground());
    }
    return part.sent;
  }

  function shift(from, to) {
    if (from.length) to.push(from.pop());
    dropGrounds();
  }

  function dropGrounds() {
    grounds = grounds.filter((one) => one.from < done.length);
  }

  // Add an action; return how to take it back as if it had never been, as long as it is the last one.
  function add(action) {
    const before = undone;
    done.push(action);
    undone = [];
    return () => {
      done.pop();
      undone = before;
      dropGrounds();
    };
  }

  function restore(actions) {
    done = actions;
  }

  const actions = () => done.slice(first());

  return {
    add,
    restore,
    actions,
    wire,
    undo: () => shift(done, undone),
    redo: () => shift(undone, done),
    clear: () => actions().length && add("clear"),
    can: () => ({ undo: done.length > 0, redo: undone.length > 0 }),
  };
}
