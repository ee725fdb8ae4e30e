// Says what the drawing was, where the networks misread it, or might have: ten digits, once for all networks. What is said
// stays in this browser. Does not know how it is kept, or what is learnt from it.

import { fit } from "../../texts.js";
import { write } from "./write.js";

export function correctIn(root, pad, texts) {
  const { corrections } = pad;
  const digits = [...root.querySelectorAll("[data-correct]")];
  const said = root.querySelector(".kept");
  const after = root.querySelector(".after");
  let drawn = null; // what lies upon the pad, as it would be kept; null where nothing can be said of it

  // `isRead`: whether there is a drawing of the visitor's that the networks have answered, or refused.
  function offer(isRead) {
    drawn = isRead ? pad.written() : null;
    root.dataset.offered = Boolean(drawn);
    write(root.querySelector(".idle"), isRead ? texts.correct_picture : texts.correct_idle);
    mark();
  }

  function mark() {
    const kept = drawn && corrections.all().length ? corrections.of(drawn) : null;
    for (const one of digits) one.setAttribute("aria-pressed", Number(one.dataset.correct) === kept?.label);
    after.hidden = !kept;
    write(said, kept ? fit(texts[corrections.trouble() ? "kept_briefly" : "kept_as"], { digit: kept.label }) : "");
  }

  function correct(label) {
    if (!drawn || corrections.keep({ label, ...drawn })) return;
    write(said, fit(texts.kept_full, { count: corrections.all().length }));
  }

  function undo() {
    const kept = corrections.of(drawn);
    corrections.replace(corrections.all().filter((one) => one !== kept));
    write(said, texts.kept_not);
    digits[kept.label].focus();
  }

  for (const one of digits) {
    one.setAttribute("aria-label", `${texts.it_was} ${one.dataset.correct}`);
    one.addEventListener("click", () => correct(Number(one.dataset.correct)));
  }
  root.querySelector(".undo").addEventListener("click", undo);
  root.querySelector(".teach").addEventListener("click", () => {
    document.querySelector("#tab-learn").click();
    document.querySelector(".hand").scrollIntoView({ block: "nearest" });
  });
  corrections.addEventListener("change", mark);

  return offer;
}
