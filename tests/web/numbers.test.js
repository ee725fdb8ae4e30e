import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";

import { combined, digitsOf } from "../../mnist_demo/web/pad/lattice.js";
import { inkSegmentationOf } from "../../mnist_demo/web/pad/ink_segmentation.js";
import { segmentationOf, WAYS } from "../../mnist_demo/web/pad/segmentation.js";
import { inkOf, SIDE } from "../../mnist_demo/web/pad/strokes.js";

const file = (name) => readFileSync(new URL(name, import.meta.url));
const linesOf = (name) => gunzipSync(file(name)).toString().trim().split("\n").map((line) => JSON.parse(line));
const [numbers, inkNumbers] = ["numbers.jsonl.gz", "ink_numbers.jsonl.gz"].map(linesOf);
const weights = JSON.parse(file("../../mnist_demo/model/numbers.json").toString()).weights.strokes;
const cut = ({ strokes }) => segmentationOf(strokes.map((points) => ({ points, width: 20, erase: false })));
const cutInk = ({ strokes, width }) => inkSegmentationOf(inkOf(strokes.map((points) => ({ points, width, erase: false })), SIDE), SIDE);
const isNear = (one, other) => Math.abs(one - other) < 1e-6;

test("the browser makes the same groups of strokes as Python", () => {
  for (const [number, line] of numbers.entries()) {
    const { height, groups } = cut(line);
    assert.ok(isNear(height, line.height), `number ${number}`);
    assert.deepEqual(groups.map(({ pieces }) => pieces), line.groups.map(({ pieces }) => pieces), `number ${number}`);
    groups.forEach(({ gap, spread }, at) => {
      assert.ok(isNear(gap, line.groups[at].gap) && isNear(spread, line.groups[at].spread), `number ${number}, group ${at}`);
    });
  }
});

test("the browser draws a group as Python does, within 1/255", () => {
  for (const [number, line] of numbers.entries()) {
    if (!line.images.length) continue;
    const segmentation = cut(line);
    const images = segmentation.groups.flatMap((group) => WAYS.map((way) => segmentation.sketch(group, way).digit));
    assert.equal(images.length, line.images.length);
    images.forEach((image, at) => {
      const wanted = Buffer.from(line.images[at], "base64");
      assert.ok(image.every((value, pixel) => Math.abs(value - wanted[pixel]) <= 1), `number ${number}, image ${at}`);
    });
  }
});

test("the browser cuts ink as Python does", () => {
  for (const [number, line] of inkNumbers.entries()) {
    const { boxes, cuts, groups } = cutInk(line);
    assert.deepEqual(boxes.map(({ left, top, right, bottom }) => [left, top, right, bottom]), line.boxes, `number ${number}`);
    const above = cuts.flatMap((row, one) => row.filter((_, other) => other > one));
    assert.ok(above.every((cut, at) => isNear(cut, line.cuts[at])), `number ${number}`);
    assert.deepEqual(groups.map(({ pieces }) => pieces), line.groups.map(({ pieces }) => pieces), `number ${number}`);
    groups.forEach(({ gap, spread }, at) => {
      assert.ok(isNear(gap, line.groups[at].gap) && isNear(spread, line.groups[at].spread), `number ${number}, group ${at}`);
    });
  }
});

test("the browser's images of ink are Python's, within 1/255", () => {
  for (const [number, line] of inkNumbers.entries()) {
    if (!line.images.length) continue;
    const segmentation = cutInk(line);
    const images = segmentation.groups.flatMap((group) => WAYS.map((way) => segmentation.sketch(group, way).digit));
    images.forEach((image, at) => {
      const wanted = Buffer.from(line.images[at], "base64");
      assert.ok(image.every((value, pixel) => Math.abs(value - wanted[pixel]) <= 1), `number ${number}, image ${at}`);
    });
  }
});

test("the browser accepts the same digits of a number as Python", () => {
  for (const [number, line] of numbers.entries()) {
    const [whole, ...ways] = line.readings;
    const segmentation = cut(line);
    const scores = segmentation.groups.map((_, at) => combined(ways.slice(at * WAYS.length, (at + 1) * WAYS.length)));
    assert.deepEqual(digitsOf(segmentation, scores, combined([whole]), weights), line.digits, `number ${number}`);
  }
});

test("too many strokes, or none, are no number", () => {
  const dot = { points: [1, 2], width: 20, erase: false };
  assert.equal(segmentationOf([]), null);
  assert.equal(segmentationOf(Array(37).fill(dot)), null);
  assert.equal(segmentationOf(Array(36).fill(dot)).boxes.length, 36);
});
