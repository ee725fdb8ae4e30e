// The page's settings: its networks, its lenses, and what users may train.

/** @typedef {{name: string, title: string, parameters: number, convolutions: number, hidden: number, accuracy: number, weights: string}} Network
 * parameters: how many; convolutions: layers; hidden: units; accuracy: on the test set, per cent; weights: a file */
/**
 * @typedef {object} Settings
 * @property {Network[]} networks in the order in which the page shows them
 * @property {string[]} lenses
 * @property {boolean} isTrainingOn
 * @property {boolean} isStatic there is no server: what needs Python is refused
 * @property {string[]} [nearest] the networks whose neighbours can be found without Python
 * @property {{points: number, furthest: number, side: number}} correction limits of a corrected digit
 * @property {Record<"strokes" | "ink", import("./pad/lattice.js").Weights>} numbers by what the pieces are
 * @property {Record<string, [number, number]>} limits of a training's values
 * @property {Record<string, Record<string, Record<string, number | null>>>} recipes by network and recipe: default values
 */

/** @type {Settings} */
export const settings = await (await fetch(new URL("settings.json", import.meta.url))).json();

/** Return a network's title, or its name if the page does not have it. @param {string} name */
export const titleOf = (name) => settings.networks.find((one) => one.name === name)?.title ?? name;
