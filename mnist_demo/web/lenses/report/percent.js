import { numeral } from "../../texts.js";

export const percent = (/** @type {number} */ share) => numeral(100 * share, 2);
