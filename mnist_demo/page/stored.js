// Keep the drawing in the tab's session storage, so that a reload does not lose it. Does not know when.

const STORED = "mnist-demo.drawing";
const [MIN_WIDTH, MAX_WIDTH] = [6, 60]; // pixels, of a line: what the slider offers

function storeDrawing(actions) {
  try {
    sessionStorage.removeItem(STORED); // or the last one would stay if there is no room for this one
    if (actions.length) sessionStorage.setItem(STORED, JSON.stringify(actions, (name, value) => (name === "picture" ? undefined : value)));
  } catch {} // the browser may forbid it
}

// Return the stored actions; none if there are none, or if one of them is invalid.
async function storedDrawing() {
  try {
    return await Promise.all((JSON.parse(sessionStorage.getItem(STORED)) ?? []).map(storedAction));
  } catch {
    return [];
  }
}

async function storedAction({ base, width, erase, points }) {
  if (base) return { picture: await unpacked(base), base };
  const isOnPad = (number) => Number.isFinite(number) && Math.abs(number) <= SIDE + FARTHEST;
  const isLine = Array.isArray(points) && points.length > 0 && points.length % 2 === 0 && points.every(isOnPad);
  if (!isLine || !(width >= MIN_WIDTH && width <= MAX_WIDTH) || typeof erase !== "boolean") throw new TypeError("not a stroke");
  return { width, erase, points };
}

// Return the canvas of a picture that the server packed: a bit a pixel, deflated. Throws if it is not one.
async function unpacked(base) {
  const packed = new Blob([bytes(base)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bits = new Uint8Array(await new Response(packed).arrayBuffer());
  if (bits.length !== (SIDE * SIDE) / 8) throw new TypeError("not a picture of the pad's size");
  return mask(Uint8Array.from({ length: SIDE * SIDE }, (_, at) => 255 * ((bits[at >> 3] >> (7 - (at & 7))) & 1)), SIDE);
}
