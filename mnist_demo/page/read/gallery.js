// Shows samples of the test set; a click lays one upon the pad.

const texts = chooseTexts(props.texts);
const pad = await thePad.promise;
const list = element.querySelector(".tiles");
const hard = element.querySelector(".hard");
let only = ""; // the digit asked for, or any
let chosen = null; // the tile shown
let asked = 0; // the newest request's number

function tile(sample) {
  const button = document.createElement("button");
  button.type = "button";
  Object.assign(button.dataset, { label: sample.label, index: sample.index });
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 28;
  paint(canvas, sample.image);
  const label = document.createElement("span");
  label.className = "label";
  label.textContent = sample.label;
  const under = document.createElement("span");
  under.className = "under";
  under.append(label, ...props.networks.map((network) => verdict(network, sample)));
  button.append(canvas, under);
  button.setAttribute("aria-label", describe(sample));
  button.title = describe(sample);
  button.addEventListener("click", () => choose(button, sample));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function verdict({ name }, sample) {
  const { answer } = sample.networks[name];
  const one = document.createElement("span");
  one.className = `mark ${name} ${answer === sample.label ? "right" : "wrong"}`;
  one.textContent = answer === sample.label ? "✓" : (answer ?? "?");
  return one;
}

function describe(sample) {
  const said = props.networks.map(({ name, title }) => `${title} ${texts.reads_as} ${sample.networks[name].answer ?? texts.nothing_known}`);
  return `${texts.label} ${sample.label}. ${said.join(". ")}`;
}

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
  let samples = await server.pick(wanted); // nothing, where the server is gone
  while (!samples && mine === asked) {
    await wait(RETRY);
    samples = await server.pick(wanted);
  }
  if (mine !== asked) return;
  chosen = null;
  list.replaceChildren(...samples.map(tile));
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
pad.addEventListener("sample", () => pad.sample() || mark(null));

translate(element, texts);
element.querySelector(".legend").textContent = texts.legend.replace("NETWORKS", props.networks.map(({ title }) => title).join(", "));
fill();
