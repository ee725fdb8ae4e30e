/**
 * Set an element's text if it differs: setting the same text would make the browser lay out the page, thirty times a
 * second.
 * @param {Element} part
 * @param {string} words
 */
export function write(part, words) {
  if (part.textContent !== words) part.textContent = words;
}
