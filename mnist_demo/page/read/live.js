// Shows what the networks make of the drawing, while it is drawn. One request at a time; the newest drawing always next.

const REST = 800; // ms after the pen's last move when it is said to rest
const PATIENCE = 2000; // ms until the reader is told that the server is slow

const NONE = Array(10).fill(0); // no probabilities

const texts = chooseTexts(props.texts);
const pad = await appears("#sketchpad");
const find = (selector) => element.querySelector(selector);

let version = 0; // of the drawing: goes up with every change
let answered = 0; // the newest version whose readings are known
let readings = null; // of the drawing, null while it is blank
let sample = null; // the tile of the gallery that is shown instead
let isAway = false; // the server
let isAsking = false;
let resting = 0;

const names = ["brush", "eraser", "undo", "redo", "clear"].map((tool) => texts[tool]);
const pen = watchPad(pad, props.most, names, {
  began: () => (leaveSample(), changed()),
  moved: changed,
  ended: waitForRest,
  edited: (isCleared) => (isCleared && leaveSample(), changed()),
});

function changed() {
  version += 1;
  pad.dataset.blank = pen.isBlank();
  waitForRest();
  if (!pen.isBlank()) return ask();
  readings = null;
  answered = version;
  isAway = false;
  show();
}

function waitForRest() {
  clearTimeout(resting);
  resting = setTimeout(rest, REST);
}

async function ask() {
  if (isAsking || pen.isBlank()) return;
  isAsking = true;
  while (answered < version) {
    const asked = version;
    const late = setTimeout(() => tell(readings, true), PATIENCE);
    const answer = await server.read(pen.drawing); // nothing, where the server is gone
    clearTimeout(late);
    if (pen.isBlank()) break;
    if (answer) answered = Math.max(answered, asked);
    tell(answer ?? readings, !answer);
    if (!answer) await wait(RETRY);
  }
  isAsking = false;
}

function tell(newest, away) {
  if (pen.isBlank()) return;
  readings = newest;
  const isNews = away && !isAway;
  isAway = away;
  show();
  if (isNews) speak();
}

function leaveSample() {
  if (sample) document.dispatchEvent(new CustomEvent("mnist-demo:sample", { detail: null }));
}

// The pen rests: say the answer, and ask once what the pad itself holds. Where that differs, it wins; so it does where
// the strokes are no longer all that was drawn, or many: what is sent must stay within the server's bounds.
async function rest() {
  if (pen.isDrawing()) return;
  if (isAsking || answered < version) return waitForRest();
  speak();
  const asked = version;
  isAsking = true;
  const own = await server.read_pad(await pen.picture());
  isAsking = false;
  if (asked !== version) return ask();
  if (!own || (!pen.mustBecomePicture() && answers(own.readings) === answers(readings))) return;
  pen.replace(own.readings.image ? own.base : "");
  readings = own.readings.image ? own.readings : null;
  pad.dataset.blank = pen.isBlank();
  show();
  speak();
}

const answers = (some) => JSON.stringify(props.networks.map(({ name }) => some?.networks[name].answer ?? null));

function stateOf(shown, answer) {
  if (isAway && !sample) return "offline";
  if (!shown?.image) return "blank";
  return answer === null ? "unknown" : "digit";
}

function show() {
  const shown = sample ?? readings;
  for (const { name } of props.networks) showNetwork(find(`[data-model=${name}]`), shown, name);
  paint(find(".sees canvas"), shown?.image);
  write(find(".source"), sample ? `${texts.sees_sample} ${sample.label}` : shown?.image ? texts.sees_drawing : texts.sees_empty);
  find(".back").hidden = !sample;
  find(".notice").hidden = !isAway;
}

function showNetwork(section, shown, name) {
  const { answer, probabilities } = shown?.networks[name] ?? { answer: null, probabilities: NONE };
  const state = stateOf(shown, answer);
  const verdict = section.querySelector(".verdict");
  verdict.dataset.state = state;
  verdict.dataset.answer = state === "digit" ? answer : "";
  write(verdict.querySelector(".answer"), state === "digit" ? String(answer) : state === "unknown" ? "?" : "");
  write(verdict.querySelector(".remark"), remark(state, probabilities));
  section.querySelectorAll("[data-digit]").forEach((bar, digit) => {
    const probability = probabilities[digit];
    bar.dataset.probability = probability.toFixed(4);
    bar.classList.toggle("best", state === "digit" && digit === answer);
    bar.style.setProperty("--probability", probability);
    write(bar.querySelector(".percent"), shown?.image && state !== "offline" ? percent(probability) : "");
  });
}

// Setting the text that is there already would have the browser lay the page out anew, thirty times a second.
function write(part, words) {
  if (part.textContent !== words) part.textContent = words;
}

function percent(probability) {
  const decimals = probability >= 0.0005 && probability < 0.0995 ? 1 : 0;
  return (100 * probability).toFixed(decimals);
}

function remark(state, probabilities) {
  if (state === "digit") return `${(100 * Math.max(...probabilities)).toFixed(1)} %`;
  return { blank: texts.blank, unknown: texts.unknown, offline: texts.offline_short }[state];
}

function speak() {
  const said = props.networks.map(({ name, title }) => {
    const { answer, state } = find(`[data-model=${name}] [data-answer]`).dataset;
    return `${title}: ${state === "digit" ? answer : remark(state)}`;
  });
  find(".spoken").textContent = pen.isBlank() && !sample ? texts.blank : said.join(". ");
}

// Escape leaves the sample; the pad must not hear of it, or it would clear the drawing behind.
function escape(event) {
  if (event.key !== "Escape" || !sample) return;
  event.stopImmediatePropagation();
  leaveSample();
}

document.addEventListener("mnist-demo:sample", (event) => {
  sample = event.detail;
  show();
  speak();
});
find(".back").addEventListener("click", leaveSample);
window.addEventListener("keydown", escape, true);

radios([...element.querySelectorAll("[data-show]")], (button) => (element.dataset.show = button.dataset.show));

translate(element, texts);
document.title = `${texts.title} · mnist-demo`;
pad.dataset.hint = texts.hint;
pad.dataset.blank = true;
show();

// Head and foot come in the languages that Gradio knows: zh-CN, but not zh or zh-HK.
for (const part of ["#head", "#foot"]) {
  await appears(`${part} [data-text]`);
  translate(document.querySelector(part), texts);
}
