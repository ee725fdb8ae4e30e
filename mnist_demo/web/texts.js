// The texts and numbers of the page in the reader's language: the one chosen on this page, else the browser's. Each file in
// languages/ is a language; the page's head lists them.

const CHOSEN = "mnist-demo.language"; // key in the browser's storage
const OTHERWISE = "en";
const MAX_DECIMALS = 6; // of a number in a text

const { lang, words } = await loaded(wanted());

/** The code of the page's language. */
export const language = lang;
/** @type {Record<string, string>} */
export const texts = words;
document.documentElement.lang = language;

function wanted() {
  /** @type {HTMLMetaElement | null} */
  const list = document.querySelector("meta[name=languages]");
  const offered = list?.content.split(" ");
  const codes = [chosen(), ...navigator.languages].map((code) => code.split("-")[0].toLowerCase());
  return codes.find((code) => (offered ? offered.includes(code) : code)) ?? OTHERWISE;
}

/** @param {string} code @returns {Promise<{lang: string, words: Record<string, string>}>} */
async function loaded(code) {
  const response = await fetch(new URL(`languages/${code}.json`, import.meta.url));
  if (!response.ok && code !== OTHERWISE) return loaded(OTHERWISE);
  return { lang: code, words: await response.json() };
}

function chosen() {
  try {
    return localStorage.getItem(CHOSEN) ?? "";
  } catch {
    return ""; // a browser may forbid it
  }
}

/** Show the page in another language, now and later. @param {string} code */
export function choose(code) {
  try {
    localStorage.setItem(CHOSEN, code);
  } catch {
    return;
  }
  location.reload(); // keeps the drawing
}

/**
 * Return the text with values in place of its {names}.
 * @param {string} words
 * @param {Record<string, string | number>} values
 */
export const fit = (words, values) => words.replace(/\{(\w+)\}/g, (whole, name) => written(values[name] ?? whole));

const written = (/** @type {string | number} */ value) => (typeof value === "number" ? rounded(value, MAX_DECIMALS) : value);

const plurals = new Intl.PluralRules(language);

/**
 * Return the text for a number, with {count} in it: a language has one for each of its plurals, as "key.one", "key.other".
 * @param {string} key
 * @param {number} count
 * @param {Record<string, string | number>} [values]
 */
export const fitPlural = (key, count, values) => fit(texts[`${key}.${plurals.select(count)}`] ?? texts[`${key}.other`], { count, ...values });

const formats = /** @type {Map<string, Intl.NumberFormat>} */ (new Map()); // creating one takes longer than using it

/** Format a number without "-0" and with a real minus sign. @type {(value: number, least: number, most: number) => string} */
function formatted(value, least, most) {
  const key = `${least} ${most}`;
  const format = formats.get(key) ?? new Intl.NumberFormat(language, { minimumFractionDigits: least, maximumFractionDigits: most, signDisplay: "negative" });
  formats.set(key, format);
  return format.format(value).replace("-", "−");
}

/** Return a number with so many decimals. @param {number} value */
export const numeral = (value, decimals = 0) => formatted(value, decimals, decimals);

/** Return a number with so many decimals at most. @param {number} value @param {number} decimals */
export const rounded = (value, decimals) => formatted(value, 0, decimals);

/** @param {Element} root whose elements with data-text, data-text-label, data-text-tip and data-number get their words */
export function translate(root) {
  const all = (/** @type {string} */ name) => /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(`[${name}]`));
  for (const one of all("data-text")) one.textContent = texts[one.dataset.text ?? ""];
  for (const one of all("data-text-label")) one.setAttribute("aria-label", texts[one.dataset.textLabel ?? ""]);
  for (const one of all("data-text-tip")) explainBy(one, texts[one.dataset.textTip ?? ""]);
  for (const one of all("data-number")) one.textContent = numeral(Number(one.dataset.number), Number(one.dataset.decimals ?? 0));
}

/**
 * @param {HTMLElement} one
 * @param {string} tip
 */
export function explainBy(one, tip) {
  one.dataset.tip = tip;
  one.setAttribute("aria-description", tip);
}
