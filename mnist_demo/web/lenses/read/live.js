// The networks' answers to the drawing, while it is drawn, or to a sample. The newest drawing is always sent next, and sent
// again if the user's own network has learnt since.
// While answers are fast, several requests are in flight, since the server may be far away. If answers get slower, because
// it has much to do, only one is in flight; after a 503, none until the time that it names.

import { appears, find, findAll, radios, wait } from "../../dom.js";
import { asking, engine, EngineError, RETRY } from "../../engine/engine.js";
import { bytes, paint } from "../../images.js";
import { pad } from "../../pad/pad.js";
import { settings, titleOf } from "../../settings.js";
import { explainBy, fit, fitPlural, numeral, texts, translate } from "../../texts.js";
import { correctIn } from "./correct.js";
import { numberReader, numberShown } from "./number.js";
import { arrowsIn, showParts } from "./parts.js";
import { write } from "./write.js";

/** @typedef {import("../../engine/interface.js").Reading} Reading */
/** @typedef {import("../../engine/interface.js").Sample} Sample */
/** @typedef {import("./number.js").Numbers} Numbers */
/** @typedef {import("./number.js").NumberShown} NumberShown */
/**
 * @typedef {object} Answer
 * @property {boolean} ink whether there is any
 * @property {Uint8Array | null} image
 * @property {Record<string, Reading>} networks what they say of the whole drawing
 * @property {Numbers | null} [numbers] what they say of its parts
 * @property {boolean} [gone]
 */

const PATIENCE = 2000; // ms until the page says that the server is slow
const FLIGHTS = 6; // the most requests in flight: the connections that a browser opens to one server
const QUEUED = 20; // ms: an answer that takes longer than twice the shortest time plus this shows that the server has a queue
const FORGETTING = 1.01; // growth of that shortest time per answer, since routes change
const REGAINED = 0.5; // requests in flight regained by each answer after the server was busy

const NONE = Array(10).fill(0); // no probabilities

const element = await appears("#live");
const { answerOf } = asking(element);
const offerCorrection = correctIn(find(element, ".correct"), pad, texts);
const readNumber = numberReader();

let asked = 0; // the newest version of the drawing, and of the user's network, that was sent
let answered = 0; // the newest version whose readings are known
let learnt = 0; // increases with each version of the user's network
/** @type {import("../../pad/pad.js").Yours | null} */
let own = null; // the user's network as shown
/** @type {{index: number, said: Reading} | null} */
let ofSample = null; // its reading of a sample
/** @type {Answer | null} */
let readings = null; // of the drawing, null while it is blank
/** @type {string | null} */
let trouble = null; // "offline" while the server is unreachable, "slow" while it is late, "busy" after a 503
let flights = 0;
let most = FLIGHTS; // the limit of requests in flight while answers are fast
let pause = 0; // the timer of a server that was busy
let shortest = Infinity; // ms, the shortest response time
let latest = 0;
let isResting = true; // the pen
/** @type {number | null} */
let chosen = null; // the group of a number's digit that the visitor chose, until the drawing is another

const version = () => pad.version() + learnt;
const networks = () => (own ? [...settings.networks, { name: "yours", title: texts.yours }] : settings.networks);

function changed() {
  isResting = false;
  chosen = null;
  if (!pad.isBlank()) return ask();
  readings = null;
  asked = answered = version();
  trouble = null;
  show();
}

async function ask() {
  const isInTime = latest < 2 * shortest + QUEUED;
  if (pause || pad.isBlank() || asked === version() || flights >= (isInTime ? most : 1)) return;
  const mine = (asked = version());
  flights += 1;
  const { answer, again } = await answerTo(mine);
  flights -= 1;
  if (answer) most = Math.min(FLIGHTS, most + REGAINED);
  if (answer && mine > answered) {
    answered = mine;
    tell(answer, null);
  }
  if (again) {
    hold(again);
    if (mine > answered) tell(readings, "busy");
  } else if (!answer && mine > answered) {
    tell(readings, "offline");
    await wait(RETRY);
    asked = answered; // to ask again
  }
  if (answered === version() && isResting && !isLearning()) speak();
  ask();
}

/** @param {number} ms */
function hold(ms) {
  most = 1;
  clearTimeout(pause);
  pause = setTimeout(() => {
    pause = 0;
    asked = answered; // to ask again
    ask();
  }, ms);
}

/** Return the server's answer to the drawing, of that version or newer. @param {number} wanted */
async function answerTo(wanted) {
  const start = performance.now();
  const late = setTimeout(() => wanted > answered && tell(readings, trouble ?? "slow"), PATIENCE);
  const key = own?.key;
  const drawing = pad.read();
  const { answer, again } = await readingOf(drawing);
  clearTimeout(late);
  if (answer?.gone && key === own?.key) pad.own(null, true);
  if (answer && drawing.sketch) { // only its digit is sent
    latest = performance.now() - start;
    shortest = Math.min(latest, FORGETTING * shortest);
  }
  return { answer, again };
}

/**
 * Return the networks' readings of a drawing. Its digit is sent; if there is too little ink, nothing is.
 * @param {ReturnType<typeof pad.read>} drawing
 * @returns {Promise<{answer?: Answer, again?: number}>}
 */
async function readingOf({ ink, sketch }) {
  const about = { ink: ink.some(Boolean), image: sketch?.digit ?? null };
  if (!sketch) return { answer: { ...about, networks: {} } };
  try {
    return { answer: { ...about, ...(await readNumber(sketch.digit, ink, pad.actions(), own)) } };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { again: error.retryAfter };
  }
}

/** @param {Answer | null} newest @param {string | null} newTrouble */
function tell(newest, newTrouble) {
  if (pad.isBlank()) return;
  readings = newest;
  const isNews = newTrouble && !trouble;
  trouble = newTrouble;
  show();
  if (isNews) speak();
}

/** @param {Answer | Sample | null} shown @param {number | null | undefined} answer */
function stateOf(shown, answer) {
  if (trouble && trouble !== "busy" && shown === readings) return "offline";
  if (!shown?.image || answer === undefined) return "blank";
  return answer === null ? "unknown" : "digit";
}

function show() {
  const sample = pad.sample();
  const shown = sample ?? readings;
  const isStale = trouble && trouble !== "busy";
  const number = sample || isStale || !readings?.numbers ? null : numberShown(readings.numbers, networks().map(({ name }) => name), chosen);
  pad.mark(number?.boxes ?? [], number?.current ?? -1, number?.part ?? null);
  for (const { name } of networks()) showNetwork(find(element, `[data-model=${name}]`), shown, name, number);
  find(element, ".sees").dataset.blank = String(!shown?.image);
  paint(find(element, ".sees canvas"), number ? number.part.sketch.digit : imageOf(shown));
  const seen = number ? texts.sees_part + here() : shown?.image ? texts.sees_drawing + here() : texts.sees_empty;
  write(find(element, ".source"), sample ? `${texts.sees_sample} ${sample.label}` : seen);
  offerCorrection(!sample && Boolean(readings?.image));
  find(element, ".notice").hidden = !trouble;
  if (trouble) write(find(element, ".notice"), texts[trouble]);
}

const imageOf = (/** @type {Answer | Sample | null} */ shown) => (typeof shown?.image === "string" ? bytes(shown.image) : shown?.image);

const here = () => (engine.place() === "browser" ? ` · ${texts.in_browser}` : "");

/**
 * @param {HTMLElement} section
 * @param {Answer | Sample | null} shown
 * @param {string} name
 * @param {NumberShown | null} number
 */
function showNetwork(section, shown, name, number) {
  const own = number?.numberOf(name);
  const said = name === "yours" && pad.sample() ? (ofSample?.index === /** @type {Sample} */ (shown).index ? ofSample.said : null) : shown?.networks[name];
  const { answer, probabilities: known } = said ?? { answer: undefined, probabilities: NONE };
  const state = own ? "number" : stateOf(shown, answer);
  const looked = number?.readingOf(name);
  const probabilities = state === "offline" ? NONE : (looked?.probabilities ?? known);
  const best = looked ? looked.answer : state === "digit" ? answer : null;
  const verdict = find(section, ".verdict");
  verdict.dataset.state = state;
  verdict.dataset.answer = own ? own.answers.join("") : state === "digit" ? String(answer) : "";
  if (own) showParts(find(verdict, ".answer"), own, choose);
  else write(find(verdict, ".answer"), state === "digit" ? String(answer) : state === "unknown" ? "?" : "");
  const isSilent = shown?.image && !said && state === "blank";
  write(find(verdict, ".remark"), isSilent ? texts.yours_silent : remark(state, probabilities));
  findAll(section, "[data-digit]").forEach((bar, digit) => {
    const probability = probabilities[digit];
    bar.dataset.probability = probability.toFixed(4);
    bar.classList.toggle("best", digit === best);
    bar.style.setProperty("--probability", String(probability));
    write(find(bar, ".percent"), shown?.image && said && state !== "offline" ? percent(probability) : "");
  });
}

/** Look at another digit of a number. @param {number} group */
function choose(group) {
  chosen = group;
  show();
}

/** @param {number} probability */
function percent(probability) {
  return probability < 0.0005 ? "0" : numeral(100 * probability, 1);
}

/** @param {string} state */
function remark(state, probabilities = NONE) {
  if (state === "digit" || state === "number") return `${numeral(100 * Math.max(...probabilities), 1)} %`;
  if (state === "blank" && trouble) return texts.slow_short;
  if (state === "blank" && !pad.sample() && readings?.ink) return texts.too_little;
  /** @type {Record<string, string>} */
  const remarks = { blank: texts.blank, unknown: texts.unknown, offline: texts[`${trouble}_short`] };
  return remarks[state];
}

function speak() {
  const said = networks().map(({ name, title }) => {
    const { answer, state = "" } = find(element, `[data-model=${name}] [data-answer]`).dataset;
    return `${title}: ${state === "digit" ? answer : state === "number" ? [...(answer ?? "")].join(" ") : remark(state)}`;
  });
  if (trouble === "busy") said.unshift(texts.busy);
  find(element, ".spoken").textContent = pad.isBlank() && !pad.sample() ? texts.blank : said.join(". ");
}

// The user's own network.

const isLearning = () => ["starting", "training"].includes(own?.state ?? "");

function ownChanged() {
  const before = own;
  own = pad.yours();
  place();
  if (own?.key === before?.key && own?.looks === before?.looks) return;
  learnt += 1;
  if (pad.isBlank()) asked = answered = version();
  if (own?.key !== before?.key) ofSample = null;
  ask();
  askOfSample();
  show();
}

// Its bars beside the others' while there is such a network, and its description.
function place() {
  const radio = find(element, "[data-show=yours]");
  radio.hidden = !own;
  /** @type {HTMLElement | null} */
  const shown = element.querySelector("[data-model=yours]");
  if (!own) {
    shown?.remove();
    if (element.dataset.show === "yours") find(element, "[data-show=both]").click();
    return;
  }
  const section = shown ?? /** @type {HTMLElement} */ (find(element, ".network").cloneNode(true));
  if (!shown) {
    section.dataset.model = "yours";
    section.setAttribute("aria-label", texts.yours);
    const [name, about] = findAll(section, "header button");
    name.textContent = texts.yours;
    explainBy(name, texts.tip_yours);
    about.classList.add("own");
    explainBy(about, texts.tip_own);
    find(element, ".networks").append(section);
  }
  const accuracy = own.figures && numeral(100 * own.figures.test_accuracy, 2);
  write(find(section, ".own"), `${titleOf(own.network)}, ${fit(texts[`yours_${own.state}`] ?? "", { accuracy })}`);
}

// Its reading of the sample on the pad: one request at a time, and again if it has learnt meanwhile.
let isAsking = false;
async function askOfSample() {
  const sample = pad.sample();
  if (!sample || !own || isAsking) return;
  const { key, looks } = own;
  isAsking = true;
  const answer = await answerOf(engine.read([bytes(sample.image)], key));
  if (!answer) await wait(RETRY);
  isAsking = false;
  if (answer?.gone && key === own?.key) return pad.own(null, true);
  if (answer?.readings[0].yours) ofSample = { index: sample.index, said: answer.readings[0].yours };
  show();
  if (!answer || pad.sample()?.index !== sample.index || own?.looks !== looks) askOfSample();
}

pad.addEventListener("yours", ownChanged);
pad.addEventListener("change", changed);
pad.addEventListener("rest", () => {
  isResting = true;
  if (answered === version()) speak();
});
pad.addEventListener("sample", () => (askOfSample(), show(), speak()));

/** @param {import("../../settings.js").Network} network */
const tipOf = ({ convolutions, hidden }) => fitPlural("tip_network", hidden, { convolutions: fitPlural("tip_convolutions", convolutions) });

arrowsIn(find(element, ".networks"));
radios(findAll(element, "[data-show]"), (button) => (element.dataset.show = button.dataset.show));

translate(element);
for (const network of settings.networks) explainBy(find(element, `[data-model=${network.name}] h2 button`), tipOf(network));
ownChanged();
changed();

const tellPlace = () => (find(document, "#page").dataset.engine = engine.place());

// Other networks answer, or elsewhere.
engine.addEventListener("change", () => {
  tellPlace();
  learnt += 1;
  if (pad.isBlank()) asked = answered = version();
  ask();
});
tellPlace();
