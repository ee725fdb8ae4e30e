import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";

import { sketchOf } from "../../mnist_demo/web/pad/preprocess.js";
import { inkKeeper, SIDE } from "../../mnist_demo/web/pad/strokes.js";

const ZOOM = 8; // as in tests/golden.py
const MARGIN = (SIDE - 28 * ZOOM) / 2;

function enlarged(picture) {
  const pixels = Buffer.from(picture, "base64");
  const ink = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < 28 * ZOOM; y += 1) {
    for (let x = 0; x < 28 * ZOOM; x += 1) {
      ink[(MARGIN + y) * SIDE + MARGIN + x] = pixels[Math.floor(y / ZOOM) * 28 + Math.floor(x / ZOOM)];
    }
  }
  return ink;
}

const drawings = gunzipSync(readFileSync(new URL("drawings.jsonl.gz", import.meta.url)))
  .toString()
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line))
  .map((one) => ({ ...one, actions: one.actions.map((a) => ("picture" in a ? { ink: enlarged(a.picture) } : a)) }));
const hash = (ink) => createHash("sha256").update(ink).digest("hex");

test("the browser's ink is Python's, to the bit", () => {
  for (const [number, { actions, ink }] of drawings.entries()) assert.equal(hash(inkKeeper()(actions)), ink, `drawing ${number}`);
});

test("the browser's digits are Python's, within 1/255", () => {
  for (const [number, { actions, digit }] of drawings.entries()) {
    const made = sketchOf(inkKeeper()(actions), SIDE)?.digit ?? null;
    const wanted = digit && Buffer.from(digit, "base64");
    assert.equal(made === null, wanted === null, `drawing ${number}`);
    made?.forEach((value, at) => assert.ok(Math.abs(value - wanted[at]) <= 1, `drawing ${number}, pixel ${at}`));
  }
});

test("a drawing that grows point by point, is undone and redone has the ink of one that was there at once", () => {
  for (const { actions, ink } of drawings.slice(0, 60)) {
    const inkOf = inkKeeper();
    for (let count = 1; count <= actions.length; count += 1) {
      const last = actions[count - 1];
      if (!("points" in last)) continue;
      const growing = { ...last, points: [] };
      for (let at = 0; at < last.points.length; at += 2) {
        growing.points.push(...last.points.slice(at, at + 2));
        if (at % 6 === 0) inkOf([...actions.slice(0, count - 1), growing]);
      }
    }
    inkOf([]);
    assert.equal(hash(inkOf(actions)), ink);
  }
});
