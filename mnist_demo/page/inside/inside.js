// Asks what happens inside, of the drawing or of the sample upon the pad, while this lens is open: the layers with every
// change, one question at a time; why, and which digits are alike, when the pen rests.

const AFTER = 3000; // ms after the page is there that the training digits are made ready
const AGAIN = 1000; // ms between two looks whether they are
const SMALL = 168; // pixels a side of the picture of the ink and its box

const texts = chooseTexts(props.texts);
const find = (selector) => element.querySelector(selector);
const pad = await thePad.promise;

let network = props.networks[0].name;
let kernels = {}; // of each network
let steps = null; // what is shown
let rival = null; // the digit that it might have been
let version = 0; // goes up with all that makes what is shown old
let isResting = true;
let cell = null; // [step, cell] that is explained

const layers = layersIn(find(".steps"), texts, (step, chosen) => ((cell = [step, chosen]), explain()));
const isOpen = () => pad.lens() === "inside";
const title = () => props.networks.find(({ name }) => name === network)?.title ?? texts.yours;
const isOwn = () => network === "yours"; // which learns, may be let go, and has no digits that are alike

// What a request is about; null where the pad is blank, undefined where the server, which must know the strokes, cannot
// be reached.
async function subject() {
  const sample = pad.sample();
  const which = isOwn() ? { network, yours: pad.yours()?.key ?? "" } : { network };
  if (sample) return { ...which, sample: sample.index };
  if (pad.isBlank()) return null;
  const drawing = await pad.wire();
  return drawing ? { ...which, drawing } : undefined;
}

// A question that is asked one at a time, of the newest that there is to look at, and again until the server answers.
// `then` hears of the answer, and whether what it is about is still what is looked at; `missed`, of each failure.
function newest(question, then, missed = () => {}) {
  let isAsking = false;
  let isWanted = false;
  return async function ask() {
    isWanted = true;
    while (isWanted && !isAsking && isOpen()) {
      [isAsking, isWanted] = [true, false];
      const mine = version;
      const about = await subject();
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
      const answer = await answerOf("kernels", about);
      if (!answer || answer.gone) return answer;
      kernels[about.network] = answer.map((one) => one && { ...one, values: derived(one) });
    }
    return answerOf("look", about);
  },
  (answer) => show(answer),
  () => element.dataset.trouble === "offline" && blank(texts.slow_short),
);
const explain = newest(
  async (about) => {
    const [step, chosen] = cell ?? [0, [0, 14, 14]];
    const work = await answerOf("work", { ...about, step, cell: chosen });
    return work && { step, chosen, work };
  },
  (answer) => answer && steps && cell && tellWork(answer),
);
const reason = newest(
  async (about) => {
    if (!steps) return null; // `look` has not been answered since the server was away
    const pair = { answer: best(), rival };
    const why = await answerOf("why", { ...about, ...pair });
    return why && { ...pair, why };
  },
  (answer, isCurrent) => answer && isCurrent && steps && because(answer),
);
const compare = newest(
  (about) => answerOf("neighbours", about),
  (answer, isCurrent) => answer && isCurrent && steps && alike(answer),
);

let probabilities = null;
let isRejected = false; // what is shown: not recognised as a digit
const best = () => probabilities.indexOf(Math.max(...probabilities));

function changed() {
  version += 1;
  if (!isOpen()) return;
  find(".reason").hidden = true;
  find(".gone").textContent = "";
  look();
}

function show(answer) {
  if (!answer?.steps) return blank(pad.isBlank() ? texts.inside_blank : texts.too_little);
  element.dataset.blank = false;
  ({ steps, probabilities } = answer);
  isRejected = answer.answer === null;
  layers.show(steps, kernels[network]);
  becoming(answer.sketch);
  say(answer);
  offer();
  if (cell && steps[cell[0]]) explain();
  if (isResting) rest();
}

function blank(words) {
  element.dataset.blank = true;
  steps = probabilities = null;
  find(".saying").textContent = words;
  find("[data-work]").hidden = true;
  alike({ neighbours: [] });
}

function say({ temperature }) {
  const words = isRejected ? texts.inside_unsure : texts.inside_says;
  const percent = (100 * probabilities[best()]).toFixed(1);
  find(".saying").textContent = fit(words, { NETWORK: title(), ANSWER: best(), PERCENT: percent });
  const alone = steps.at(-1).numbers;
  const one = alone.indexOf(Math.max(...alone));
  find(".honest").textContent = fit(texts.honest, { TEMPERATURE: temperature }) + (one === best() ? "" : ` ${fit(texts.differs, { ANSWER: one })}`);
}

// Four pictures of how the drawing became a digit.
function becoming(sketch) {
  const digit = steps[0];
  const stages = sketch ? stagesOf(sketch, digit) : [[texts.stage_sample, small(bytes(digit.bytes), 28)]];
  find(".stages").replaceChildren(...stages.map(([words, picture]) => {
    const figure = build("figure", "stage");
    picture.setAttribute("aria-hidden", true); // its caption says it
    figure.append(picture, build("figcaption", "", words));
    return figure;
  }));
}

function stagesOf({ box: [top, left, bottom, right], side, averaged, darkest, shift: [down, along] }, digit) {
  const grey = bytes(averaged);
  const moves = [[along, "right", "left"], [down, "down", "up"]].filter(([by]) => by);
  const shift = moves.map(([by, one, other]) => fit(texts[by > 0 ? one : other], { COUNT: Math.abs(by) })).join(", ");
  return [
    [fit(texts.stage_box, { WIDTH: right - left, HEIGHT: bottom - top }), boxed(top, left, bottom, right)],
    [fit(texts.stage_averaged, { SIDE: side }), small(grey, 20)],
    [fit(texts.stage_scaled, { DARKEST: darkest.toFixed(2) }), small(grey.map((value) => value / darkest), 20)],
    [fit(texts.stage_digit, { SHIFT: shift || texts.shift_none }), small(bytes(digit.bytes), 28)],
  ];
}

function small(grey, side) {
  const canvas = document.createElement("canvas");
  fill(canvas, Float32Array.from(grey), side, 255);
  return canvas;
}

function boxed(top, left, bottom, right) {
  const ink = document.querySelector(".surface .ink");
  const canvas = build("canvas", "drawn");
  [canvas.width, canvas.height] = [SMALL, SMALL];
  const context = canvas.getContext("2d");
  context.drawImage(ink, 0, 0, SMALL, SMALL);
  context.strokeStyle = getComputedStyle(element).getPropertyValue("--convnet");
  context.lineWidth = 3;
  const scale = SMALL / 280;
  context.strokeRect(left * scale, top * scale, (right - left) * scale, (bottom - top) * scale);
  return canvas;
}

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

// The ten digits, to choose from what it might have been.
function offer() {
  const second = probabilities.map((value, digit) => (digit === best() ? -1 : value));
  if (rival === null || rival === best()) rival = second.indexOf(Math.max(...second));
  const list = find(".rivals");
  if (!list.children.length) list.append(...probabilities.map(chip));
  [...list.children].forEach((one, digit) => {
    one.style.setProperty("--probability", probabilities[digit]);
    one.querySelector("span").textContent = `${(100 * probabilities[digit]).toFixed(probabilities[digit] < 0.0995 ? 1 : 0)} %`;
    one.disabled = digit === best();
    one.setAttribute("aria-pressed", digit === rival);
  });
  find(".why h2").textContent = fit(isRejected ? texts.why_closer : texts.why_not, { ANSWER: best(), RIVAL: rival });
}

function chip(_, digit) {
  const one = build("button", "rival");
  one.type = "button";
  one.dataset.rival = digit;
  one.append(build("b", "", digit), build("span", ""));
  one.addEventListener("click", () => {
    rival = digit;
    offer();
    reason();
  });
  return one;
}

function because({ answer, rival: other, why: { log_odds: odds, moves, speaks_for: plus, speaks_against: minus } }) {
  find(".reason").hidden = false;
  Object.assign(find("[data-why]").dataset, { for: answer, against: other });
  layOver(find(".moves"), moves);
  const place = (one) => texts[`place_${one.vertical}_${one.horizontal}`];
  const values = ({ move, ...one }) => ({ ANSWER: answer, RIVAL: other, PLACE: place(one), ODDS: numeral(odds, 1), HIDDEN: numeral(odds - move, 1) });
  const words = plus ? fit(texts.why_for, values(plus)) : fit(texts.why_nothing, { ANSWER: answer, RIVAL: other });
  const isThere = plus && minus && place(plus) === place(minus);
  find(".because").textContent = words + (minus ? ` ${fit(isThere ? texts.why_against_there : texts.why_against, values(minus))}` : "");
}

// The digit in grey, and over the middle of each hidden patch how far it moved the log-odds.
function layOver(canvas, moves) {
  const digit = bytes(steps[0].bytes);
  const largest = largestOf(moves.flat());
  const margin = (28 - moves.length) / 2;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(28, 28);
  for (let at = 0; at < 784; at += 1) {
    const move = (moves[Math.floor(at / 28) - margin]?.[(at % 28) - margin] ?? 0) / largest;
    const grey = 0.75 * digit[at] * (1 - Math.abs(move));
    const [red, green, blue] = move > 0 ? [60, 120, 255] : [255, 70, 60];
    pixels.data.set([grey + red * Math.abs(move), grey + green * Math.abs(move), grey + blue * Math.abs(move), 255], 4 * at);
  }
  context.putImageData(pixels, 0, 0);
}

function alike(answer) {
  const list = find(".neighbours");
  const isReady = answer?.neighbours;
  if (isOwn()) {
    find(".ready").hidden = false;
    find(".ready").textContent = texts.alike_yours;
    return list.replaceChildren();
  }
  find(".ready").hidden = Boolean(isReady?.length);
  find(".ready").textContent = isReady ? texts.alike_blank : texts.getting_ready;
  list.replaceChildren(...(isReady ?? []).map(neighbour));
  if (answer && !isReady) setTimeout(() => isOpen() && isResting && compare(), AGAIN);
}

function neighbour({ index, label, similarity, image }) {
  const one = build("li", "");
  one.dataset.neighbour = index;
  one.dataset.label = label;
  one.title = fit(texts.neighbour, { INDEX: index, LABEL: label, SIMILARITY: numeral(similarity, 3) });
  one.append(small(bytes(image), 28), build("b", label === best() ? "" : "other", label), build("span", "", numeral(similarity, 3)));
  one.setAttribute("aria-label", one.title);
  return one;
}

function rest() {
  isResting = true;
  if (!isOpen() || !steps) return;
  reason();
  isOwn() ? alike() : compare();
}

function anew() {
  version += 1;
  if (isOpen()) look();
}

// The visitor's own network came, has learnt, or is no longer.
let looks = ""; // which, and how often it was another
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
pad.addEventListener("sample", () => ((isResting = true), changed()));
pad.addEventListener("rest", rest);
pad.addEventListener("lens", () => isOpen() && ((isResting = !pad.isDrawing()), anew()));
find(".layers").addEventListener("keydown", (event) => event.key === "Escape" && cell && (event.stopPropagation(), unexplain()));
radios([...element.querySelectorAll("[data-network]")], (button) => {
  network = button.dataset.network;
  rival = null;
  find(".gone").textContent = "";
  unexplain();
  anew();
});
translate(element, texts);
ownChanged();
blank(pad.isBlank() ? texts.inside_blank : texts.slow_short);
if (isOpen()) look();
setTimeout(() => call("prepare", {}), AFTER);
