// Corrections: ten buttons, one set for all networks, to say which digit was drawn. They stay in this browser.

import { find, findAll } from "../../dom.js";
import { fit } from "../../texts.js";
import { write } from "./write.js";

/** @typedef {import("../../pad/corrections.js").Drawn} Drawn */
/** @typedef {import("../../pad/corrections.js").Correction} Correction */

/** @param {HTMLElement} root @param {import("../../pad/pad.js").Pad} pad @param {Record<string, string>} texts */
export function correctIn(root, pad, texts) {
  const { corrections } = pad;
  const digits = findAll(root, "[data-correct]");
  const said = find(root, ".kept");
  const after = find(root, ".after");
  /** @type {Drawn | null} */
  let drawn = null; // the drawing on the pad, as it would be saved; null if it cannot be corrected

  /** @param {boolean} isRead if there is a drawing of the user's that the networks have read or rejected */
  function offer(isRead) {
    drawn = isRead ? pad.written() : null;
    root.dataset.offered = String(Boolean(drawn));
    write(find(root, ".idle"), isRead ? texts.correct_picture : texts.correct_idle);
    mark();
  }

  function mark() {
    const kept = drawn && corrections.all().length ? corrections.of(drawn) : null;
    for (const one of digits) one.setAttribute("aria-pressed", String(Number(one.dataset.correct) === kept?.label));
    after.hidden = !kept;
    write(said, kept ? fit(texts[corrections.trouble() ? "kept_briefly" : "kept_as"], { digit: kept.label }) : "");
  }

  /** @param {number} label */
  function correct(label) {
    if (!drawn || corrections.keep({ label, ...drawn })) return;
    write(said, fit(texts.kept_full, { count: corrections.all().length }));
  }

  function undo() {
    const kept = /** @type {Correction} */ (corrections.of(/** @type {Drawn} */ (drawn)));
    corrections.replace(corrections.all().filter((one) => one !== kept));
    write(said, texts.kept_not);
    digits[kept.label].focus();
  }

  for (const one of digits) {
    one.setAttribute("aria-label", `${texts.it_was} ${one.dataset.correct}`);
    one.addEventListener("click", () => correct(Number(one.dataset.correct)));
  }
  find(root, ".undo").addEventListener("click", undo);
  find(root, ".teach").addEventListener("click", () => {
    find(document, "#tab-learn").click();
    find(document, ".hand").scrollIntoView({ block: "nearest" });
  });
  corrections.addEventListener("change", mark);

  return offer;
}
