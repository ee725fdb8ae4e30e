// What the page asks of whatever reads digits: the one interface that the pad and the lenses know.

/** @typedef {{answer: number | null, probabilities: number[]}} Reading answer: null if not recognised as a digit */
/** @typedef {Record<string, Reading>} Readings by the network's name */
/** @typedef {{network: string, digit: string, yours?: string}} Subject digit: base64 of its 784 bytes; yours: a key */
/** @typedef {{gone: true}} Gone the server no longer has the visitor's network */
/** @typedef {{index: number, label: number, image: string, networks: Readings}} Sample image: base64 of 784 bytes */
/**
 * @typedef {object} Training
 * @property {() => Promise<any>} prepare
 * @property {(wanted: object) => Promise<any>} begin
 * @property {(which: object) => Promise<any>} follow
 * @property {(which: {key: string}) => Promise<any>} stop
 * @property {(which: {key: string}) => Promise<any>} forget
 * @property {() => Promise<any>} wall
 */
/**
 * Each method rejects with an EngineError when no answer comes, or when `signal` aborts the question.
 * @typedef {object} Engine
 * @property {(type: "change", listener: () => void) => void} addEventListener "change": other networks answer, or elsewhere
 * @property {() => "server" | "browser"} place where digits are read now
 * @property {(key: string) => void} keep the visitor's own network at hand, by its key, in case the server goes away
 * @property {(digits: Uint8Array[], yours?: string, signal?: AbortSignal) => Promise<{readings: Readings[], gone?: boolean}>} read up to 64
 *   digits, 784 bytes each, by every network, and by the visitor's own if its key is given
 * @property {(about: Subject, signal?: AbortSignal) => Promise<any>} trace every layer's values
 * @property {(about: Subject, signal?: AbortSignal) => Promise<any>} kernels the weights of the convolutions
 * @property {(about: Subject & {step: number, cell: number[]}, signal?: AbortSignal) => Promise<any>} work how one value was computed
 * @property {(about: Subject & {answer: number, rival: number}, signal?: AbortSignal) => Promise<any>} why
 * @property {(about: Subject) => Promise<any>} neighbours the most similar training digits
 * @property {() => Promise<any>} prepareNeighbours
 * @property {(wanted: {digit: number | null, hard: boolean}) => Promise<Sample[]>} samples
 * @property {() => Promise<any>} report
 * @property {(wanted: object) => Promise<any>} reportDigits
 * @property {(picture: string) => Promise<{ink: string | null}>} inkOfPhoto picture: base64 of a file
 * @property {Training} train
 */

/** Why there is no answer. `code`: "offline", "static" (it needs Python, and there is no server), "busy" (ask again after `retryAfter` ms), or the server's own. */
export class EngineError extends Error {
  /**
   * @param {string} code
   * @param {{retryAfter?: number, field?: string, limit?: number | string}} [details]
   */
  constructor(code, details = {}) {
    super(code);
    this.code = code;
    this.retryAfter = details.retryAfter;
    this.field = details.field;
    this.limit = details.limit;
  }
}

export const TROUBLES = ["busy", "offline"]; // codes after which another try, or another engine, may answer
export const RETRY = 1000; // ms between two tries if the engine cannot be reached
