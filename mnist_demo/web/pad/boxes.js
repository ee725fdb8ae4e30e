// Thin boxes on the pad, around the digits of a number.

import { SIDE } from "./strokes.js";

const MARGIN = 2; // pixels of the pad, around a digit's ink

/**
 * @param {HTMLElement} layer over the paper
 * @returns {(boxes: import("./segmentation.js").Box[], chosen: number) => void}
 */
export function boxesOn(layer) {
  return (boxes, chosen) => {
    while (layer.children.length > boxes.length) layer.lastElementChild?.remove();
    while (layer.children.length < boxes.length) layer.append(document.createElement("span"));
    boxes.forEach(({ left, top, right, bottom }, at) => {
      const box = /** @type {HTMLElement} */ (layer.children[at]);
      const [x, y] = [Math.max(left - MARGIN, 1), Math.max(top - MARGIN, 1)];
      place(box, { left: x, top: y, width: Math.min(right + MARGIN, SIDE - 1) - x, height: Math.min(bottom + MARGIN, SIDE - 1) - y });
      box.classList.toggle("chosen", at === chosen);
    });
  };
}

/** @param {HTMLElement} box @param {Record<string, number>} sides in the pad's pixels */
function place(box, sides) {
  for (const [side, pixels] of Object.entries(sides)) box.style.setProperty(side, `${(100 * pixels) / SIDE}%`);
}
