// The engine of a page with a server: PyTorch answers there. While the server cannot be reached, is busy, or answers late,
// the networks in this browser read and explain, as soon as they are loaded.

import { EngineError, TROUBLES } from "./interface.js";

/** @typedef {import("./interface.js").Engine} Engine */
/** @typedef {import("./interface.js").Readings} Readings */
/** @typedef {{readings: Readings[], gone?: boolean}} Answer */

const AFTER = 2000; // ms after the page is loaded, when the networks are loaded, and between two tries to load them
const NEAR = 60; // ms that a near server takes to answer, and one more for each digit
const PATIENCE = 500; // ms to wait for the server at most
const REMEMBERED = 5; // response times
const AGAIN = 1000; // ms between two tries of a server that is not near

const isTrouble = (/** @type {any} */ error) => error instanceof EngineError && TROUBLES.includes(error.code);

/**
 * @param {import("./http.js").HttpEngine} server
 * @param {ReturnType<typeof import("./local.js").localEngine>} local
 * @param {(key: string) => URL} weightsOf the address of the visitor's own network
 * @returns {Engine}
 */
export function fallbackEngine(server, local, weightsOf) {
  const events = new EventTarget();
  let isLoaded = false; // each network of the page, in this browser
  /** @type {string | undefined} */
  let kept; // the key of the visitor's network that is loaded, too
  /** @type {number[]} */
  let times = []; // ms: the server's newest response times, Infinity for none
  let nextTry = 0; // when the server is asked again although the browser reads
  /** @type {"server" | "browser"} */
  let place = "server";

  const isHere = (/** @type {string | undefined} */ yours) => isLoaded && (!yours || yours === kept);
  const limit = (/** @type {string | undefined} */ yours) => (isHere(yours) ? AbortSignal.timeout(PATIENCE) : undefined);

  /** Decide where to read, for a visitor with that network. @param {string | undefined} yours */
  function decide(yours) {
    const typical = times.toSorted((one, other) => one - other)[(times.length - 1) >> 1] ?? 0;
    const tooLong = isHere(yours) ? NEAR : Number.MAX_VALUE; // only the server has that network
    const before = place;
    place = isLoaded && typical > tooLong ? "browser" : "server";
    if (place !== before) events.dispatchEvent(new Event("change"));
    return place;
  }

  /**
   * Ask the server, and note how long it takes.
   * @param {Uint8Array[]} digits @param {string} [yours]
   * @returns {Promise<Answer>}
   */
  async function ask(digits, yours) {
    const start = performance.now();
    nextTry = Infinity; // until this one ends
    try {
      const answer = await server.read(digits, yours, limit(yours));
      times = [...times, performance.now() - start - digits.length].slice(-REMEMBERED);
      nextTry = performance.now() + AGAIN;
      return answer.gone && isHere(yours) ? here(digits, yours) : answer;
    } catch (error) {
      if (isTrouble(error)) times = Array(REMEMBERED).fill(Infinity);
      nextTry = performance.now() + (error instanceof EngineError && error.retryAfter ? error.retryAfter : AGAIN);
      throw error;
    } finally {
      decide(yours);
    }
  }

  /**
   * Read in this browser.
   * @param {Uint8Array[]} digits @param {string} [yours]
   * @returns {Promise<Answer>}
   */
  async function here(digits, yours) {
    const { readings } = await local.read(digits);
    if (yours !== kept) readings.forEach((all) => delete all.yours);
    return { readings };
  }

  /** @type {Engine["read"]} */
  async function read(digits, yours) {
    if (decide(yours) === "browser") {
      if (performance.now() > nextTry) ask(digits, yours).catch(() => {}); // a try
      return here(digits, yours);
    }
    return ask(digits, yours).catch((error) => {
      if (isLoaded && isTrouble(error)) return here(digits, yours);
      throw error;
    });
  }

  /** Return a question that either engine answers. @param {"trace" | "kernels" | "work" | "why"} question */
  const explain = (question) => async (/** @type {any} */ about) => {
    const canExplain = isHere(about.yours);
    if (canExplain && place === "browser") return local[question](about);
    try {
      const answer = await server[question](about, limit(about.yours));
      return answer.gone && canExplain ? local[question](about) : answer;
    } catch (error) {
      if (canExplain && isTrouble(error)) return local[question](about);
      throw error;
    }
  };

  function load() {
    local.prepare().then(() => (isLoaded = true), () => setTimeout(load, AFTER));
  }
  setTimeout(load, AFTER);

  return {
    ...server,
    addEventListener: events.addEventListener.bind(events),
    place: () => place,
    keep: (key) => local.prepare().then(() => local.own(weightsOf(key).href)).then(() => (kept = key), () => {}),
    read,
    trace: explain("trace"),
    kernels: explain("kernels"),
    work: explain("work"),
    why: explain("why"),
  };
}
