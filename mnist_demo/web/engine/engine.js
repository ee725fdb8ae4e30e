// The engine that this page asks.

import { settings } from "../settings.js";
import { fallbackEngine } from "./fallback.js";
import { httpEngine } from "./http.js";
import { localEngine } from "./local.js";
import { siteEngine } from "./site.js";

export { asking } from "./asking.js";
export { EngineError, RETRY, TROUBLES } from "./interface.js";

const web = new URL("../", import.meta.url);
const local = localEngine(settings.networks.map(({ name, weights }) => ({ name, address: new URL(weights, web).href })));

/** @type {import("./interface.js").Engine} */
export const engine = settings.isStatic
  ? siteEngine(new URL("site/", web), local)
  : fallbackEngine(httpEngine(new URL("../engine/", web)), local, (key) => new URL(`../yours/${key}.safetensors`, web));
