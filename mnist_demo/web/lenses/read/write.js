/**
 * Set an element's text, if it is another: setting the same would have the browser lay the page out anew, thirty times a
 * second.
 * @param {Element} part
 * @param {string} words
 */
export function write(part, words) {
  if (part.textContent !== words) part.textContent = words;
}
