// The lens "Inside". While it is open, it requests the layers for the drawing or sample on the pad at every change, one
// request at a time. It requests the evidence and the neighbours when the pen is idle.

import { appears, build, radios, wait } from "../../dom.js";
import { asking, engine, EngineError, RETRY } from "../../engine/engine.js";
import { base64, bytes, contextOf } from "../../images.js";
import { pad } from "../../pad/pad.js";
import { settings, titleOf } from "../../settings.js";
import { fit, numeral, texts, translate } from "../../texts.js";
import { derived, fill, largestOf, layersIn } from "./layers.js";
import { sayWork } from "./work.js";

/** @typedef {import("../../pad/preprocess.js").Sketch} Sketch */
/** @typedef {import("../../pad/segmentation.js").Box} Box */
/** @typedef {import("./layers.js").Step} Step */
/** @typedef {import("./layers.js").Cell} Cell */

const AFTER = 3000; // ms after the page is loaded, when the server starts to prepare the training digits
const AGAIN = 1000; // ms between two checks if they are ready
const SMALL = 168; // pixels a side of the picture of the ink and its box

const element = await appears("#within");
const { answerOf } = asking(element);
/** @param {string} selector @returns {any} */
const find = (selector) => element.querySelector(selector);

let network = settings.networks[0].name;
let kernels = /** @type {Record<string, import("./layers.js").Kernels[]>} */ ({}); // of each network
/** @type {any} */
let steps = null; // Step[]: those shown
let rival = /** @type {number | null} */ (null); // the digit to compare the answer with
let version = 0; // increases with every change that makes the shown steps old
let isResting = true;
let cell = /** @type {[number, Cell] | null} */ (null); // the step and cell that is explained

const layers = layersIn(find(".steps"), texts, (step, chosen) => ((cell = [step, chosen]), explain()));
const isOpen = () => pad.lens() === "inside";
const title = () => (isOwn() ? texts.yours : titleOf(network));
const isOwn = () => network === "yours"; // it learns, may be dropped, and has no neighbours
const hasNeighbours = () => !isOwn() && (settings.nearest?.includes(network) ?? true);

/** Return the Subject of a request, or null if there is too little ink. @returns {any} */
function subject() {
  const which = isOwn() ? { network, yours: pad.yours()?.key ?? "" } : { network };
  const digit = pad.sample()?.image ?? encoded(pad.sketch());
  return digit && { ...which, digit };
}

const encoded = (/** @type {Sketch | null} */ sketch) => sketch && base64(sketch.digit);

/**
 * Return a function that requests `question` for the newest subject, one request at a time, until the server answers.
 * `then` gets the answer, and if its subject is still the current one; `missed` is called for each failure.
 * @param {(about: import("../../engine/interface.js").Subject) => Promise<any>} question
 * @param {(answer: any, isCurrent: boolean) => unknown} then
 */
function newest(question, then, missed = () => {}) {
  let isAsking = false;
  let isWanted = false;
  return async function ask() {
    isWanted = true;
    while (isWanted && !isAsking && isOpen()) {
      [isAsking, isWanted] = [true, false];
      const mine = version;
      const about = subject();
      const answer = about && (await question(about));
      isAsking = false;
      if (answer?.gone) {
        if (about.yours === pad.yours()?.key) pad.own(null, true);
        continue;
      }
      if (answer || about === null) {
        then(answer, mine === version);
        continue;
      }
      missed();
      await wait(RETRY);
      isWanted = true;
    }
  };
}

const look = newest(
  async (about) => {
    if (!kernels[about.network]) {
      const answer = await answerOf(engine.kernels(about));
      if (!answer || answer.gone) return answer;
      kernels[about.network] = answer.map((/** @type {any} */ one) => one && { ...one, values: derived(one) });
    }
    const sketch = pad.sample() ? null : pad.sketch();
    const partBox = pad.partBox();
    const answer = await answerOf(engine.trace(about));
    return answer && { ...answer, sketch, partBox };
  },
  (answer) => show(answer),
  () => element.dataset.trouble === "offline" && blank(texts.slow_short),
);
const explain = newest(
  async (about) => {
    const [step, chosen] = cell ?? [0, [0, 14, 14]];
    const work = await answerOf(engine.work({ ...about, step, cell: chosen }));
    return work && { step, chosen, work, gone: work.gone };
  },
  (answer) => answer && steps && answer.step === cell?.[0] && tellWork(answer),
);
const reason = newest(
  async (about) => {
    if (!steps) return null; // the server has not answered `look` since it was unreachable
    const pair = { answer: best(), rival: /** @type {number} */ (rival) };
    const why = await answerOf(engine.why({ ...about, ...pair }));
    return why && { ...pair, why, gone: why.gone };
  },
  (answer, isCurrent) => answer && isCurrent && steps && because(answer),
);
const compare = newest(
  (about) => engine.neighbours(about).catch(withoutNeighbours),
  (answer, isCurrent) => answer && isCurrent && steps && alike(answer),
);

/** @type {any} */
let probabilities = null; // number[], of the shown subject
let isRejected = false; // if the shown subject is not recognised as a digit
/** @type {() => number} */
const best = () => probabilities.indexOf(Math.max(...probabilities));

function changed() {
  version += 1;
  if (!isOpen()) return steps && blank(""); // so that it never opens with an older drawing
  find(".reason").hidden = true;
  find(".gone").textContent = "";
  look();
}

/** @param {any} answer */
function show(answer) {
  if (!answer?.steps) return blank(pad.isBlank() ? texts.inside_blank : texts.too_little);
  element.dataset.blank = "false";
  ({ steps, probabilities } = answer);
  isRejected = answer.answer === null;
  layers.show(steps, kernels[network]);
  becoming(answer);
  say(answer);
  offer();
  if (cell && steps[cell[0]]) explain();
  if (isResting) rest();
}

/** @param {string} words */
function blank(words) {
  element.dataset.blank = "true";
  steps = probabilities = null;
  find(".saying").textContent = words;
  find("[data-work]").hidden = true;
  alike({ neighbours: [] });
}

/** @param {any} answer */
function say({ temperature }) {
  const words = isRejected ? texts.inside_unsure : texts.inside_says;
  const percent = numeral(100 * probabilities[best()], 1);
  find(".saying").textContent = fit(words, { network: title(), answer: best(), percent });
  const alone = steps.at(-1).numbers;
  const one = alone.indexOf(Math.max(...alone));
  find(".honest").textContent = fit(texts.honest, { temperature }) + (one === best() ? "" : ` ${fit(texts.differs, { answer: one })}`) + (engine.place() === "browser" ? ` ${texts.honest_browser}` : "");
}

/** Show four pictures of the steps from ink to digit. @param {{sketch: Sketch | null, partBox?: Box}} shown */
function becoming({ sketch, partBox }) {
  const digit = steps[0];
  /** @type {[string, HTMLCanvasElement][]} */
  const stages = sketch ? stagesOf(sketch, digit, partBox) : [[texts.stage_sample, small(bytes(digit.bytes), 28)]];
  find(".stages").replaceChildren(...stages.map(([words, picture]) => {
    const figure = build("figure", "stage");
    picture.setAttribute("aria-hidden", "true"); // its caption says it
    figure.append(picture, build("figcaption", "", words));
    return figure;
  }));
}

/** @param {Sketch} sketch @param {Step} digit @param {Box} [partBox] @returns {[string, HTMLCanvasElement][]} */
function stagesOf({ box, side, averaged: grey, shift: { down, right: along } }, digit, partBox) {
  const darkest = Math.max(...grey) / 255;
  const moves = /** @type {[number, string, string][]} */ ([[along, "right", "left"], [down, "down", "up"]]).filter(([by]) => by);
  const shift = moves.map(([by, one, other]) => fit(texts[by > 0 ? one : other], { count: Math.abs(by) })).join(", ");
  return [
    [fit(partBox ? texts.stage_part : texts.stage_box, { width: box.right - box.left, height: box.bottom - box.top }), boxed(partBox ?? box)],
    [fit(texts.stage_averaged, { side }), small(grey, 20)],
    [fit(texts.stage_scaled, { darkest: numeral(darkest, 2) }), small(grey.map((value) => value / darkest), 20)],
    [fit(texts.stage_digit, { shift: shift || texts.shift_none }), small(bytes(digit.bytes), 28)],
  ];
}

/** @param {ArrayLike<number>} grey @param {number} side */
function small(grey, side) {
  const canvas = document.createElement("canvas");
  fill(canvas, Float32Array.from(grey), side, 255);
  return canvas;
}

/** @param {Box} box */
function boxed({ top, left, bottom, right }) {
  const ink = /** @type {HTMLCanvasElement} */ (document.querySelector(".surface .ink"));
  const canvas = build("canvas", "drawn");
  [canvas.width, canvas.height] = [SMALL, SMALL];
  const context = contextOf(canvas);
  context.drawImage(ink, 0, 0, SMALL, SMALL);
  context.strokeStyle = getComputedStyle(element).getPropertyValue("--accent");
  context.lineWidth = 3;
  const scale = SMALL / 280;
  context.strokeRect(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale);
  return canvas;
}

/** @param {{step: number, chosen: Cell, work: any}} answer */
function tellWork({ step, chosen, work }) {
  sayWork(find("[data-work]"), steps, step, chosen, work, texts);
  layers.frame(step, chosen, work.seen, work.pixels);
  layers.layBy(step, find("[data-work]"));
}

function unexplain() {
  cell = null;
  layers.unframe();
  find("[data-work]").hidden = true;
}

// The ten digits, to choose the rival.
function offer() {
  const second = /** @type {number[]} */ (probabilities).map((value, digit) => (digit === best() ? -1 : value));
  if (rival === null || rival === best()) rival = second.indexOf(Math.max(...second));
  const list = find(".rivals");
  if (!list.children.length) list.append(...probabilities.map(chip));
  [...list.children].forEach((/** @type {any} */ one, digit) => {
    one.style.setProperty("--probability", probabilities[digit]);
    one.querySelector("span").textContent = `${numeral(100 * probabilities[digit], probabilities[digit] < 0.0995 ? 1 : 0)} %`;
    one.disabled = digit === best();
    one.setAttribute("aria-pressed", digit === rival);
  });
  find(".why h2").textContent = fit(isRejected ? texts.why_closer : texts.why_not, { answer: best(), rival });
}

/** @param {number} _ @param {number} digit */
function chip(_, digit) {
  const one = build("button", "rival");
  one.type = "button";
  one.dataset.rival = String(digit);
  one.append(build("b", "", digit), build("span", ""));
  one.addEventListener("click", () => {
    rival = digit;
    offer();
    reason();
  });
  return one;
}

/** @param {any} answer */
function because({ answer, rival: other, why: { log_odds: odds, moves, speaks_for: plus, speaks_against: minus } }) {
  find(".reason").hidden = false;
  Object.assign(find("[data-why]").dataset, { for: answer, against: other });
  layOver(find(".moves"), moves);
  const place = (/** @type {any} */ one) => texts[`place_${one.vertical}_${one.horizontal}`];
  const values = (/** @type {any} */ { move, ...one }) => ({ answer, rival: other, place: place(one), odds: numeral(odds, 1), hidden: numeral(odds - move, 1) });
  const words = plus ? fit(texts.why_for, values(plus)) : fit(texts.why_nothing, { answer, rival: other });
  const isThere = plus && minus && place(plus) === place(minus);
  find(".because").textContent = words + (minus ? ` ${fit(isThere ? texts.why_against_there : texts.why_against, values(minus))}` : "");
}

/**
 * Paint the digit in grey and, at the middle of each hidden patch, how far hiding it moves the log-odds.
 * @param {HTMLCanvasElement} canvas
 * @param {number[][]} moves
 */
function layOver(canvas, moves) {
  const digit = bytes(steps[0].bytes);
  const largest = largestOf(moves.flat());
  const margin = (28 - moves.length) / 2;
  const context = contextOf(canvas);
  const pixels = context.createImageData(28, 28);
  for (let at = 0; at < 784; at += 1) {
    const move = (moves[Math.floor(at / 28) - margin]?.[(at % 28) - margin] ?? 0) / largest;
    const grey = 0.75 * digit[at] * (1 - Math.abs(move));
    const [red, green, blue] = move > 0 ? [60, 120, 255] : [255, 70, 60];
    pixels.data.set([grey + red * Math.abs(move), grey + green * Math.abs(move), grey + blue * Math.abs(move), 255], 4 * at);
  }
  context.putImageData(pixels, 0, 0);
}

/** @param {Error} error */
function withoutNeighbours(error) {
  if (error instanceof EngineError) return { neighbours: null, isAway: true };
  throw error;
}

/** @param {{neighbours: any[] | null, isAway?: boolean}} [answer] */
function alike(answer) {
  const list = find(".neighbours");
  const isReady = answer?.neighbours;
  if (!hasNeighbours()) {
    find(".ready").hidden = false;
    find(".ready").textContent = isOwn() ? texts.alike_yours : texts.static_alike;
    return list.replaceChildren();
  }
  find(".ready").hidden = Boolean(isReady?.length);
  find(".ready").textContent = texts[isReady ? "alike_blank" : answer?.isAway ? "alike_away" : "getting_ready"];
  list.replaceChildren(...(isReady ?? []).map(neighbour));
  if (answer && !isReady) setTimeout(() => isOpen() && isResting && compare(), AGAIN);
}

/** @param {any} one */
function neighbour({ index, label, similarity, image }) {
  const one = build("li", "");
  one.dataset.neighbour = String(index);
  one.dataset.label = String(label);
  one.title = fit(texts.neighbour, { index, label, similarity: numeral(similarity, 3) });
  one.append(small(bytes(image), 28), build("b", label === best() ? "" : "other", label), build("span", "", numeral(similarity, 3)));
  one.setAttribute("aria-label", one.title);
  return one;
}

function rest() {
  isResting = true;
  if (!isOpen() || !steps) return;
  reason();
  hasNeighbours() ? compare() : alike();
}

function anew() {
  version += 1;
  if (isOpen()) look();
}

// The user's own network is new, has learnt, or is gone.
let looks = ""; // its key, and how often it changed
function ownChanged() {
  const own = pad.yours();
  const radio = find("[data-network=yours]");
  radio.hidden = !own?.looks;
  if (radio.hidden && isOwn()) {
    find("[data-network]").click();
    find(".gone").textContent = own ? "" : texts.yours_gone;
    return;
  }
  if (!own || `${own.key} ${own.looks}` === looks) return;
  looks = `${own.key} ${own.looks}`;
  delete kernels.yours;
  if (isOwn()) anew();
}

pad.addEventListener("yours", ownChanged);
pad.addEventListener("change", () => ((isResting = false), changed()));
pad.addEventListener("subject", changed);
pad.addEventListener("sample", () => ((isResting = true), changed()));
pad.addEventListener("rest", rest);
pad.addEventListener("lens", () => isOpen() && ((isResting = !pad.isDrawing()), anew()));
find(".layers").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && cell && (event.stopPropagation(), unexplain()));
radios([.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-network]"))], (button) => {
  network = button.dataset.network ?? "";
  rival = null;
  find(".gone").textContent = "";
  unexplain();
  anew();
});
translate(element);
ownChanged();
blank(pad.isBlank() ? texts.inside_blank : texts.slow_short);
if (isOpen()) look();
setTimeout(() => answerOf(engine.prepareNeighbours()), AFTER);
