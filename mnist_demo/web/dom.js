// DOM helpers for every part of the page.

/** @param {number} ms */
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {string | number} words
 */
export const build = (tag, className, words = "") =>
  Object.assign(document.createElement(tag), { className, textContent: String(words) });

/**
 * Return the element below `root`. Throws if there is none.
 * @template {HTMLElement} T the type that the caller expects
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {T}
 */
export function find(root, selector) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`The page has no ${selector}`);
  return /** @type {T} */ (found);
}

/**
 * @template {HTMLElement} T the type that the caller expects
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {T[]}
 */
export const findAll = (root, selector) => [.../** @type {NodeListOf<T>} */ (root.querySelectorAll(selector))];

/**
 * Return the element as soon as the page has it: Gradio mounts the parts of a page in any order.
 * @param {string} selector
 * @returns {Promise<HTMLElement>}
 */
export function appears(selector) {
  return new Promise((resolve) => {
    const look = () => {
      const found = document.querySelector(selector);
      if (!found) return;
      observer.disconnect();
      resolve(/** @type {HTMLElement} */ (found));
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true });
    look();
  });
}

/**
 * Turn `buttons` into a group of radio buttons: a click chooses one, arrow keys its neighbour, and Tab goes to the chosen
 * one. Hidden buttons are skipped.
 * @param {HTMLElement[]} buttons
 * @param {(button: HTMLElement) => void} chosen
 */
export function radios(buttons, chosen) {
  const mark = (/** @type {HTMLElement} */ which) => {
    for (const one of buttons) {
      one.setAttribute("aria-checked", String(one === which));
      one.tabIndex = one === which ? 0 : -1;
    }
  };
  /** @type {Record<string, number>} */
  const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      mark(button);
      chosen(button);
    });
    button.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      const shown = buttons.filter((one) => !one.hidden);
      const next = /** @type {HTMLElement} */ (shown.at((shown.indexOf(button) + step) % shown.length));
      next.focus();
      next.click();
    });
  }
  mark(buttons[0]);
}

/** Return if the page is in a frame, which may block downloads without an error. */
export const isFramed = () => window.top !== window;
