// The lens "Learn": trains a network from scratch or teaches it the user's handwriting, and shows the progress. The pad
// announces the resulting network, the user's own, to all lenses; its bars are in the lens "Read".

import { appears, build, isFramed, radios, wait } from "../../dom.js";
import { asking, engine, EngineError, RETRY, TROUBLES } from "../../engine/engine.js";
import { pad } from "../../pad/pad.js";
import { settings, titleOf } from "../../settings.js";
import { fit, numeral, texts, translate } from "../../texts.js";
import { curvesIn } from "./curves.js";
import { handIn } from "./hand.js";
import { wallIn } from "./wall.js";

/** @typedef {{key: string, network: string, place: number}} Queued */

const EVERY = 120; // ms between two requests for a training's progress
const TURN = 1000; // ms between two requests for the place in the queue
const WHOLE = ["epochs", "batch_size", "seed"]; // numbers
const READINESS = 60_000; // ms between two announcements to the server that the user may soon press Start

const element = await appears("#lesson");
const { answerOf, insist, watched } = asking(element);
/** @param {string} selector @returns {any} */
const find = (selector) => element.querySelector(selector);
const inputsOf = () => [.../** @type {NodeListOf<HTMLInputElement>} */ (element.querySelectorAll(".fields input"))];
const [start, stop, teach] = ["[data-learn=start]", "[data-learn=stop]", "[data-teach]"].map(find);

let network = settings.networks[0].name;
let recipe = "fast";
/** @type {any} */
let course = null; // the one shown: a Course of curves.js
let isAsking = false; // if a request to start a training is in flight
let ended = ""; // the message about the last training, if it left no network
let other = /** @type {any} */ (null); // another user's training that is running
let queued = /** @type {Queued | null} */ (null); // the user's own training that waits in the server's queue
let looking = 0; // the timer of the next request
let ready = -Infinity; // time of the last announcement

const curves = curvesIn(find(".curves"), texts);
const wall = wallIn(find(".wall"), texts);
const isOpen = () => pad.lens() === "learn";
const isUnderWay = (/** @type {any} */ run) => ["starting", "training"].includes(run?.state);
const isBusy = () => isAsking || (course !== null && Boolean(course.key) && (!course.last || isUnderWay(course.last)));

// A training: start, follow, stop, drop.

/** @param {any} wanted */
async function begin(wanted) {
  [isAsking, ended] = [true, ""];
  tell();
  complain(null);
  const { key, error } = await watched(engine.train.begin(wanted)).catch(refusal);
  isAsking = false;
  if (error) complain(error);
  if (key) return queue({ key, network: wanted.network, place: 1 });
  tell();
  if (TROUBLES.includes(error?.code)) look();
}

/** @param {unknown} error @returns {any} */
function refusal(error) {
  if (error instanceof EngineError) return { error };
  throw error;
}

/** Wait for the training's turn, then follow it. The server drops it if nobody asks. @param {Queued} own */
async function queue(own) {
  queued = own;
  while (queued === own) {
    const run = await answerOf(engine.train.follow({ key: own.key }));
    if (queued !== own) return;
    if (["gone", "stopped"].includes(run?.state)) return leaveQueue(run.state === "gone" ? texts.yours_gone : texts.learn_none);
    if (run && run.state !== "waiting") return takeTurn(own);
    if (run) (own.place = run.place), (other = run.running); // a training that just ends is not shown
    tell();
    await wait(!run ? RETRY : other ? TURN : EVERY);
  }
}

/** @param {Queued} own */
function takeTurn({ key, network }) {
  const before = pad.yours()?.key;
  [queued, other] = [null, null];
  if (before) answerOf(engine.train.forget({ key: before }));
  pad.own({ key, network, state: "starting", looks: 0, figures: null });
  follow({ key });
}

/** @param {string} words */
function leaveQueue(words) {
  answerOf(engine.train.forget({ key: /** @type {Queued} */ (queued).key }));
  [queued, ended] = [null, words];
  tell();
  look();
}

/** Follow a training until it ends, or another is followed. @param {{key?: string, run?: string}} whose */
async function follow(whose) {
  const mine = (course = { ...whose, steps: [], epochs: [], rights: [], total: null, last: null });
  show();
  while (course === mine) {
    const run = await answerOf(engine.train.follow({ ...whose, since: mine.steps.length }));
    if (course !== mine) return;
    if (run?.state === "gone") return lost();
    if (run) take(run);
    if (run && !isUnderWay(run)) return;
    await wait(run ? EVERY : RETRY);
  }
}

/** @param {any} run */
function take(run) {
  const before = course.last;
  course.steps.push(...run.steps);
  Object.assign(course, { epochs: run.epochs, total: run.total?.steps ? run.total : null, last: run });
  if (run.wall && before?.looks !== run.looks) course.rights.push([course.steps.at(-1)?.[0] ?? 0, run.wall.right.filter(Boolean).length / 100]);
  if (course.key) pad.own({ key: course.key, network: run.network, state: run.state, looks: run.looks, figures: run.figures });
  speak(before, run);
  if (course.key && !isUnderWay(run) && !run.looks) return forget(run.state === "failed" ? stateOf(run) : texts.learn_none);
  show();
}

// The server has dropped the training that is shown.
function lost() {
  const isOwn = Boolean(course.key);
  course = isOwn || !course.last ? null : { ...course, last: { ...course.last, state: "over" } };
  if (isOwn) {
    ended = find(".announced").textContent = texts.yours_gone;
    pad.own(null, true);
  }
  show();
  look();
}

/** @param {string} words */
function forget(words) {
  const { key } = course;
  [course, ended] = [null, words];
  pad.own(null);
  answerOf(engine.train.forget({ key }));
  show();
}

// Its display.

function show() {
  curves.show(course);
  wall.show(course?.last?.wall ?? null);
  tell();
}

function tell() {
  const run = course?.last;
  const count = pad.corrections.all().length;
  start.disabled = !settings.isTrainingOn || isBusy() || queued;
  teach.disabled = !settings.isTrainingOn || isBusy() || queued || !count;
  teach.textContent = fit(texts.teach, { network: titleOf(network) });
  stop.disabled = !queued && (isAsking || !course?.key || !isBusy());
  find(".state").textContent = settings.isTrainingOn ? stateOf(run) : texts[settings.isStatic ? "static_learn" : "learn_off"];
  find("progress").value = run?.state === "done" || run?.state === "over" ? 1 : (course?.steps.at(-1)?.[0] ?? 0) / (course?.total?.steps ?? 1);
  tellAfter(run);
  tellOther();
}

/** @param {any} run @returns {string} */
function stateOf(run) {
  if (isAsking || (queued && !other) || (course && !run)) return texts.learn_starting;
  if (!run) return ended || texts.learn_idle;
  const [step, epoch] = course.steps.at(-1) ?? [0, 1];
  const values = {
    network: titleOf(run.network), recipe: texts[`recipe_${run.recipe}`] ?? run.recipe, seconds: numeral(run.seconds, 1), rate: numeral(run.rate),
    steps: course.total?.steps ?? 0, step, epochs: course.total?.epochs ?? "", epoch,
    accuracy: run.figures ? numeral(100 * run.figures.test_accuracy, 2) : "", error: wordsOf(run.error),
  };
  const words = fit(texts[`learn_${run.state}`], values) + (run.error && run.state === "stopped" ? ` (${wordsOf(run.error)})` : "");
  return course.key ? words : `${texts.learn_watched} ${words}`;
}

/** @param {any} run */
function tellAfter(run) {
  const isOver = Boolean(course?.key && run && !isUnderWay(run));
  const link = find("[data-learn=download]");
  find(".made").hidden = !isOver;
  link.hidden = run?.state !== "done";
  if (isOver && run.state === "done") link.href = `yours/${course.key}.safetensors`;
  const file = `yours-${run?.network}.safetensors`; // as the server names it
  find(".made .about").textContent = run?.state === "done" ? fit(texts.learn_kept, { file }) : texts.learn_stays;
}

function tellOther() {
  const isWatched = other && course?.run === other.run;
  find(".other").hidden = !other || isBusy();
  find(".watch").hidden = isWatched;
  if (!other) return;
  const values = { network: titleOf(other.network), recipe: texts[`recipe_${other.recipe}`] ?? other.recipe, seconds: numeral(other.seconds) };
  const turn = queued ? fit(queued.place > 1 ? texts.learn_place : texts.learn_waiting, { place: queued.place }) : "";
  find(".other span").textContent = fit(texts.learn_busy, values) + turn;
}

/** Show an error, beside its field if it has one. @param {any} error */
function complain(error) {
  const name = error?.field?.replace("values.", "");
  const inputs = inputsOf();
  const named = inputs.find((input) => input.name === name);
  for (const input of inputs) input.setAttribute("aria-invalid", String(input === named));
  if (named) (find(".values").open = true), named.focus();
  find(".wrong").hidden = !error;
  find(".wrong").textContent = named ? `${texts[`value_${name}`]}: ${limitsOf(named, error)}` : wordsOf(error);
}

/** @param {HTMLInputElement} input @param {{code: string}} error */
function limitsOf({ name, value }, { code }) {
  if (code === "unused") return texts.error_unused;
  const [low, high] = settings.limits[name];
  return fit(WHOLE.includes(name) ? texts.error_whole : texts.error_between, { low, high, value });
}

/** Return why a training failed, was stopped or did not start: the text of the error's code. @param {any} error */
function wordsOf(error) {
  if (!error) return "";
  const words = TROUBLES.includes(error.code) ? texts.learn_away : texts[`error_${error.code}`];
  return words ? fit(words, error) : fit(texts.error_other, { code: error.code });
}

/** Announce to screen readers the start, each epoch and the end, and nothing else. @param {any} before @param {any} run */
function speak(before, run) {
  const epoch = run.epochs.length;
  if (run.state !== before?.state && run.state !== "training") find(".announced").textContent = stateOf(run);
  else if (epoch > (before?.epochs.length ?? 0)) find(".announced").textContent = fit(texts.learn_epoch, { epochs: run.total.epochs, epoch, share: numeral(100 * run.epochs.at(-1)[2], 1) });
}

// The settings.

function layOut() {
  const values = settings.recipes[network][recipe];
  const fields = Object.entries(values).filter(([, value]) => value !== null).map(([name, value]) => {
    const input = build("input", "");
    Object.assign(input, { type: "number", name, placeholder: value, step: "any", min: 0 });
    input.setAttribute("aria-describedby", "wrong");
    const field = build("label", "", texts[`value_${name}`]);
    field.append(input);
    return field;
  });
  find(".fields").replaceChildren(...fields);
  complain(null);
  tell();
}

function valuesTyped() {
  const inputs = inputsOf();
  const bad = inputs.find(({ validity }) => validity.badInput);
  if (bad) return complain({ code: "number", field: `values.${bad.name}` });
  return Object.fromEntries(inputs.filter(({ value }) => value !== "").map(({ name, value }) => [name, Number(value)]));
}

function train() {
  const values = valuesTyped();
  if (values) begin({ network, recipe, values }), toBars();
}

function taught() {
  begin({ network, recipe: "teach", values: {}, corrections: pad.corrections.all() });
  toBars();
}

/** @param {Event} event */
function closeValues(event) {
  const values = find(".values");
  if (values.open) event.stopPropagation(); // the pad would be cleared
  values.open = false;
  values.querySelector("summary").focus();
}

// On a small screen, bring the bars into view, and as much of the pad above them as there is room for.
function toBars() {
  if (matchMedia("(max-width: 40rem)").matches) /** @type {Element} */ (document.querySelector(".networks")).scrollIntoView({ block: "end" });
}

// Another user's training, requested while there is one. A user in the queue gets it with the place in the queue.
async function look() {
  if (!isOpen() || !settings.isTrainingOn || isBusy() || queued) return;
  ready = performance.now();
  const answer = await answerOf(engine.train.prepare());
  if (queued) return;
  other = answer?.running ?? null;
  tell();
  if (other || !answer) lookAgain();
}

function lookAgain() {
  clearTimeout(looking);
  looking = setTimeout(look, TURN);
}

function end() {
  if (queued) return leaveQueue(texts.learn_none);
  const { key } = course;
  insist(() => engine.train.stop({ key }), () => course?.key === key && isBusy());
}

async function open() {
  if (!isOpen() || settings.isStatic) return;
  look();
  const digits = wall.isHung() ? null : await insist(engine.train.wall, isOpen);
  if (digits && !wall.isHung()) wall.hang(digits);
  wall.show(course?.last?.wall ?? null);
}

handIn(find(".hand"), pad, texts);
radios([.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-trained]"))], (button) => ((network = button.dataset.trained ?? ""), layOut()));
radios([.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-recipe]"))], (button) => ((recipe = button.dataset.recipe ?? ""), layOut()));
find(".fields").addEventListener("submit", (/** @type {Event} */ event) => (event.preventDefault(), train()));
find(".values").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && closeValues(event));
teach.addEventListener("click", taught);
stop.addEventListener("click", end);
find("[data-learn=forget]").addEventListener("click", () => forget(""));
find("[data-learn=download]").addEventListener("click", () => isFramed() && (find(".made .about").textContent = texts.download_framed));
find(".watch").addEventListener("click", () => follow({ run: other.run }));
for (const kind of ["pointermove", "focusin"]) element.addEventListener(kind, () => performance.now() - ready > READINESS && look());
pad.corrections.addEventListener("change", tell);
pad.addEventListener("lens", open);
pad.addEventListener("yours", () => course?.key && !pad.yours() && lost()); // another lens noticed first
translate(element);
layOut();
show();
if (pad.yours()) follow({ key: pad.yours()?.key });
open();
