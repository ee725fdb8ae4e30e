// The engine in this browser: a worker reads with weights that it downloads once. It knows no samples, and trains nothing.

import { EngineError } from "./interface.js";

/** @typedef {import("./interface.js").Readings} Readings */

/** @param {{name: string, address: string}[]} networks each with the address of its weights */
export function localEngine(networks) {
  const events = new EventTarget();
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: EngineError) => void}>} */
  const waiting = new Map();
  /** @type {Map<string, Promise<void>>} */
  const loads = new Map();
  let count = 0; // of questions
  /** @type {Worker | null} */
  let worker = null;

  function started() {
    if (worker) return worker;
    worker = new Worker(new URL("worker/worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: { id, answer, error } }) => {
      error ? waiting.get(id)?.reject(new EngineError("offline")) : waiting.get(id)?.resolve(answer);
      waiting.delete(id);
    });
    worker.addEventListener("error", () => {
      for (const { reject } of waiting.values()) reject(new EngineError("offline"));
      waiting.clear();
      loads.clear();
      worker = null;
    });
    return worker;
  }

  /** @type {(name: string, values: object) => Promise<any>} */
  function ask(name, values) {
    const { promise, resolve, reject } = Promise.withResolvers();
    count += 1;
    waiting.set(count, { resolve, reject });
    started().postMessage({ id: count, name, values });
    return promise;
  }

  /** Load a network, unless it is there or on its way. @param {{name: string, address: string}} network */
  function load(network) {
    const key = `${network.name} ${network.address}`;
    let load = loads.get(key);
    if (!load) {
      load = ask("load", network);
      load.then(() => events.dispatchEvent(new Event("change")), () => loads.delete(key));
      loads.set(key, load);
    }
    return load;
  }

  const loaded = () => Promise.any(networks.map(load)).catch(() => Promise.reject(new EngineError("offline")));
  const explain = (/** @type {string} */ question) => async (/** @type {{network: string}} */ about) => {
    const network = networks.find(({ name }) => name === about.network);
    if (network) await load(network);
    return ask(question, about);
  };

  return {
    addEventListener: events.addEventListener.bind(events),
    /** Load all networks. */
    prepare: async () => Promise.all(networks.map(load)),
    /** Load a network of the visitor's own. @param {string} address */
    own: (address) => load({ name: "yours", address }),
    /** @param {Uint8Array[]} digits @returns {Promise<{readings: Readings[]}>} */
    read: async (digits) => {
      await loaded();
      return { readings: await ask("read", { digits }) };
    },
    trace: explain("trace"),
    kernels: explain("kernels"),
    work: explain("work"),
    why: explain("why"),
  };
}
