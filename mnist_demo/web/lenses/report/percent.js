export const percent = (/** @type {number} */ share) => (100 * share).toFixed(2);
