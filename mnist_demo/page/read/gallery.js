// Shows samples of the test set; a click lays one upon the pad.

const texts = chooseTexts(props.texts);
const pad = await thePad.promise;
const list = element.querySelector(".tiles");
const hard = element.querySelector(".hard");
let only = ""; // the digit asked for, or any
let chosen = null; // the tile shown
let asked = 0; // the newest request's number

const tile = tilesOf(props.networks, texts, choose);

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
pad.addEventListener("sample", () => pad.sample()?.index === Number(chosen?.dataset.index) || mark(null));

translate(element, texts);
element.querySelector(".legend").textContent = texts.legend.replace("NETWORKS", props.networks.map(({ title }) => title).join(", "));
fill();
