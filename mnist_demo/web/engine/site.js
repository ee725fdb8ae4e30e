// The engine of a page without a server: networks in this browser, samples and metrics from files. What needs Python is
// refused with the code "static".

import { wait } from "../dom.js";
import { base64 } from "../images.js";
import { EngineError } from "./interface.js";
import { hiddenIn, nearest } from "./nearest.js";

/** @typedef {import("./interface.js").Sample} Sample */
/**
 * @typedef {object} Index what is known of the test digits, as `server/static_site.py` writes it
 * @property {string} labels a character each
 * @property {number} shard digits in a file
 * @property {number} training_shard training digits in a file
 * @property {number[]} hard those that a network misreads; they have a file of their own
 * @property {Record<string, [index: number, answer: number][]>} misread by network
 * @property {Record<string, number[]>} alone by network: the digits that it alone reads
 * @property {Record<string, number[]>} worst by network
 * @property {Record<string, object>} votes by digit
 */

const SHOWN = 18; // samples
const NEIGHBOURS = 12;
const OPENED = 48; // digits behind a figure, at a time
const DIGIT = 784; // bytes
const PATIENCE = 500; // ms to wait for the features before the page says that they are loading

/**
 * @param {URL} folder
 * @param {ReturnType<typeof import("./local.js").localEngine>} local
 * @returns {import("./interface.js").Engine}
 */
export function siteEngine(folder, local) {
  /** @type {Map<string, Promise<any>>} */
  const files = new Map();

  /** @type {(name: string) => Promise<Response>} */
  async function fetched(name) {
    const response = await fetch(new URL(name, folder)).catch(() => null);
    if (!response?.ok) throw new EngineError("offline");
    return response;
  }

  /** Return what `take` makes of a file, which is loaded once. @type {<T>(name: string, take: (file: Response) => Promise<T>) => Promise<T>} */
  function once(name, take) {
    let file = files.get(name);
    if (!file) {
      file = fetched(name).then(take);
      files.set(name, file);
      file.catch(() => files.delete(name));
    }
    return file;
  }

  /** @returns {Promise<Index>} */
  const index = () => once("samples.json", (file) => file.json());
  const digitsIn = (/** @type {string} */ name) => once(name, async (file) => new Uint8Array(await file.arrayBuffer()));

  /** @param {number} digit @returns {Promise<Uint8Array>} */
  async function imageOf(digit) {
    const { shard, hard } = await index();
    const at = hard.indexOf(digit);
    const images = await digitsIn(at < 0 ? `samples-${Math.floor(digit / shard)}.bin` : "hard.bin");
    const start = DIGIT * (at < 0 ? digit % shard : at);
    return images.subarray(start, start + DIGIT);
  }

  /** @param {number[]} digits @returns {Promise<Sample[]>} */
  async function tiles(digits) {
    const { labels, votes } = await index();
    const images = await Promise.all(digits.map(imageOf));
    await local.prepare();
    const { readings } = await local.read(images);
    return digits.map((digit, at) => ({ index: digit, label: Number(labels[digit]), image: base64(images[at]), networks: readings[at], votes: votes[digit] ?? null }));
  }

  let turn = 0; // of the files of samples: the first one is always there, others where the network is
  /** @type {import("./interface.js").Engine["samples"]} */
  async function samples({ digit, hard }) {
    const { labels, shard, hard: known } = await index();
    const of = (/** @type {number} */ number) => Array.from({ length: shard }, (_, at) => number * shard + at);
    const pool = async () => {
      const number = turn % Math.ceil(labels.length / shard);
      const file = digitsIn(`samples-${number}.bin`).then(() => number, () => 0);
      turn += 1;
      return of(await file);
    };
    const all = hard ? known : await pool();
    const wanted = all.filter((one) => one < labels.length && (digit === null || Number(labels[one]) === digit));
    return tiles(shuffled(wanted).slice(0, SHOWN));
  }

  /** @param {any} wanted */
  async function reportDigits({ network, cell, worst, alone, start = 0 }) {
    const found = await index();
    const answers = new Map(found.misread[network]);
    const [label, answer] = cell ?? [];
    const isIn = (/** @type {number} */ digit) => Number(found.labels[digit]) === label && (answers.get(digit) ?? label) === answer;
    const digits = worst ? found.worst[network] : alone ? found.alone[network] : [...found.labels].map((_, digit) => digit).filter(isIn);
    return { count: digits.length, tiles: await tiles(digits.slice(start, start + OPENED)) };
  }

  /** @param {number} digit of the training set */
  async function trainingImage(digit) {
    const { training_shard: shard } = await index();
    const images = new Uint8Array(await inflated(await fetched(`training-${Math.floor(digit / shard)}.bin`)));
    return images.subarray(DIGIT * (digit % shard), DIGIT * (digit % shard + 1));
  }

  /** @type {import("./interface.js").Engine["neighbours"]} */
  async function neighbours(about) {
    const features = once(`nearest-${about.network}.bin`, inflated);
    const isHere = await Promise.race([features, wait(PATIENCE)]);
    if (!isHere) return { neighbours: null };
    const { steps } = await local.trace(about);
    const found = nearest(await features, hiddenIn(steps), NEIGHBOURS);
    const images = await Promise.all(found.map(({ index: digit }) => trainingImage(digit)));
    return { neighbours: found.map((one, at) => ({ ...one, image: base64(images[at]) })) };
  }

  const refuse = () => Promise.reject(new EngineError("static"));
  return {
    addEventListener: local.addEventListener,
    place: () => "browser",
    keep: () => {},
    read: local.read,
    trace: local.trace,
    kernels: local.kernels,
    work: local.work,
    why: local.why,
    neighbours,
    prepareNeighbours: refuse,
    samples,
    report: () => once("report.json", (file) => file.json()),
    reportDigits,
    inkOfPhoto: refuse,
    train: { prepare: refuse, begin: refuse, follow: refuse, stop: refuse, forget: refuse, wall: refuse },
  };
}

/** @param {Response} file */
const inflated = ({ body }) => new Response(body?.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();

/** @template T @param {T[]} all @returns {T[]} */
function shuffled(all) {
  return all.map((one) => ({ one, order: Math.random() })).sort((a, b) => a.order - b.order).map(({ one }) => one);
}
