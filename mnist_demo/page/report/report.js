// Shows what the networks' cards say, and the digits behind it, when this lens is first opened. A digit that is chosen is
// laid upon the pad, as a sample of the gallery is, and is so seen by all lenses.

const FEW = 20; // digits in a bin, fewer than which say little
const MOST = 0.1; // of the digits: the slider refuses no more

const texts = chooseTexts(props.texts);
const find = (selector) => element.querySelector(selector);
const pad = await thePad.promise;
const upon = find(".upon");

let chosen = null; // the tile that lies upon the pad
let isAsked = false;

const percent = (share) => (100 * share).toFixed(2);
const isOpen = () => pad.lens() === "report";
const askFor = (wanted) => insist("behind", wanted);
const tile = tilesOf(props.networks, texts, choose);
const showDigits = openedIn(find(".opened"), tile, texts, askFor);

async function open() {
  if (!isOpen() || isAsked) return;
  isAsked = true;
  const judged = await insist("judged", {});
  fill("figures", judged, figuresOf);
  fill("confusion", judged, confusionOf);
  fill("worst", judged, worstOf);
  fill("refusal", judged, refusalOf);
  fill("reliability", judged, reliabilityOf);
  fill("alone", judged, aloneOf);
  fill("curves", judged, curvesOf);
  find(".judgement").dataset.blank = false;
}

// Each network's side of a part; a line in place of what an older weights file does not say.
function fill(part, judged, contentOf) {
  const sides = props.networks.map((network) => {
    const side = build("div", `side ${network.name}`);
    const card = judged[network.name];
    const isThere = card.evaluation || part === "curves" || part === "alone";
    const content = isThere ? contentOf(network, card) : [build("p", "about", fit(texts.no_figures, { COMMAND: card.command }))];
    side.append(build("h3", "whose", network.title), ...content);
    return side;
  });
  find(`[data-part=${part}] .sides`).replaceChildren(...sides);
}

// Words and numbers.

function figure(name, what, value, words) {
  const one = build("span", "value", words);
  Object.assign(one.dataset, { figure: `${name}-${what}`, value });
  return one;
}

function figuresOf({ name, parameters }, card) {
  const { once, shifts } = card.evaluation;
  const big = figure(name, "accuracy", shifts.accuracy, `${percent(shifts.accuracy)} %`);
  big.classList.add("big");
  const right = fit(texts.right_of, { RIGHT: Math.round(shifts.accuracy * shifts.count).toLocaleString("en"), COUNT: shifts.count.toLocaleString("en"), LOW: percent(shifts.interval[0]), HIGH: percent(shifts.interval[1]) });
  const rows = [
    ["loss", shifts.loss, shifts.loss.toFixed(4)],
    ["calibration", shifts.calibration_error, percent(shifts.calibration_error)],
    ["refused", shifts.refused, `${percent(shifts.refused)} %`],
    ["once", once.accuracy, `${percent(once.accuracy)} %`],
  ].map(([what, value, words]) => [texts[`figure_${what}`], figure(name, what, value, words)]);
  const list = build("dl", "");
  for (const [what, value] of [...rows, [texts.figure_parameters, build("span", "value", parameters)]]) {
    const pair = build("div", "");
    pair.append(build("dt", "", what), inside("dd", value));
    list.append(pair);
  }
  return [big, build("p", "", right), list, perDigit(shifts), build("p", "about", recipeOf(card)), build("p", "about", trainedOf(card))];
}

function inside(tag, part) {
  const one = build(tag, "");
  one.append(part);
  return one;
}

function perDigit({ precision, recall }) {
  const table = build("table", "numbers digits");
  const say = (share) => (share === null ? "–" : share === 1 ? "100" : (100 * share).toFixed(1));
  const rows = [["", ...props.digits], [texts.precision, ...precision.map(say)], [texts.recall, ...recall.map(say)]];
  table.append(...rows.map((row, at) => rowOf(...row.map((cell, column) => build(at && column ? "td" : "th", "", cell)))));
  return table;
}

function recipeOf({ recipe, seed }) {
  const clauses = [["one_cycle"], ["label_smoothing"], ["weight_decay"], ["averaging"], ["distortion"], ["handwriting"], ["non_digits"], ["held_out"]]
    .filter(([what]) => recipe[what])
    .map(([what]) => fit(texts[`recipe_${what}`], { VALUE: recipe[what].toLocaleString("en", { maximumFractionDigits: 6 }) }));
  const optimizer = { adamw: "AdamW", adam: "Adam", sgd: "SGD" }[recipe.optimizer] ?? recipe.optimizer;
  const words = { NAME: recipe.name, EPOCHS: recipe.epochs, OPTIMIZER: optimizer, RATE: recipe.lr, BATCH: recipe.batch_size, SEED: seed };
  return fit(texts.recipe, words) + clauses.map((clause) => texts.recipe_and + clause).join("") + texts.recipe_end;
}

function trainedOf({ date, torch, python }) {
  return fit(texts.trained, { DATE: date.slice(0, 10), TORCH: torch, PYTHON: python });
}

// The digits behind the figures.

function confusionOf(network, { evaluation }) {
  return [matrixOf(network, evaluation.shifts.confusion, texts, (label, answer) => {
    const count = evaluation.shifts.confusion[label][answer];
    const words = fit(texts.opened, { NETWORK: network.title, LABEL: label, ANSWER: answer, COUNT: count });
    showDigits({ network: network.name, cell: [label, answer] }, words, find(`[data-cell="${network.name}-${label}-${answer}"]`));
  })];
}

function worstOf({ name }, { evaluation, misread, suspected, mislabelled }) {
  const list = build("ul", "tiles mistakes");
  const counts = build("p", "about", fit(texts.suspected, { MISREAD: misread, COUNT: suspected, FEWER: mislabelled }));
  askFor({ network: name, worst: true }).then(({ tiles }) => {
    list.append(...evaluation.shifts.worst.map((mistake) => mistakeOf(mistake, tiles.find(({ index }) => index === mistake.index))));
  });
  return [counts, list];
}

function mistakeOf({ index, label, answer, probability }, sample) {
  const item = tile(sample);
  item.dataset.mistake = index;
  const words = fit(texts.mistake, { LABEL: label, ANSWER: answer, PERCENT: percent(probability) });
  const said = build("p", "said");
  said.append(build("b", "", words), build("span", "", votesOf(sample.votes, label)));
  item.append(said);
  return item;
}

function votesOf(votes, label) {
  if (!votes) return texts.votes_none;
  if (votes.other === label) return texts.votes_nothing;
  const words = votes.label >= 3 ? texts.votes_misread : texts.votes_mislabelled;
  return fit(words, { VOTES: votes.label, LABEL: label, RIVALS: votes.other_votes, OTHER: votes.other });
}

function aloneOf({ name, title }, { alone }) {
  const list = build("ul", "tiles");
  askFor({ network: name, alone: true }).then(({ tiles }) => list.append(...tiles.map(tile)));
  return [build("p", "about", fit(texts.alone_about, { NETWORK: title, COUNT: alone })), list];
}

// Pictures.

function refusalOf({ name, title }, { evaluation: { shifts } }) {
  const { count, refusal, threshold } = shifts;
  const last = refusal.findIndex(({ misread }) => misread === 0);
  const rows = refusal.filter((row, at) => row.threshold <= threshold || (row.refused <= MOST * count && (last < 0 || at <= last)));
  const points = rows.map(({ refused, misread }) => [100 * (1 - refused / count), (100 * misread) / Math.max(1, count - refused)]);
  const own = rows.findIndex((row) => row.threshold === threshold);
  const { picture, move } = refusalChart(fit(texts.refusal_chart, { NETWORK: title }), points, points[own], texts);
  const slider = Object.assign(build("input", ""), { type: "range", min: 0, max: rows.length - 1, value: own });
  slider.setAttribute("aria-label", fit(texts.threshold, { NETWORK: title }));
  const said = build("output", "");
  const tell = () => {
    const row = rows[slider.value];
    move(points[slider.value]);
    const level = row.threshold.toFixed(2);
    slider.setAttribute("aria-valuetext", level);
    const values = { LEVEL: level, REFUSED: row.refused, SHARE: percent(row.refused / count), MISREAD: row.misread, ERROR: percent(row.misread / Math.max(1, count - row.refused)), AMONG: rows[0].misread - row.misread };
    said.textContent = fit(texts.refusal_says, values) + (row.threshold === threshold ? texts.as_shipped : "");
    Object.assign(said.dataset, { refusal: name, threshold: row.threshold, refused: row.refused, misread: row.misread });
  };
  slider.addEventListener("input", tell);
  tell();
  return [picture, slider, said];
}

function reliabilityOf({ title }, { evaluation: { shifts } }) {
  const bins = shifts.reliability;
  const label = fit(texts.reliability_chart, { NETWORK: title, ERROR: percent(shifts.calibration_error) });
  const said = bins.map((bin, at) => ({ ...bin, range: `${percent(at / bins.length)}–${percent((at + 1) / bins.length)}` })).filter(({ count }) => count);
  const rows = said.map(({ range, count, confidence, accuracy }) => [range, count.toLocaleString("en"), percent(confidence), percent(accuracy)]);
  return [reliabilityChart(label, bins, texts), build("p", "about", label), asTable([texts.axis_probability, texts.digits, texts.mean, texts.axis_right], rows, texts)];
}

function curvesOf({ title }, { history }) {
  if (!history.length) return [];
  const watched = "validation_loss" in history[0] ? "validation" : "test";
  const columns = { loss: history.map(({ loss }) => loss), watched: history.map((epoch) => epoch[`${watched}_loss`]), right: history.map(({ accuracy }) => 100 * accuracy) };
  const [least, most] = [Math.min(...columns.loss, ...columns.watched), Math.max(...columns.loss, ...columns.watched)];
  const losses = { low: least * 0.8, high: most * 1.25, isLog: true, ticks: ticksOfLog(least * 0.8, most * 1.25), say: sayTick, title: texts.axis_loss };
  const floor = Math.floor(Math.min(...columns.right));
  const shares = { low: floor, high: 100, ticks: ticksWithin(floor, 100, 4), say: (value) => `${+value.toFixed(1)}`, title: texts.axis_right };
  const words = fit(texts.curves_says, { NETWORK: title, EPOCHS: history.length, LOSS: columns.loss.at(-1).toFixed(4), WATCHED: columns.watched.at(-1).toFixed(4), RIGHT: columns.right.at(-1).toFixed(2), WHAT: texts[watched] });
  const rows = history.map((_, at) => [at + 1, columns.loss[at].toFixed(4), columns.watched[at].toFixed(4), columns.right[at].toFixed(2)]);
  return [
    curves(words, losses, [{ values: columns.loss, name: texts.training, className: "training" }, { values: columns.watched, name: texts[watched], className: "watched" }], texts),
    curves(words, shares, [{ values: columns.right, name: texts[watched], className: "watched", below: 16 }], texts),
    build("p", "about", words),
    asTable([texts.axis_epoch, texts.training, texts[watched], texts.axis_right], rows, texts),
  ];
}

// What lies upon the pad.

function mark(button) {
  chosen?.classList.remove("chosen");
  chosen = button;
  chosen?.classList.add("chosen");
  upon.hidden = !chosen;
}

function choose(button, sample) {
  pad.show(sample);
  mark(button);
  button.closest("li").after(upon);
}

function go(name) {
  document.querySelector(`#tab-${name}`).click();
  document.querySelector("#sketchpad").scrollIntoView({ block: "nearest" });
}

radios([...element.querySelectorAll("[data-judged]")], (button) => (element.dataset.shown = button.dataset.judged));
pad.addEventListener("sample", () => pad.sample()?.index === Number(chosen?.dataset.index) || mark(null));
pad.addEventListener("lens", open);
translate(element, texts);
for (const one of upon.querySelectorAll("button")) {
  one.textContent = texts[`lens_${one.dataset.to}`];
  one.addEventListener("click", () => go(one.dataset.to));
}
open();
