// The engine that this page asks.

import { httpEngine } from "./http.js";

export { asking } from "./asking.js";
export { EngineError, RETRY } from "./interface.js";

/** @type {import("./interface.js").Engine} */
export const engine = httpEngine(new URL("../../engine/", import.meta.url));
