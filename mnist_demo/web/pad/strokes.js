// Draw pen strokes as ink for the networks: the same bytes as `draw` of strokes.py. paint.js draws what people see.

export const SIDE = 280; // pixels, of the pad
const SUBPIXELS = 4; // places within a pixel, each way, where the brush can be stamped
const ROUGHNESS = 0.1; // pixels by which the outline may fall short between two stamps
const MAX_DISCS = 2048;
const MIN_WIDTH = 0.1; // pixels, of a line scaled by `fitted`
const MAX_WIDTH = 1000; // pixels

/** @typedef {{points: number[], width: number, erase: boolean}} Stroke points: x, y, x, y, ..., in pixels of the pad */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */

/** @type {Map<string, Uint8Array>} */
const discs = new Map();

/**
 * Round to the nearest whole number, and halves to the even one, as NumPy does.
 * @param {number} value
 */
export function rint(value) {
  const low = Math.floor(value);
  const part = value - low;
  return part < 0.5 || (part === 0.5 && low % 2 === 0) ? low : low + 1;
}

/**
 * Return the brush, 255 within, for one place within a pixel. It is square, `sideOf(width)` pixels a side.
 * @param {number} width
 * @param {number} row of SUBPIXELS
 * @param {number} column
 */
function disc(width, row, column) {
  const key = `${width} ${row} ${column}`;
  const found = discs.get(key);
  if (found) return found;
  const side = sideOf(width);
  const made = new Uint8Array(side * side);
  for (let at = 0; at < made.length; at += 1) {
    const y = Math.floor(at / side) + 0.5 - (side / 2 + row / SUBPIXELS);
    const x = (at % side) + 0.5 - (side / 2 + column / SUBPIXELS);
    made[at] = rint(255 * Math.min(Math.max(width / 2 + 0.5 - Math.sqrt(y * y + x * x), 0), 1));
  }
  if (discs.size >= MAX_DISCS) discs.clear();
  discs.set(key, made);
  return made;
}

const sideOf = (/** @type {number} */ width) => Math.ceil(width) + 2;

/**
 * Stamp the brush on the ink with its middle at (x, y).
 * @param {Uint8Array} ink
 * @param {number} canvas pixels, its side
 * @param {Stroke} stroke
 * @param {number} x
 * @param {number} y
 */
function stamp(ink, canvas, { width, erase }, x, y) {
  const size = sideOf(width);
  const [placeX, placeY] = [x, y].map((middle) => rint((middle - size / 2) * SUBPIXELS));
  const [left, top] = [placeX, placeY].map((place) => Math.floor(place / SUBPIXELS));
  const brush = disc(width, placeY - top * SUBPIXELS, placeX - left * SUBPIXELS);
  const [first, end] = [Math.max(0, -left), Math.min(size, canvas - left)];
  for (let row = Math.max(0, -top); row < Math.min(size, canvas - top); row += 1) {
    const from = row * size;
    const to = (top + row) * canvas + left;
    for (let column = first; column < end; column += 1) {
      const value = erase ? 255 - brush[from + column] : brush[from + column];
      if (erase ? value < ink[to + column] : value > ink[to + column]) ink[to + column] = value;
    }
  }
}

/**
 * Walk along a stroke, which may grow between two calls, and stamp the brush at fixed steps.
 * @param {Stroke} stroke
 * @param {number} canvas pixels, its side
 */
function walkAlong(stroke, canvas) {
  const { points, width } = stroke;
  const step = Math.max(Math.sqrt(4 * width * ROUGHNESS), 1 / SUBPIXELS);
  const clip = (/** @type {number} */ value) => Math.min(Math.max(value, -2 * canvas), 3 * canvas);
  let at = 0; // index of the point reached
  let along = 0; // pixels from the start to it
  let stamped = 0;

  return {
    /** @param {Uint8Array} ink receives the stroke's final stamps */
    go(ink) {
      for (; at + 2 < points.length; at += 2) {
        const [x, y, nextX, nextY] = points.slice(at, at + 4).map(clip);
        const length = Math.sqrt((nextX - x) * (nextX - x) + (nextY - y) * (nextY - y));
        const next = along + length;
        for (; stamped * step < next; stamped += 1) {
          const on = stamped * step - along;
          const run = next - along; // not `length`: NumPy interpolates between rounded sums
          stamp(ink, canvas, stroke, ((nextX - x) / run) * on + x, ((nextY - y) / run) * on + y);
        }
        along = next;
      }
    },
    /** @param {Uint8Array} ink receives the stamp at the stroke's current end */
    end: (ink) => stamp(ink, canvas, stroke, clip(points[at]), clip(points[at + 1])),
  };
}

/**
 * Return the ink of strokes on a square canvas, 255 = ink, row by row.
 * @param {Stroke[]} strokes
 * @param {number} canvas pixels, its side
 */
export function inkOf(strokes, canvas) {
  const ink = new Uint8Array(canvas * canvas);
  for (const stroke of strokes) {
    const walk = walkAlong(stroke, canvas);
    walk.go(ink);
    walk.end(ink);
  }
  return ink;
}

/** Return the box around points x, y, x, y, ... @param {number[]} points @returns {Box} */
export function boxOf(points) {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let at = 0; at < points.length; at += 2) {
    box.left = Math.min(box.left, points[at]);
    box.right = Math.max(box.right, points[at]);
    box.top = Math.min(box.top, points[at + 1]);
    box.bottom = Math.max(box.bottom, points[at + 1]);
  }
  return box;
}

/**
 * Return the same strokes, scaled and moved to the middle of a canvas with that side; at least one must be a pen's.
 * @param {Stroke[]} strokes
 * @param {number} side pixels
 * @param {number} longest pixels: the longer side of the box around all ink, erased ink included
 * @returns {Stroke[]}
 */
export function fitted(strokes, side, longest) {
  const pens = strokes.filter(({ erase }) => !erase);
  const { left, top, right, bottom } = boxOf(pens.flatMap(({ points }) => points));
  const middle = [(left + right) / 2, (top + bottom) / 2];
  const scale = longest / (Math.max(right - left, bottom - top) + Math.max(...pens.map(({ width }) => width)));
  return strokes.map(({ points, width, erase }) => ({
    points: points.map((value, at) => (value - middle[at % 2]) * scale + side / 2),
    width: Math.min(Math.max(width * scale, MIN_WIDTH), MAX_WIDTH),
    erase,
  }));
}

/**
 * Keep the ink of a drawing up to date while it grows. Constant time for each new point, however long the stroke.
 * @returns {(actions: (Stroke | {ink: Uint8Array})[]) => Uint8Array} Give all strokes so far, in order, or pictures,
 *   each as ink of SIDE * SIDE pixels, which covers what was there. Returns the ink, 255 = ink, row by row.
 */
export function inkKeeper() {
  let dry = new Uint8Array(SIDE * SIDE); // all actions but the last
  let wet = dry.slice(); // the same with the last one's final stamps
  /** @type {(Stroke | {ink: Uint8Array})[]} */
  let dried = [];
  /** @type {Stroke | {ink: Uint8Array} | undefined} */
  let last;
  let walk = /** @type {ReturnType<typeof walkAlong> | null} */ (null);

  const begin = (/** @type {Stroke | {ink: Uint8Array} | undefined} */ action) => {
    last = action;
    wet = action && "ink" in action ? action.ink.slice() : dry.slice();
    walk = action && "points" in action && action.points.length ? walkAlong(action, SIDE) : null;
  };

  const finished = () => {
    walk?.go(wet);
    const ink = wet.slice();
    walk?.end(ink);
    return ink;
  };

  return (actions) => {
    const done = actions.slice(0, -1);
    const isMore = dried.length <= done.length && dried.every((action, at) => action === done[at]);
    if (!isMore) [dry, dried, last] = [new Uint8Array(SIDE * SIDE), [], undefined];
    for (const action of done.slice(dried.length)) {
      if (action !== last) begin(action);
      dry = finished();
      dried.push(action);
      last = undefined;
    }
    if (actions.at(-1) !== last || !isMore || !actions.length) begin(actions.at(-1));
    return finished();
  };
}
