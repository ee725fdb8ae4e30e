// The user's corrected digits: show, delete, export and import them.

import { build, isFramed } from "../../dom.js";
import { fit, fitPlural, numeral } from "../../texts.js";
import { draw } from "../axes.js";

/** @typedef {{label: number, strokes: number[][][], brushes?: number[][]}} Correction */
/** @typedef {{before: Correction[], after: Correction[]}} Deletion */

const MAX_FILE_BYTES = 4_000_000; // bytes, more than which hold more than is kept

/** @param {HTMLElement} root @param {typeof import("../../pad/pad.js").pad} pad @param {Record<string, string>} texts */
export function handIn(root, pad, texts) {
  const { corrections } = pad;
  /** @param {string} selector @returns {any} */
  const find = (selector) => root.querySelector(selector);
  const told = find(".told");
  const undelete = find(".undelete");
  const exported = find(".exported");
  let deletion = /** @type {Deletion | null} */ (null); // the last one, which can be undone: what was saved before and after it

  /** Return a picture of the strokes in their own size; an eraser's have the paper's colour. @param {Correction} one */
  function pictureOf({ strokes, brushes }) {
    const points = strokes.flat();
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    const [left, top] = [xs, ys].map((all) => all.reduce((least, one) => Math.min(least, one)));
    const [width, height] = /** @type {[number[], number][]} */ ([[xs, left], [ys, top]]).map(([all, least]) => all.reduce((most, one) => Math.max(most, one)) - least);
    const pen = Math.max(width, height, 1) * 0.1; // if its width is unknown
    const side = Math.max(width, height) + 2 * pen + (brushes ? brushes[0][0] : 0);
    const lines = strokes.map((stroke, at) => {
      const [breadth, erase] = brushes?.[at] ?? [pen, 0];
      const style = { class: erase ? "erased" : "drawn", "stroke-width": breadth, points: /** @type {number[][]} */ ([...stroke, stroke.at(-1)]).map((point) => point.join(",")).join(" ") };
      return draw("polyline", style);
    });
    const box = [left + (width - side) / 2, top + (height - side) / 2, side, side];
    return draw("svg", { viewBox: box.join(" "), "aria-hidden": true }, ...lines);
  }

  /** @param {Correction} one */
  function tileOf(one) {
    const button = build("button", "");
    button.type = "button";
    button.append(pictureOf(one), build("b", "", one.label), build("span", "cross", "×"));
    button.title = fit(texts.keep_delete, { digit: one.label });
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => remove(one));
    const tile = build("li", "");
    tile.dataset.correction = String(one.label);
    tile.append(button);
    return tile;
  }

  /** @param {Correction} one */
  function remove(one) {
    const at = corrections.all().indexOf(one);
    replace(corrections.all().filter((other) => other !== one), fit(texts.keep_deleted, { digit: one.label }));
    const tiles = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-correction] button"));
    (tiles[Math.min(at, tiles.length - 1)] ?? undelete).focus();
  }

  /** @param {Correction[]} newer @param {string} words */
  function replace(newer, words) {
    const before = corrections.all();
    corrections.replace(newer);
    tell(words, { before, after: newer });
  }

  /** @param {string} words @param {Deletion | null} undoable */
  function tell(words, undoable = null) {
    deletion = undoable;
    told.textContent = words;
    undelete.hidden = !deletion;
    exported.hidden = true;
  }

  // Restore the deleted digits, beside those that this or another tab saved since.
  function undo() {
    const { before, after } = /** @type {Deletion} */ (deletion);
    const isBack = corrections.restore(before, after);
    tell(isBack ? "" : fit(texts.kept_full, { count: corrections.all().length }), isBack ? null : deletion);
    if (isBack) find("[data-correction] button").focus();
  }

  function show() {
    const all = corrections.all();
    find(".corrections").replaceChildren(...all.map(tileOf).reverse()); // the newest first
    const trouble = corrections.trouble();
    const words = all.length ? fitPlural("hand_kept", all.length) : texts.hand_none;
    find(".about").textContent = trouble ? `${words} ${texts[`kept_${trouble}`]}` : words;
    for (const name of ["export", "clear"]) find(`[data-keep=${name}]`).disabled = !all.length;
  }

  function save() {
    const link = build("a", "");
    link.href = URL.createObjectURL(new Blob([corrections.file()], { type: "application/jsonl" }));
    link.download = "my-digits.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    if (!isFramed()) return tell(fit(texts.keep_exported, { count: corrections.all().length }));
    tell(texts.keep_framed);
    exported.hidden = false;
    exported.value = corrections.file();
    exported.select();
  }

  /** @param {File} file */
  async function load(file) {
    const taken = /** @type {any} */ (file.size > MAX_FILE_BYTES ? { isFull: true } : corrections.take(await file.text()));
    if (taken.line) tell(fit(texts.keep_damaged, { line: taken.line, furthest: numeral(corrections.furthest), file: file.name }));
    else if (taken.isFull) tell(fit(texts.keep_full, { most: corrections.most }));
    else tell(fit(texts.keep_taken, { added: taken.added, known: taken.known }));
  }

  const input = find(".brought");
  find("[data-keep=export]").addEventListener("click", save);
  find("[data-keep=import]").addEventListener("click", () => input.click());
  find("[data-keep=clear]").addEventListener("click", () => {
    replace([], fit(texts.keep_cleared, { count: corrections.all().length }));
    undelete.focus();
  });
  input.addEventListener("change", () => (input.files.length && load(input.files[0]), (input.value = "")));
  undelete.addEventListener("click", undo);
  corrections.addEventListener("change", show);
  show();
}
