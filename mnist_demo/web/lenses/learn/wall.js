// A hundred digits of the test set with a learning network's answers: bright if right, else dimmed with the answer on top.

import { build } from "../../dom.js";
import { bytes, paint } from "../../images.js";
import { fit } from "../../texts.js";

/** @param {HTMLElement} root @param {Record<string, string>} texts */
export function wallIn(root, texts) {
  const list = /** @type {HTMLElement} */ (root.querySelector("ul"));
  const title = /** @type {HTMLElement} */ (root.querySelector("h3"));
  let labels = /** @type {number[]} */ ([]);

  /** @param {{labels: number[], images: string[]}} digits */
  function hang(digits) {
    labels = digits.labels;
    list.replaceChildren(...digits.images.map((image) => {
      const canvas = Object.assign(build("canvas", ""), { width: 28, height: 28 });
      paint(canvas, bytes(image));
      const tile = build("li", "");
      tile.append(canvas, build("b", ""));
      return tile;
    }));
    show(null);
  }

  /** @param {{answers: number[], right: boolean[]} | null} wall the answers, and which are right; null before there are some */
  function show(wall) {
    [...list.children].forEach((/** @type {any} */ tile, at) => {
      const answer = wall ? String(wall.answers[at]) : "";
      if (tile.dataset.answer === answer) return;
      const isRight = wall?.right[at] ?? null;
      Object.assign(tile.dataset, { answer, right: isRight });
      tile.lastChild.textContent = isRight === false ? answer : "";
      const words = wall ? fit(texts.wall_digit, { label: labels[at], answer }) : `${texts.label} ${labels[at]}`;
      tile.title = words;
      tile.setAttribute("aria-label", words);
    });
    const right = wall ? wall.right.filter(Boolean).length : 0;
    title.textContent = wall ? fit(texts.wall_right, { count: right }) : texts.wall;
    root.dataset.right = wall ? String(right) : "";
  }

  return { hang, show, isHung: () => list.children.length > 0 };
}
