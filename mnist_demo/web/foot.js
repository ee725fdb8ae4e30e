// The page's header and footer: their texts, and the choice of a language.

import { appears, find, findAll } from "./dom.js";
import { choose, language, texts, translate } from "./texts.js";

for (const part of ["#head", "#foot"]) {
  await appears(`${part} [data-text]`);
  translate(find(document, part));
}
document.title = `${texts.title} · mnist-demo`;

for (const button of findAll(document, "#foot [data-language]")) {
  button.setAttribute("aria-current", String(button.dataset.language === language));
  button.addEventListener("click", () => choose(button.dataset.language ?? ""));
}
