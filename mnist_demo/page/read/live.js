// Shows what the networks make of the drawing, while it is drawn, or of a sample. The newest drawing is always asked next,
// and asked again where the visitor's own network has learnt since.
// As long as answers come about as soon as ever, several questions are on their way, for a server may be far; where they
// come later, for it has much to do, only one; where it says that it is busy, none until it wants to be asked again.

const FLIGHTS = 6; // questions on their way, at most: as many connections as a browser opens to one server
const QUEUED = 20; // ms over twice the shortest time to an answer that tell of a queue
const FORGETTING = 1.01; // of that shortest time, an answer: ways change
const REGAINED = 0.5; // of a question on its way, by each answer after the server was busy

const NONE = Array(10).fill(0); // no probabilities

const texts = chooseTexts(props.texts);
const find = (selector) => element.querySelector(selector);
const pad = await thePad.promise;
const offerCorrection = correctIn(find(".correct"), pad, texts);

let asked = 0; // the newest version of the drawing, and of the visitor's network, that was sent
let answered = 0; // the newest version whose readings are known
let learnt = 0; // goes up with each version of the visitor's network
let own = null; // the visitor's network as it is shown
let ofSample = null; // what it says of which sample
let readings = null; // of the drawing, null while it is blank
let trouble = null; // "offline" while the server is away, "slow" while it takes its time, "busy" while it says so
let flights = 0;
let most = FLIGHTS; // that may be, where answers come in time
let pause = 0; // the timer of a server that was busy
let shortest = Infinity; // ms to an answer
let latest = 0;
let isResting = true; // the pen

const version = () => pad.version() + learnt;
const networks = () => (own ? [...props.networks, { name: "yours", title: texts.yours }] : props.networks);

function changed() {
  isResting = false;
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

function hold(ms) {
  most = 1;
  clearTimeout(pause);
  pause = setTimeout(() => {
    pause = 0;
    asked = answered; // to ask again
    ask();
  }, ms);
}

// What the server says to the drawing, of that version or newer, as `call` has it.
async function answerTo(wanted) {
  const start = performance.now();
  const late = setTimeout(() => wanted > answered && tell(readings, trouble ?? "slow"), PATIENCE);
  const drawing = await pad.wire();
  const key = own?.key;
  const { answer, again } = drawing ? await call("read", key ? { ...drawing, yours: key } : drawing) : {};
  clearTimeout(late);
  if (answer?.gone && key === own?.key) pad.own(null, true);
  if (answer) latest = performance.now() - start;
  if (answer) shortest = Math.min(latest, FORGETTING * shortest);
  return { answer, again };
}

function tell(newest, newTrouble) {
  if (pad.isBlank()) return;
  readings = newest;
  const isNews = newTrouble && !trouble;
  trouble = newTrouble;
  if (!trouble) pad.mark(readings.ink);
  show();
  if (isNews) speak();
}

function stateOf(shown, answer) {
  if (trouble && trouble !== "busy" && shown === readings) return "offline";
  if (!shown?.image || answer === undefined) return "blank";
  return answer === null ? "unknown" : "digit";
}

function show() {
  const sample = pad.sample();
  const shown = sample ?? readings;
  for (const { name } of networks()) showNetwork(find(`[data-model=${name}]`), shown, name);
  find(".sees").dataset.blank = !shown?.image;
  paint(find(".sees canvas"), shown?.image);
  write(find(".source"), sample ? `${texts.sees_sample} ${sample.label}` : shown?.image ? texts.sees_drawing : texts.sees_empty);
  offerCorrection(!sample && Boolean(readings?.image));
  find(".notice").hidden = !trouble;
  if (trouble) write(find(".notice"), texts[trouble]);
}

function showNetwork(section, shown, name) {
  const said = name === "yours" && pad.sample() ? (ofSample?.index === shown.index ? ofSample.said : null) : shown?.networks[name];
  const { answer, probabilities: known } = said ?? { probabilities: NONE };
  const state = stateOf(shown, answer);
  const probabilities = state === "offline" ? NONE : known;
  const verdict = section.querySelector(".verdict");
  verdict.dataset.state = state;
  verdict.dataset.answer = state === "digit" ? answer : "";
  write(verdict.querySelector(".answer"), state === "digit" ? String(answer) : state === "unknown" ? "?" : "");
  const isSilent = shown?.image && !said && state === "blank";
  write(verdict.querySelector(".remark"), isSilent ? texts.yours_silent : remark(state, probabilities));
  section.querySelectorAll("[data-digit]").forEach((bar, digit) => {
    const probability = probabilities[digit];
    bar.dataset.probability = probability.toFixed(4);
    bar.classList.toggle("best", state === "digit" && digit === answer);
    bar.style.setProperty("--probability", probability);
    write(bar.querySelector(".percent"), shown?.image && said && state !== "offline" ? percent(probability) : "");
  });
}

// Setting the text that is there already would have the browser lay the page out anew, thirty times a second.
function write(part, words) {
  if (part.textContent !== words) part.textContent = words;
}

function percent(probability) {
  return probability < 0.0005 ? "0" : (100 * probability).toFixed(1);
}

function remark(state, probabilities) {
  if (state === "digit") return `${(100 * Math.max(...probabilities)).toFixed(1)} %`;
  if (state === "blank" && trouble) return texts.slow_short;
  if (state === "blank" && !pad.sample() && readings?.ink) return texts.too_little;
  return { blank: texts.blank, unknown: texts.unknown, offline: texts[`${trouble}_short`] }[state];
}

function speak() {
  const said = networks().map(({ name, title }) => {
    const { answer, state } = find(`[data-model=${name}] [data-answer]`).dataset;
    return `${title}: ${state === "digit" ? answer : remark(state)}`;
  });
  if (trouble === "busy") said.unshift(texts.busy);
  find(".spoken").textContent = pad.isBlank() && !pad.sample() ? texts.blank : said.join(". ");
}

// The visitor's own network.

const isLearning = () => ["starting", "training"].includes(own?.state);

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

// Its bars beside the others' as long as there is such a network, and what it is.
function place() {
  const radio = find("[data-show=yours]");
  radio.hidden = !own;
  const shown = find("[data-model=yours]");
  if (!own) {
    shown?.remove();
    if (element.dataset.show === "yours") find("[data-show=both]").click();
    return;
  }
  const section = shown ?? find(".network").cloneNode(true);
  if (!shown) {
    section.dataset.model = "yours";
    section.setAttribute("aria-label", texts.yours);
    const [name, about] = section.querySelectorAll("header button");
    name.textContent = texts.yours;
    explainBy(name, texts.tip_yours);
    about.classList.add("own");
    explainBy(about, texts.tip_own);
    find(".networks").append(section);
  }
  section.dataset.learning = isLearning();
  const accuracy = own.figures && (100 * own.figures.test_accuracy).toFixed(2);
  const kind = props.networks.find(({ name }) => name === own.network)?.title ?? own.network;
  write(section.querySelector(".own"), `${kind}, ${fit(texts[`yours_${own.state}`] ?? "", { ACCURACY: accuracy })}`);
}

// What it says of the sample upon the pad, asked one at a time, and again where it has learnt meanwhile.
let isAsking = false;
async function askOfSample() {
  const sample = pad.sample();
  if (!sample || !own || isAsking) return;
  const { key, looks } = own;
  isAsking = true;
  const answer = await answerOf("marks", { indices: [sample.index], yours: key });
  if (!answer) await wait(RETRY);
  isAsking = false;
  if (answer?.gone && key === own?.key) return pad.own(null, true);
  if (answer?.marks.length) ofSample = { index: sample.index, said: answer.marks[0] };
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

radios([...element.querySelectorAll("[data-show]")], (button) => (element.dataset.show = button.dataset.show));

translate(element, texts);
document.title = `${texts.title} · mnist-demo`;
ownChanged();
changed();

// Head and foot come in the languages that Gradio knows: zh-CN, but not zh or zh-HK.
for (const part of ["#head", "#foot"]) {
  await appears(`${part} [data-text]`);
  translate(document.querySelector(part), texts);
}
