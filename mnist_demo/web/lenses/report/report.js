// The lens "Report": the metrics in the networks' cards, and the digits behind them, loaded when the lens is first opened.
// A chosen digit is loaded onto the pad, as a sample of the gallery is, so all lenses show it.

import { appears, build, radios } from "../../dom.js";
import { asking, engine } from "../../engine/engine.js";
import { pad } from "../../pad/pad.js";
import { settings } from "../../settings.js";
import { fit, numeral, rounded, texts, translate } from "../../texts.js";
import { asTable, sayTick, ticksOfLog, ticksWithin } from "../axes.js";
import { tilesOf } from "../tiles.js";
import { curves, refusalChart, reliabilityChart } from "./charts.js";
import { matrixOf, openedIn, rowOf } from "./digits.js";
import { percent } from "./percent.js";

/** @typedef {import("../../settings.js").Network} Network */
/** @typedef {any} Card the server's description of a network */

const MAX_REJECTED_SHARE = 0.1; // of the digits: the slider refuses no more

const element = await appears("#judged");
const { insist } = asking(element);
/** @param {string} selector @returns {any} */
const find = (selector) => element.querySelector(selector);
const upon = find(".upon");

let chosen = /** @type {HTMLElement | null} */ (null); // the tile whose digit is on the pad
let isAsked = false;

const isOpen = () => pad.lens() === "report";
const askFor = (/** @type {object} */ wanted) => insist(() => engine.reportDigits(wanted));
const tile = tilesOf(settings.networks, texts, choose);
const showDigits = openedIn(find(".opened"), tile, texts, askFor);

async function open() {
  if (!isOpen() || isAsked) return;
  isAsked = true;
  const judged = await insist(engine.report);
  fill("figures", judged, figuresOf);
  fill("strangers", judged, strangersOf);
  fill("confusion", judged, confusionOf);
  fill("worst", judged, worstOf);
  fill("refusal", judged, refusalOf);
  fill("reliability", judged, reliabilityOf);
  fill("alone", judged, aloneOf);
  fill("curves", judged, curvesOf);
  find(".judgement").dataset.blank = false;
}

/**
 * Show each network's side of a part; an older weights file without metrics gets a line of text instead.
 * @param {string} part
 * @param {Record<string, Card>} judged
 * @param {(network: Network, card: Card) => Element[]} contentOf
 */
function fill(part, judged, contentOf) {
  const sides = settings.networks.map((network) => {
    const side = build("div", `side ${network.name}`);
    const card = judged[network.name];
    const isThere = card.evaluation || ["strangers", "curves", "alone"].includes(part);
    const content = isThere ? contentOf(network, card) : [build("p", "about", fit(texts.no_figures, { command: card.command }))];
    side.append(build("h3", "whose", network.title), ...content);
    return side;
  });
  find(`[data-part=${part}] .sides`).replaceChildren(...sides);
}

// Texts and numbers.

/** @type {(name: string, what: string, value: number, words: string) => HTMLElement} */
function figure(name, what, value, words) {
  const one = build("span", "value", words);
  Object.assign(one.dataset, { figure: `${name}-${what}`, value });
  return one;
}

/** @param {Network} network @param {Card} card */
function figuresOf({ name, parameters }, card) {
  const { once, shifts } = card.evaluation;
  const big = figure(name, "accuracy", shifts.accuracy, `${percent(shifts.accuracy)} %`);
  big.classList.add("big");
  const right = fit(texts.right_of, { right: Math.round(shifts.accuracy * shifts.count), count: shifts.count, low: percent(shifts.interval[0]), high: percent(shifts.interval[1]) });
  const rows = /** @type {[string, number, string][]} */ ([
    ["loss", shifts.loss, numeral(shifts.loss, 4)],
    ["calibration", shifts.calibration_error, percent(shifts.calibration_error)],
    ["refused", shifts.refused, `${percent(shifts.refused)} %`],
    ["once", once.accuracy, `${percent(once.accuracy)} %`],
  ]).map(([what, value, words]) => [texts[`figure_${what}`], figure(name, what, value, words)]);
  const list = build("dl", "");
  for (const [what, value] of /** @type {[string, HTMLElement][]} */ ([...rows, [texts.figure_parameters, build("span", "value", numeral(parameters))]])) {
    const pair = build("div", "");
    pair.append(build("dt", "", what), inside("dd", value));
    list.append(pair);
  }
  return [big, build("p", "", right), list, perDigit(shifts), build("p", "about", recipeOf(card)), build("p", "about", trainedOf(card))];
}

/** @param {keyof HTMLElementTagNameMap} tag @param {Element | string} part */
function inside(tag, part) {
  const one = build(tag, "");
  one.append(part);
  return one;
}

/** @param {any} shifts */
function perDigit({ precision, recall }) {
  const table = build("table", "numbers digits");
  const say = (/** @type {number | null} */ share) => (share === null ? "–" : share === 1 ? "100" : numeral(100 * share, 1));
  const rows = [["", ...Array(10).keys()], [texts.precision, ...precision.map(say)], [texts.recall, ...recall.map(say)]];
  table.append(...rows.map((row, at) => rowOf(...row.map((cell, column) => build(at && column ? "td" : "th", "", cell)))));
  return table;
}

/**
 * Return the table of other data sets, or a sentence if these weights have not been measured on them.
 * @param {Network} network
 * @param {Card} card
 */
function strangersOf({ name }, { strangers }) {
  if (!strangers) return [build("p", "about", texts.strangers_none)];
  const cell = (/** @type {string} */ set, /** @type {string} */ what, /** @type {number | undefined} */ share) => (share === undefined ? "–" : figure(name, `${set}-${what}`, share, percent(share)));
  const table = build("table", "numbers strangers");
  table.append(rowOf(...["", texts.axis_right, texts.strangers_rejected].map((title) => build("th", "", title))));
  for (const [set, { count, right, rejected }] of Object.entries(strangers).filter(([key]) => key !== "weights")) {
    const title = fit(texts[`strangers_${set}`], { count });
    table.append(rowOf(build("th", "", title), inside("td", cell(set, "right", right)), inside("td", cell(set, "rejected", rejected))));
  }
  return [table];
}

/** @param {Card} card */
function recipeOf({ recipe, seed }) {
  const clauses = [["one_cycle"], ["label_smoothing"], ["weight_decay"], ["averaging"], ["distortion"], ["handwriting"], ["non_digits"], ["held_out"]]
    .filter(([what]) => recipe[what])
    .map(([what]) => fit(texts[`recipe_${what}`], { value: recipe[what] }));
  const optimizer = /** @type {any} */ ({ adamw: "AdamW", adam: "Adam", sgd: "SGD" })[recipe.optimizer] ?? recipe.optimizer;
  const words = { name: recipe.name, epochs: recipe.epochs, optimizer, rate: recipe.lr, batch: recipe.batch_size, seed };
  return fit(texts.recipe, words) + clauses.map((clause) => texts.recipe_and + clause).join("") + texts.recipe_end;
}

/** @param {Card} card */
function trainedOf({ date, torch, python }) {
  return fit(texts.trained, { date: date.slice(0, 10), torch, python });
}

// The digits behind the metrics.

/** @param {Network} network @param {Card} card */
function confusionOf(network, { evaluation }) {
  return [matrixOf(network, evaluation.shifts.confusion, texts, (label, answer) => {
    const count = evaluation.shifts.confusion[label][answer];
    const words = fit(texts.opened, { network: network.title, label, answer, count });
    showDigits({ network: network.name, cell: [label, answer] }, words, find(`[data-cell="${network.name}-${label}-${answer}"]`));
  })];
}

/** @param {Network} network @param {Card} card */
function worstOf({ name }, { evaluation, misread, suspected, mislabelled }) {
  const list = build("ul", "tiles mistakes");
  const counts = build("p", "about", fit(texts.suspected, { misread, count: suspected, fewer: mislabelled }));
  askFor({ network: name, worst: true }).then(({ tiles }) => {
    list.append(...evaluation.shifts.worst.map((/** @type {any} */ mistake) => mistakeOf(mistake, tiles.find((/** @type {any} */ { index }) => index === mistake.index))));
  });
  return [counts, list];
}

/** @param {any} mistake @param {any} sample */
function mistakeOf({ index, label, answer, probability }, sample) {
  const item = tile(sample);
  item.dataset.mistake = String(index);
  const words = fit(texts.mistake, { label, answer, percent: percent(probability) });
  const said = build("p", "said");
  said.append(build("b", "", words), build("span", "", votesOf(sample.votes, label)));
  item.append(said);
  return item;
}

/** @param {any} votes @param {number} label */
function votesOf(votes, label) {
  if (!votes) return texts.votes_none;
  if (votes.other === label) return texts.votes_nothing;
  const words = votes.label >= 3 ? texts.votes_misread : texts.votes_mislabelled;
  return fit(words, { votes: votes.label, label, rivals: votes.other_votes, other: votes.other });
}

/** @param {Network} network @param {Card} card */
function aloneOf({ name, title }, { alone }) {
  const list = build("ul", "tiles");
  askFor({ network: name, alone: true }).then(({ tiles }) => list.append(...tiles.map(tile)));
  return [build("p", "about", fit(texts.alone_about, { network: title, count: alone })), list];
}

// Charts.

/** @param {Network} network @param {Card} card */
function refusalOf({ name, title }, { evaluation: { shifts } }) {
  const { count, refusal, threshold } = shifts;
  const last = refusal.findIndex((/** @type {any} */ { misread }) => misread === 0);
  const rows = /** @type {any[]} */ (refusal).filter((row, at) => row.threshold <= threshold || (row.refused <= MAX_REJECTED_SHARE * count && (last < 0 || at <= last)));
  const points = rows.map(({ refused, misread }) => [100 * (1 - refused / count), (100 * misread) / Math.max(1, count - refused)]);
  const own = rows.findIndex((row) => row.threshold === threshold);
  const { picture, move } = refusalChart(fit(texts.refusal_chart, { network: title }), points, points[own], texts);
  const slider = Object.assign(build("input", ""), { type: "range", min: 0, max: rows.length - 1, value: own });
  slider.setAttribute("aria-label", fit(texts.threshold, { network: title }));
  const said = build("output", "");
  const tell = () => {
    const row = rows[slider.value];
    move(points[slider.value]);
    const level = numeral(row.threshold, 2);
    slider.setAttribute("aria-valuetext", level);
    const values = { level, refused: row.refused, share: percent(row.refused / count), misread: row.misread, error: percent(row.misread / Math.max(1, count - row.refused)), among: rows[0].misread - row.misread };
    said.textContent = fit(texts.refusal_says, values) + (row.threshold === threshold ? texts.as_shipped : "");
    Object.assign(said.dataset, { refusal: name, threshold: row.threshold, refused: row.refused, misread: row.misread });
  };
  slider.addEventListener("input", tell);
  tell();
  return [picture, slider, said];
}

/** @param {Network} network @param {Card} card */
function reliabilityOf({ title }, { evaluation: { shifts } }) {
  const bins = /** @type {import("./charts.js").Bin[]} */ (shifts.reliability);
  const label = fit(texts.reliability_chart, { network: title, error: percent(shifts.calibration_error) });
  const said = bins.map((bin, at) => ({ ...bin, range: `${percent(at / bins.length)}–${percent((at + 1) / bins.length)}` })).filter(({ count }) => count);
  const rows = said.map(({ range, count, confidence, accuracy }) => [range, numeral(count), percent(confidence), percent(accuracy)]);
  return [reliabilityChart(label, bins, texts), build("p", "about", label), asTable([texts.axis_probability, texts.digits, texts.mean, texts.axis_right], rows, texts)];
}

/** @param {Network} network @param {{history: any[]}} card */
function curvesOf({ title }, { history }) {
  if (!history.length) return [];
  const watched = "validation_loss" in history[0] ? "validation" : "test";
  /** @type {Record<string, any[]>} */
  const columns = { loss: history.map(({ loss }) => loss), watched: history.map((epoch) => epoch[`${watched}_loss`]), right: history.map(({ accuracy }) => 100 * accuracy) };
  const [least, most] = [Math.min(...columns.loss, ...columns.watched), Math.max(...columns.loss, ...columns.watched)];
  const losses = { low: least * 0.8, high: most * 1.25, isLog: true, ticks: ticksOfLog(least * 0.8, most * 1.25), say: sayTick, title: texts.axis_loss };
  const floor = Math.floor(Math.min(...columns.right));
  const shares = { low: floor, high: 100, ticks: ticksWithin(floor, 100, 4), say: (/** @type {number} */ value) => rounded(value, 1), title: texts.axis_right };
  const words = fit(texts.curves_says, { network: title, epochs: history.length, loss: numeral(columns.loss.at(-1), 4), watched: numeral(columns.watched.at(-1), 4), right: numeral(columns.right.at(-1), 2), what: texts[watched] });
  const rows = history.map((_, at) => [at + 1, numeral(columns.loss[at], 4), numeral(columns.watched[at], 4), numeral(columns.right[at], 2)]);
  return [
    curves(words, losses, [{ values: columns.loss, name: texts.training, className: "training" }, { values: columns.watched, name: texts[watched], className: "watched" }], texts),
    curves(words, shares, [{ values: columns.right, name: texts[watched], className: "watched", below: 16 }], texts),
    build("p", "about", words),
    asTable([texts.axis_epoch, texts.training, texts[watched], texts.axis_right], rows, texts),
  ];
}

// The digit on the pad.

/** @param {HTMLElement | null} button */
function mark(button) {
  chosen?.classList.remove("chosen");
  chosen = button;
  chosen?.classList.add("chosen");
  upon.hidden = !chosen;
}

/** @param {HTMLElement} button @param {import("../../engine/interface.js").Sample} sample */
function choose(button, sample) {
  pad.show(sample);
  mark(button);
  /** @type {Element} */ (button.closest("li")).after(upon);
}

/** @param {string} name */
function go(name) {
  /** @type {HTMLElement} */ (document.querySelector(`#tab-${name}`)).click();
  /** @type {Element} */ (document.querySelector("#sketchpad")).scrollIntoView({ block: "nearest" });
}

radios([.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-judged]"))], (button) => (element.dataset.shown = button.dataset.judged));
pad.addEventListener("sample", () => pad.sample()?.index === Number(chosen?.dataset.index) || mark(null));
pad.addEventListener("lens", open);
translate(element);
for (const one of upon.querySelectorAll("button")) {
  one.textContent = texts[`lens_${one.dataset.to}`];
  one.addEventListener("click", () => go(one.dataset.to));
}
open();
