// Tiles: a small picture of a sample, its label, and each network's answer, if the sample has one.

import { build, find } from "../dom.js";
import { bytes, paint } from "../images.js";

/** @typedef {import("../engine/interface.js").Sample} Sample */
/** @typedef {{name: string, title: string}} Named a network */

/**
 * @param {Named[]} networks
 * @param {Record<string, string>} texts
 * @param {(button: HTMLElement, sample: Sample) => void} choose
 */
export function tilesOf(networks, texts, choose) {
  const known = (/** @type {Sample} */ sample) => networks.filter(({ name }) => sample.networks[name]);

  /** @param {Named} network @param {Sample} sample */
  function verdict({ name }, sample) {
    const { answer } = sample.networks[name];
    const one = document.createElement("span");
    one.className = `mark ${name} ${answer === sample.label ? "right" : "wrong"}`;
    one.textContent = answer === sample.label ? "✓" : String(answer ?? "?");
    return one;
  }

  /** @param {Sample} sample */
  function describe(sample) {
    const said = known(sample).map(({ name, title }) => {
      const { answer } = sample.networks[name];
      return answer === null ? `${title}: ${texts.nothing_known}` : `${title} ${texts.reads_as} ${answer}`;
    });
    return `${texts.label} ${sample.label}. ${said.join(". ")}`;
  }

  /** @param {HTMLElement} button @param {Sample} sample */
  function tell(button, sample) {
    const label = build("span", "label", sample.label);
    find(button, ".under").replaceChildren(label, ...known(sample).map((network) => verdict(network, sample)));
    button.setAttribute("aria-label", describe(sample));
    button.title = describe(sample);
  }

  /** @param {Sample} sample */
  function tile(sample) {
    const button = document.createElement("button");
    button.type = "button";
    Object.assign(button.dataset, { label: sample.label, index: sample.index });
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 28;
    paint(canvas, bytes(sample.image));
    button.append(canvas, build("span", "under"));
    tell(button, sample);
    button.addEventListener("click", () => choose(button, sample));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  return Object.assign(tile, { tell });
}
