// The words of the page, in the reader's language.

const isChinese = navigator.language.toLowerCase().startsWith("zh");
document.documentElement.lang = isChinese ? "zh" : "en";

/** @type {Record<string, string>} */
export const texts = await (await fetch(new URL(`languages/${document.documentElement.lang}.json`, import.meta.url))).json();

/**
 * Return the words with values in place of the {names} in them.
 * @param {string} words
 * @param {Record<string, string | number>} values
 */
export const fit = (words, values) => words.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/**
 * Return a number as the page writes it: so many decimals, thousands apart, a real minus sign, and no "-0.00".
 * @param {number} value
 */
export function numeral(value, decimals = 0) {
  const words = value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return words.replace(/^-(?=[0.]*$)/, "").replace("-", "−");
}

/** @param {Element} root whose elements with data-text, data-text-label and data-text-tip get their words */
export function translate(root) {
  const all = (/** @type {string} */ name) => /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(`[${name}]`));
  for (const one of all("data-text")) one.textContent = texts[one.dataset.text ?? ""];
  for (const one of all("data-text-label")) one.setAttribute("aria-label", texts[one.dataset.textLabel ?? ""]);
  for (const one of all("data-text-tip")) explainBy(one, texts[one.dataset.textTip ?? ""]);
}

/**
 * @param {HTMLElement} one
 * @param {string | undefined} tip
 */
export function explainBy(one, tip) {
  if (!tip) return one.classList.remove("term"); // a network that these words do not know
  one.dataset.tip = tip;
  one.setAttribute("aria-description", tip);
}
