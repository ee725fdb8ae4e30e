// Show one of the lenses beside the pad, chosen by a tab, a key or the address.

import { find } from "../dom.js";

/**
 * @param {HTMLElement} list
 * @param {string[]} names
 * @param {Record<string, string>} texts
 * @param {() => void} chosen
 * @returns {() => string} the name of the lens that is open
 */
export function lensesIn(list, names, texts, chosen) {
  const page = find(document, "#page");
  const panel = (/** @type {string | undefined} */ name) => find(document, `#${name}`);
  const tabs = names.map((name) => {
    const tab = document.createElement("button");
    Object.assign(tab, { type: "button", id: `tab-${name}`, textContent: texts[`lens_${name}`] });
    tab.dataset.lens = name;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", name);
    tab.addEventListener("click", () => open(name));
    tab.addEventListener("keydown", step);
    panel(name).dataset.panel = name;
    panel(name).setAttribute("role", "tabpanel");
    panel(name).setAttribute("aria-labelledby", tab.id);
    return tab;
  });

  /** @param {KeyboardEvent} event */
  function step(event) {
    const at = tabs.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    /** @type {Record<string, number>} */
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -at, End: -1 - at };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = /** @type {HTMLElement} */ (tabs.at((at + steps[event.key]) % tabs.length));
    next.focus();
    next.click();
  }

  const current = () => names.find((name) => location.hash === `#${name}`) ?? names[0];

  /** @param {string} name */
  function open(name) {
    if (name === current()) return; // else each click would add to the browser's history
    history.pushState(null, "", `#${name}`);
    turn();
  }

  function turn() {
    page.dataset.lens = current();
    for (const tab of tabs) {
      const isChosen = tab.dataset.lens === current();
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      panel(tab.dataset.lens).classList.toggle("open", isChosen);
    }
    chosen();
  }

  list.replaceChildren(...tabs);
  window.addEventListener("popstate", turn);
  turn();
  return current;
}
