// Shows samples of the test set; a click lays one upon the pad.

const texts = chooseTexts(props.texts);
const pad = await thePad.promise;
const list = element.querySelector(".tiles");
const hard = element.querySelector(".hard");
let only = ""; // the digit asked for, or any
let chosen = null; // the tile shown
let asked = 0; // the newest request's number
let shown = []; // samples
let marked = ""; // which network of the visitor's, as it was when, and which request, the samples are marked by
let isMarking = false;

const MARKS = 1000; // ms between two looks at how the samples are read by a network that learns
const all = [...props.networks, { name: "yours", title: texts.yours }];
const tile = tilesOf(all, texts, choose);

function mark(button) {
  chosen?.classList.remove("chosen");
  chosen = button;
  chosen?.classList.add("chosen");
}

function choose(button, sample) {
  pad.show(sample);
  mark(button);
}

async function fill() {
  const wanted = { digit: only === "" ? null : Number(only), hard: hard.getAttribute("aria-pressed") === "true" };
  const mine = (asked += 1);
  const samples = await insist("pick", wanted, () => mine === asked);
  if (mine !== asked) return;
  chosen = null;
  shown = samples;
  list.replaceChildren(...samples.map(tile));
  own();
}

// The marks of the visitor's own network, where there is one.
async function own() {
  const yours = pad.yours();
  tellLegend();
  if (!yours) return markBy([]);
  const wanted = `${yours.key} ${yours.looks} ${asked}`;
  if (isMarking || marked === wanted || pad.lens() !== "read" || !shown.length) return;
  isMarking = true;
  const samples = shown;
  const answer = await answerOf("marks", { indices: samples.map(({ index }) => index), yours: yours.key });
  if (answer?.gone && yours.key === pad.yours()?.key) pad.own(null, true);
  if (answer?.marks && samples === shown && pad.yours()) markBy(answer.marks);
  if (answer?.marks) marked = wanted;
  await wait(MARKS);
  isMarking = false;
  own();
}

function markBy(marks) {
  [...list.querySelectorAll("button")].forEach((button, at) => {
    const { networks } = shown[at];
    marks[at] ? (networks.yours = marks[at]) : delete networks.yours;
    tile.tell(button, shown[at]);
  });
}

function tellLegend() {
  const named = pad.yours() ? all : props.networks;
  const [before, after] = texts.legend.split("NETWORKS");
  const names = named.flatMap(({ name, title }, at) => [at ? ", " : "", build("span", `mark ${name}`, title)]);
  element.querySelector(".legend").replaceChildren(before, ...names, after);
}

radios([...element.querySelectorAll("[data-only]")], (button) => {
  only = button.dataset.only;
  fill();
});
hard.addEventListener("click", () => {
  hard.setAttribute("aria-pressed", hard.getAttribute("aria-pressed") !== "true");
  fill();
});
element.querySelector(".shuffle").addEventListener("click", fill);
pad.addEventListener("sample", () => pad.sample()?.index === Number(chosen?.dataset.index) || mark(null));

pad.addEventListener("yours", own);
pad.addEventListener("lens", own);
translate(element, texts);
tellLegend();
fill();
