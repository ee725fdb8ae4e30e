// Samples of the test set; a click loads one onto the pad.

import { appears, build, find, findAll, radios, wait } from "../../dom.js";
import { asking, engine } from "../../engine/engine.js";
import { bytes } from "../../images.js";
import { pad } from "../../pad/pad.js";
import { settings } from "../../settings.js";
import { texts, translate } from "../../texts.js";
import { tilesOf } from "../tiles.js";

/** @typedef {import("../../engine/interface.js").Sample} Sample */
/** @typedef {import("../../engine/interface.js").Reading} Reading */

const element = await appears("#gallery");
const { answerOf, insist } = asking(element);
const list = find(element, ".tiles");
const hard = find(element, ".hard");
let only = ""; // the requested digit, or "" for any
/** @type {HTMLElement | null} */
let chosen = null; // the tile shown
let asked = 0; // the newest request's number
/** @type {Sample[]} */
let shown = [];
let marked = ""; // key and version of the user's network, and number of the request, that the marks belong to
let isMarking = false;

const MARKS = 1000; // ms between two readings of the samples by a learning network
const all = [...settings.networks, { name: "yours", title: texts.yours }];
const tile = tilesOf(all, texts, choose);

/** @param {HTMLElement | null} button */
function mark(button) {
  chosen?.classList.remove("chosen");
  chosen = button;
  chosen?.classList.add("chosen");
}

/** @param {HTMLElement} button @param {Sample} sample */
function choose(button, sample) {
  pad.show(sample);
  mark(button);
}

async function fill() {
  const wanted = { digit: only === "" ? null : Number(only), hard: hard.getAttribute("aria-pressed") === "true" };
  const mine = (asked += 1);
  const samples = await insist(() => engine.samples(wanted), () => mine === asked);
  if (!samples || mine !== asked) return;
  chosen = null;
  shown = samples;
  list.replaceChildren(...samples.map(tile));
  own();
}

// The marks of the user's own network, if there is one.
async function own() {
  const yours = pad.yours();
  tellLegend();
  if (!yours) return markBy([]);
  const wanted = `${yours.key} ${yours.looks} ${asked}`;
  if (isMarking || marked === wanted || pad.lens() !== "read" || !shown.length) return;
  isMarking = true;
  const samples = shown;
  const answer = await answerOf(engine.read(samples.map(({ image }) => bytes(image)), yours.key));
  if (answer?.gone && yours.key === pad.yours()?.key) pad.own(null, true);
  if (answer && samples === shown && pad.yours()) markBy(answer.readings.map((one) => one.yours));
  if (answer) marked = wanted;
  await wait(MARKS);
  isMarking = false;
  own();
}

/** @param {(Reading | undefined)[]} marks */
function markBy(marks) {
  findAll(list, "button").forEach((button, at) => {
    const { networks } = shown[at];
    marks[at] ? (networks.yours = marks[at]) : delete networks.yours;
    tile.tell(button, shown[at]);
  });
}

function tellLegend() {
  const named = pad.yours() ? all : settings.networks;
  const [before, after] = texts.legend.split("{networks}");
  const names = named.flatMap(({ name, title }, at) => [at ? ", " : "", build("span", `mark ${name}`, title)]);
  find(element, ".legend").replaceChildren(before, ...names, after);
}

radios(findAll(element, "[data-only]"), (button) => {
  only = button.dataset.only ?? "";
  fill();
});
hard.addEventListener("click", () => {
  hard.setAttribute("aria-pressed", String(hard.getAttribute("aria-pressed") !== "true"));
  fill();
});
find(element, ".shuffle").addEventListener("click", fill);
pad.addEventListener("sample", () => pad.sample()?.index === Number(chosen?.dataset.index) || mark(null));

pad.addEventListener("yours", own);
pad.addEventListener("lens", own);
translate(element);
tellLegend();
fill();
