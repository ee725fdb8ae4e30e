// The engine that this page asks.

import { httpEngine } from "./http.js";

export { EngineError, insist, orNull } from "./interface.js";

/** @type {import("./interface.js").Engine} */
export const engine = httpEngine(new URL("../../engine/", import.meta.url));
