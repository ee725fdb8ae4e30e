import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";

import { kernels, trace, why, work } from "../../mnist_demo/web/engine/worker/explain.js";
import { networkOf } from "../../mnist_demo/web/engine/worker/network.js";
import { tensorsIn } from "../../mnist_demo/web/engine/worker/tensors.js";

const golden = JSON.parse(gunzipSync(readFileSync(new URL("networks.json.gz", import.meta.url))).toString());
const digits = golden.digits.map((digit) => Uint8Array.from(Buffer.from(digit, "base64")));
const imageOf = (digit) => Float32Array.from(digit, (byte) => byte / 255);
const NEAR = 0.0005;

function opened(content) {
  const { metadata, tensors } = tensorsIn(Uint8Array.from(content).buffer);
  return { metadata, tensors, temperature: Number(metadata.temperature), threshold: Number(metadata.threshold) };
}

function networkNamed(name) {
  const content = name === "third" ? Buffer.from(golden.third, "base64") : readFileSync(new URL(`../../weights/${name}.safetensors`, import.meta.url));
  const { tensors, ...values } = opened(content);
  return networkOf({ ...values, steps: JSON.parse(golden.steps[name]) }, tensors);
}

function assertNear(found, wanted, words, within = NEAR) {
  if (typeof wanted === "number") assert.ok(Math.abs(found - wanted) <= within * Math.max(1, Math.abs(wanted)), `${words}: ${found}, not ${wanted}`);
  else if (wanted && typeof wanted === "object") {
    assert.deepEqual(Object.keys(found).sort(), Object.keys(wanted).sort(), words);
    for (const key of Object.keys(wanted)) assertNear(found[key], wanted[key], `${words}.${key}`, within);
  } else assert.equal(found, wanted, words);
}

for (const [name, { readings, explained }] of Object.entries(golden.networks)) {
  const network = networkNamed(name);

  test(`${name} reads as PyTorch does`, () => {
    digits.forEach((digit, at) => {
      const { answer, probabilities } = network.read(imageOf(digit));
      assert.equal(answer, readings[at].answer, `digit ${at}`);
      probabilities.forEach((probability, one) => assertNear(probability, readings[at].probabilities[one], `digit ${at}, ${one}`));
    });
  });

  test(`${name} has the layers of PyTorch`, () => {
    explained.forEach(({ values }, at) => {
      const { steps, answer } = trace(network, digits[at], imageOf(digits[at]));
      assert.equal(answer, readings[at].answer);
      steps.forEach(({ kind, numbers }, step) => numbers && assertNear([...numbers], values[step], `digit ${at}, step ${step} (${kind})`, 2e-3));
      assert.ok(steps.filter(({ numbers }) => numbers).length >= 3);
    });
  });

  test(`${name} explains single values as Python does`, () => {
    explained.forEach(({ work: cells }, at) => {
      for (const { step, cell, ...wanted } of cells) {
        const found = work(network, imageOf(digits[at]), step, cell);
        for (const { arithmetic } of [found, wanted]) if (arithmetic?.terms) arithmetic.terms = arithmetic.terms.filter(({ product }) => product); // zeros are in any order
        assertNear(found, wanted, `digit ${at}, step ${step}, cell ${cell}`, 2e-3);
      }
    });
  });

  test(`${name} has the evidence that Python finds`, () => {
    explained.forEach(({ why: wanted }, at) => assertNear(why(network, imageOf(digits[at]), 3, 5), wanted, `digit ${at}`, 0.011));
  });

  test(`${name} reads as before after it was asked why`, () => {
    const before = network.read(imageOf(digits[0]));
    why(network, imageOf(digits[1]), 3, 5);
    assert.deepEqual(network.read(imageOf(digits[0])), before);
  });
}

test("kernels are those of the weights file", () => {
  const [, , first] = kernels(networkNamed("net"));
  assert.deepEqual(first.shape, [10, 1, 5, 5]);
  assert.equal(first.numbers.length, 250);
});

test("float16 becomes float32, subnormal numbers, too", () => {
  const header = JSON.stringify({ __metadata__: { name: "x" }, halves: { dtype: "F16", shape: [5], data_offsets: [0, 10] } });
  const halves = Buffer.from(Uint16Array.from([0x3c00, 0xc100, 0x7bff, 0x0001, 0x83ff]).buffer);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const { tensors, metadata } = tensorsIn(Uint8Array.from(Buffer.concat([length, Buffer.from(header), halves])).buffer);
  assert.deepEqual([...tensors.halves], [1, -2.5, 65504, 2 ** -24, -1023 * 2 ** -24]);
  assert.equal(metadata.name, "x");
});
