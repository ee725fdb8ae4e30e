// The confusion matrix, whose cells are buttons, and the digits that a click, a tap or a key opens.

import { build } from "../../dom.js";
import { fit } from "../../texts.js";

/**
 * Return the matrix: rows are labels, columns are answers. Arrow keys move from cell to cell; `open` is called with the
 * chosen one, unless it is empty.
 * @param {import("../../settings.js").Network} network
 * @param {number[][]} counts
 * @param {Record<string, string>} texts
 * @param {(label: number, answer: number) => void} open
 */
export function matrixOf({ name, title }, counts, texts, open) {
  const most = Math.max(1, ...counts.flatMap((row, label) => row.filter((_, answer) => answer !== label)));
  const table = build("table", "matrix");
  table.setAttribute("role", "grid");
  table.setAttribute("aria-label", fit(texts.matrix, { network: title }));
  const cells = counts.map((row, label) => row.map((count, answer) => cellOf(label, answer, count)));

  /** @param {number} label @param {number} answer @param {number} count */
  function cellOf(label, answer, count) {
    const one = build("button", label === answer ? "same" : count ? "other" : "none", count || "·");
    one.type = "button";
    one.tabIndex = label || answer ? -1 : 0;
    Object.assign(one.dataset, { cell: `${name}-${label}-${answer}`, count });
    one.style.setProperty("--share", String(label === answer ? 0.3 : count / most));
    one.setAttribute("aria-label", fit(texts.cell, { label, answer, count }));
    one.title = one.getAttribute("aria-label") ?? "";
    one.setAttribute("aria-disabled", String(count === 0));
    one.addEventListener("click", () => (stand(label, answer), count && open(label, answer)));
    one.addEventListener("keydown", (event) => walk(event, label, answer));
    return one;
  }

  /** @param {number} label @param {number} answer */
  function stand(label, answer) {
    for (const one of cells.flat()) one.tabIndex = -1;
    cells[label][answer].tabIndex = 0;
    cells[label][answer].focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event @param {number} label @param {number} answer */
  function walk(event, label, answer) {
    /** @type {Record<string, number[]>} */
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -answer], End: [0, 9 - answer] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const [down, right] = steps[event.key];
    stand(Math.min(9, Math.max(0, label + down)), Math.min(9, Math.max(0, answer + right)));
  }

  const heads = counts.map((_, digit) => head(digit, "col"));
  table.append(rowOf(build("td", ""), ...heads));
  cells.forEach((row, label) => table.append(rowOf(head(label, "row"), ...row.map(inCell))));
  return table;
}

/** @param {Element[]} cells */
export function rowOf(...cells) {
  const row = build("tr", "");
  row.append(...cells);
  return row;
}

/** @param {number} digit @param {string} scope */
function head(digit, scope) {
  return Object.assign(build("th", "", digit), { scope });
}

/** @param {Element} button */
function inCell(button) {
  const cell = build("td", "");
  cell.setAttribute("role", "gridcell");
  cell.append(button);
  return cell;
}

/**
 * Show the digits behind a cell in `panel`: some at first, and more on request.
 * @param {any} panel
 * @param {(sample: any) => Element} tile
 * @param {Record<string, string>} texts
 * @param {(wanted: object) => Promise<any>} ask
 */
export function openedIn(panel, tile, texts, ask) {
  const list = panel.querySelector(".tiles");
  const more = panel.querySelector(".more");
  let wanted = /** @type {object | null} */ (null);

  async function next() {
    const mine = wanted;
    const answer = await ask({ ...mine, start: list.children.length });
    if (mine !== wanted) return;
    list.append(...answer.tiles.map(tile));
    more.hidden = list.children.length >= answer.count;
  }

  more.addEventListener("click", next);
  return (/** @type {object} */ what, /** @type {string} */ words, /** @type {Element} */ cell) => {
    wanted = what;
    document.querySelector(".matrix .open")?.classList.remove("open");
    cell.classList.add("open");
    list.replaceChildren();
    panel.querySelector("h3").textContent = words;
    [panel.hidden, more.hidden] = [false, true];
    next();
  };
}
