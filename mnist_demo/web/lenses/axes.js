// Charts: axes, lines, and a table of the same numbers.

import { build } from "../dom.js";
import { language } from "../texts.js";

export const [WIDTH, HEIGHT] = [340, 220];
export const [LEFT, RIGHT, TOP, BOTTOM] = [46, 12, 10, 38]; // margins of the picture

const SVG = /** @type {Element} */ (Object.assign(document.createElement("div"), { innerHTML: "<svg></svg>" }).firstChild).namespaceURI; // names no host

/**
 * @param {string} tag
 * @param {Record<string, string | number | boolean>} attributes
 * @param {(Node | string | number)[]} children
 */
export function draw(tag, attributes = {}, ...children) {
  const one = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, String(value));
  one.append(.../** @type {(Node | string)[]} */ (children));
  return one;
}

/**
 * From `low` to `high`, with ticks labelled by `say`; `isLog` for a logarithmic axis.
 * @typedef {{low: number, high: number, isLog?: boolean, ticks: number[], say: (tick: number) => string, title: string}} Axis
 */
/** @typedef {(value: number) => number} Scale from a value to its position in the picture */

/** @param {Axis} axis @param {number} from @param {number} to @returns {Scale} */
const along = ({ low, high, isLog }, from, to) => {
  const bend = isLog ? Math.log : (/** @type {number} */ value) => value;
  return (value) => from + ((bend(value) - bend(low)) / (bend(high) - bend(low))) * (to - from);
};

/** @param {string} label @param {Axis} x @param {Axis} y */
export function chart(label, x, y, height = HEIGHT) {
  const floor = height - BOTTOM;
  const [across, up] = [along(x, LEFT, WIDTH - RIGHT), along(y, floor, TOP)];
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label, class: "chart" });
  for (const tick of y.ticks) {
    picture.append(draw("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(tick), y2: up(tick) }));
    picture.append(draw("text", { x: LEFT - 5, y: up(tick) + 3.5, "text-anchor": "end" }, y.say(tick)));
  }
  for (const tick of x.ticks) picture.append(draw("text", { x: across(tick), y: floor + 14, "text-anchor": "middle" }, x.say(tick)));
  picture.append(draw("text", { class: "title", x: (LEFT + WIDTH - RIGHT) / 2, y: height - 6, "text-anchor": "middle" }, x.title));
  picture.append(draw("text", { class: "title", x: 10, y: (TOP + floor) / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${(TOP + floor) / 2})` }, y.title));
  return { picture, across, up, floor };
}

/** @param {{across: Scale, up: Scale}} plot @param {number[][]} points @param {string} className */
export function path({ across, up }, points, className) {
  const places = points.map(([x, y]) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`);
  return draw("polyline", { class: className, points: places.join(" ") });
}

/** Return ticks at whole multiples of a step that gives about `count` of them. @type {(low: number, high: number, count: number) => number[]} */
export function ticksWithin(low, high, count) {
  const rough = (high - low) / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = /** @type {number} */ ([1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough));
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, at) => (first + at) * step);
}

/**
 * Return ticks of a logarithmic axis between any two numbers above 0: some of each power of ten, or one every few powers.
 * There are from 3 to `most` of them, if there are as many round numbers between the ends.
 * @param {number} low
 * @param {number} high
 */
export function ticksOfLog(low, high, most = 8) {
  const [first, last] = [low, high].map((end) => Math.floor(Math.log10(end)));
  const powers = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  const ticks = (/** @type {number[]} */ factors, every = 1) =>
    powers
      .filter((power) => power % every === 0)
      .flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)))
      .filter((tick) => tick > low && tick < high);
  const fine = [[1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9], [1]].map((factors) => ticks(factors));
  return fine.find(({ length }) => length >= 3 && length <= most) ?? ticks([1], Math.ceil(powers.length / most));
}

/** Return the label of such a tick, short enough for its place: 0.003, 1,000, 1E6. @param {number} tick */
export function sayTick(tick) {
  const notation = tick < 1e4 && tick >= 1e-3 ? "standard" : "scientific";
  return tick.toLocaleString(language, { notation, maximumSignificantDigits: 2 }).replace("-", "−");
}

/**
 * Return a table of the same numbers, folded away.
 * @param {(string | number)[]} header
 * @param {(string | number)[][]} rows
 * @param {Record<string, string>} texts
 */
export function asTable(header, rows, texts) {
  const row = (/** @type {"th" | "td"} */ tag, /** @type {(string | number)[]} */ cells) => {
    const one = build("tr", "");
    one.append(...cells.map((cell) => build(tag, "", cell)));
    return one;
  };
  const table = build("table", "numbers");
  table.append(row("th", header), ...rows.map((cells) => row("td", cells)));
  const details = build("details", "");
  details.append(build("summary", "", texts.as_table), table);
  return details;
}
