// Read and explain digits in a worker, with the networks that it was told to load.

import { bytes } from "../../images.js";
import { kernels, trace, why, work } from "./explain.js";
import { networkOf } from "./network.js";
import { tensorsIn } from "./tensors.js";

/** @typedef {import("./network.js").Network} Network */

/** @type {Map<string, Network>} */
const networks = new Map();
const pixels = (/** @type {Uint8Array} */ digit) => Float32Array.from(digit, (byte) => byte / 255);
const named = (/** @type {string} */ name) => /** @type {Network} */ (networks.get(name));

/** @param {{name: string, address: string}} values of a file as `model/packed.py` writes it, or a trained network's weights */
async function load({ name, address }) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  const { metadata, tensors } = tensorsIn(await response.arrayBuffer());
  const { temperature, threshold, steps } = metadata;
  const own = steps ? JSON.parse(steps) : named(JSON.parse(metadata.model)).steps;
  networks.set(name, networkOf({ temperature: Number(temperature), threshold: Number(threshold), steps: own }, tensors));
}

/** @param {{digits: Uint8Array[]}} values */
function read({ digits }) {
  const images = digits.map(pixels);
  return images.map((image) => Object.fromEntries([...networks].map(([name, network]) => [name, network.read(image)])));
}

/** @type {(about: {network: string, digit: string}, explain: (network: Network, image: Float32Array, digit: Uint8Array) => any) => any} */
function explained({ network, digit }, explain) {
  const content = bytes(digit);
  return explain(named(network), pixels(content), content);
}

/** @type {Record<string, (values: any) => any>} */
const answers = {
  load,
  read,
  kernels: ({ network }) => kernels(named(network)),
  trace: (about) => explained(about, (network, image, digit) => trace(network, digit, image)),
  work: (about) => explained(about, (network, image) => work(network, image, about.step, about.cell)),
  why: (about) => explained(about, (network, image) => why(network, image, about.answer, about.rival)),
};

addEventListener("message", async ({ data: { id, name, values } }) => {
  try {
    postMessage({ id, answer: await answers[name](values) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
});
