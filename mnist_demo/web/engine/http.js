// The engine on the server: PyTorch answers over HTTP.

import { EngineError } from "./interface.js";

const BUSY = 503;
const SOONEST = 0.3; // clients ask again after this share of the named time at least, and not all at once

/** @typedef {Omit<import("./interface.js").Engine, "addEventListener" | "place" | "keep">} HttpEngine */

/**
 * @param {URL} address of the engine's folder
 * @returns {HttpEngine}
 */
export function httpEngine(address) {
  /**
   * @param {string} path
   * @param {RequestInit} request
   */
  async function post(path, request) {
    const response = await fetch(new URL(path, address), { method: "POST", ...request }).catch(() => null);
    if (!response) throw new EngineError("offline");
    if (response.ok) return response.json().catch(() => Promise.reject(new EngineError("offline")));
    const seconds = Number(response.headers.get("Retry-After"));
    if (response.status === BUSY && seconds > 0) {
      throw new EngineError("busy", { retryAfter: 1000 * seconds * (SOONEST + (1 - SOONEST) * Math.random()) });
    }
    const { code, ...details } = await response.json().catch(() => ({}));
    throw new EngineError(code ?? "offline", details);
  }

  const json = { "Content-Type": "application/json" };
  /** @param {string} name @returns {(question?: object, signal?: AbortSignal) => Promise<any>} */
  const ask = (name) => (question = {}, signal) => post(name, { headers: json, body: JSON.stringify(question), signal });

  return {
    read: (digits, yours, signal) =>
      post(yours ? `read?yours=${encodeURIComponent(yours)}` : "read", {
        headers: { "Content-Type": "application/octet-stream" },
        body: new Blob(/** @type {BlobPart[]} */ (digits)),
        signal,
      }),
    trace: ask("trace"),
    kernels: ask("kernels"),
    work: ask("work"),
    why: ask("why"),
    neighbours: ask("neighbours"),
    prepareNeighbours: ask("prepare_neighbours"),
    samples: ask("samples"),
    report: ask("report"),
    reportDigits: ask("report_digits"),
    inkOfPhoto: (picture) => ask("ink_of_photo")({ picture }),
    train: {
      prepare: ask("prepare"),
      begin: ask("begin"),
      follow: ask("follow"),
      stop: ask("stop"),
      forget: ask("forget"),
      wall: ask("wall"),
    },
  };
}
