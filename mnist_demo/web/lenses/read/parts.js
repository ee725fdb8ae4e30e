// The digits of a number as buttons in a verdict; one is selected.

import { findAll } from "../../dom.js";
import { fit, texts } from "../../texts.js";
import { write } from "./write.js";

/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

/**
 * Show a number. The buttons stay as long as there are as many digits, so that they keep the focus.
 * @param {HTMLElement} element
 * @param {{groups: number[], answers: number[], current: number}} number current: which digit is looked at, -1 if none
 * @param {(group: number) => void} choose
 */
export function showParts(element, { groups, answers, current }, choose) {
  element.style.setProperty("--length", String(answers.length));
  if (findAll(element, "[data-part]").length !== answers.length) element.replaceChildren(...answers.map((_, at) => buttonOf(at)));
  findAll(element, "[data-part]").forEach((button, at) => {
    write(button, String(answers[at]));
    button.setAttribute("aria-label", fit(texts.part, { place: at + 1, answer: answers[at] }));
    button.dataset.partAnswer = String(answers[at]);
    button.onclick = () => choose(groups[at]);
    button.tabIndex = at === Math.max(current, 0) ? 0 : -1;
    if (at === current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
}

/** @param {number} at */
function buttonOf(at) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.part = String(at);
  return button;
}

/**
 * Choose the digit before or after the one that is looked at, by arrow keys: on a digit, or if nothing has the focus.
 * @param {HTMLElement} element that holds all verdicts
 */
export function arrowsIn(element) {
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const target = /** @type {HTMLElement} */ (event.target);
    const isOnDigit = element.contains(target) && target.matches("[data-part]");
    if (!step || event.ctrlKey || event.metaKey || event.altKey || !(isOnDigit || target === document.body)) return;
    const current = isOnDigit ? target : element.querySelector("[data-part][aria-current]");
    const next = /** @type {HTMLElement | null | undefined} */ (current?.parentElement?.querySelector(`[data-part="${Number(/** @type {HTMLElement} */ (current).dataset.part) + step}"]`));
    if (!next) return;
    event.preventDefault();
    next.click();
    if (isOnDigit) next.focus();
  });
}
