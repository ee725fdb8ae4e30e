// The pad: paper, pen and tools of the page's own upon Gradio's editor, and what every lens may know of them.
//
// Lenses get it from `thePad` and hear "change" (the drawing is another), "rest" (the pen lies still), "sample" (one is
// shown upon the paper, or no longer), "lens" (another one is open) and "yours" (there is a network of the visitor's own,
// or it has learnt, or it is no longer). The digits that the visitor corrected are had from it, too.

const REST = 800; // ms after the pen's last move when it is said to rest

const texts = chooseTexts(props.texts);
const under = await appears("#sketchpad");
const stored = await storedDrawing();
const [surface, toolbar] = element.querySelectorAll(".surface, .tools");
const label = surface.querySelector(".shown");
const word = surface.querySelector(".word");

let version = 0; // of the drawing: goes up with every change
let sample = null; // what the gallery showed, and its picture
let covered = null; // the sample that was left by the stroke that is being drawn
let resting = 0;
let taking = 0; // the number of the newest picture that was chosen; a stroke leaves it behind
let yours = null; // the visitor's own network: its key, what it is, how its training stands, how often it was another

const drawing = drawingWithin(props.most, (sent) => insist("settle", sent, whileBusy));
const ink = inkOn(surface.querySelector("canvas"));
const editor = editorUnder(under);
const pen = penOn(surface, toolbar, drawing, {
  began: edited,
  moved: changed,
  ended: waitForRest,
  abandoned: () => (changed(), show(covered)),
  edited,
  escaped,
});

const events = new EventTarget();
const tell = (what) => events.dispatchEvent(new Event(what));

function edited() {
  taking += 1;
  covered = sample;
  show(null);
  changed();
}

function changed() {
  version += 1;
  word.hidden = true;
  paint();
  const last = drawing.actions().at(-1);
  if (!last?.erase) mark(Boolean(last));
  pen.offer();
  tell("change");
  waitForRest();
}

function paint() {
  ink.show(drawing.actions(), sample?.picture);
}

// Whether there is ink: where all of it was erased, the server knows, and the pad invites again.
function mark(isInked) {
  under.dataset.blank = !isInked;
}

function show(one) {
  if (!one && !sample) return;
  sample = one && { ...one, picture: mask(bytes(one.image), 28) };
  under.dataset.sample = Boolean(sample);
  label.hidden = !sample;
  if (sample) label.querySelector(".what").textContent = `${texts.sees_sample} ${sample.label}`;
  paint();
  tell("sample");
}

// Leave what the Escape key leaves before it clears, if there is any: the API view, a tip, a sample.
function escaped() {
  if (closeApiView()) return true;
  const explained = document.querySelector("[data-tip]:focus-visible");
  explained?.blur();
  if (explained || !sample) return Boolean(explained);
  show(null);
  return true;
}

function waitForRest() {
  clearTimeout(resting);
  resting = setTimeout(rest, REST);
}

// The pen rests: what the editor itself holds is asked for once, and where it differs, and can be, it wins.
async function rest() {
  if (pen.isDrawing()) return;
  storeDrawing(drawing.actions());
  tell("rest");
  const rested = version;
  const isCurrent = () => rested === version && !pen.isDrawing();
  const picture = await editor.picture(drawing.actions());
  const sent = picture && isCurrent() && (await drawing.wire());
  const own = sent && isCurrent() && (await server.read_pad({ picture, drawing: sent }));
  if (!own?.base || !isCurrent()) return;
  if (await lay(own.base, isCurrent)) editor.holds(drawing.actions());
}

// Lays a picture, as the server packs it, over all that was drawn; undo takes it away.
async function lay(base, isWanted) {
  const picture = await unpacked(base);
  if (!isWanted()) return false;
  drawing.add({ picture, base });
  changed();
  return true;
}

// Lay the ink of a picture that was chosen, dropped or pasted, which the server finds; null if only its address was.
async function take(file) {
  if (!file) return say(texts.picture_address);
  const mine = (taking += 1);
  const isWanted = () => mine === taking;
  say(texts.picture_reading);
  const sent = await sendable(file).catch(() => null); // an SVG of no size
  const found = sent && (await insist("take", await base64(sent), (isBusy) => isBusy && isWanted()));
  if (!isWanted()) return;
  if (found?.base) return (await lay(found.base, isWanted)) && show(null);
  say(found ? texts[found.base === "" ? "no_ink" : "no_picture"] : sent ? texts.offline : texts.no_picture);
}

// The visitor's network is another, or was let go by the server; this tab keeps its key when the page is loaded anew.
function own(one, wasLetGo = false) {
  yours = one;
  try {
    one ? sessionStorage.setItem("yours", JSON.stringify(one)) : sessionStorage.removeItem("yours");
  } catch {} // a browser may forbid it
  if (wasLetGo) say(texts.yours_gone);
  tell("yours");
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem("yours"));
  } catch {
    return null;
  }
}

function say(words) {
  word.textContent = words;
  word.hidden = false;
}

// How much of the page a screen shows at once: less than the window, where that is a frame as high as its page.
function measure() {
  const { width, height } = screen;
  const isLying = innerWidth > innerHeight || screen.orientation?.type.startsWith("landscape");
  const shown = isLying ? Math.min(width, height) : Math.max(width, height);
  document.querySelector("#page").style.setProperty("--room", `${Math.min(innerHeight, shown)}px`);
}

window.addEventListener("resize", measure);
measure();
photosFrom(surface, toolbar.querySelector("[data-tool=photo]"), element.querySelector(".file"), take);
label.querySelector(".back").addEventListener("click", () => show(null));
translate(element, texts);
for (const one of toolbar.querySelectorAll("button")) {
  one.title = texts[one.dataset.tool] + (texts[`${one.dataset.tool}_key`] ?? "");
  one.setAttribute("aria-label", texts[one.dataset.tool]);
}
under.prepend(surface, toolbar);
mark(false);
drawing.restore(stored);
if (stored.length) changed();
window.addEventListener("pagehide", () => storeDrawing(drawing.actions()));
yours = kept();
const lens = lensesIn(element.querySelector(".lenses"), props.lenses, texts, () => tell("lens"));
thePad.resolve({
  addEventListener: events.addEventListener.bind(events),
  isBlank: () => drawing.actions().length === 0,
  isDrawing: pen.isDrawing,
  version: () => version,
  wire: drawing.wire,
  written: () => written(drawing.actions()),
  corrections: correctionsKept(),
  sample: () => sample,
  show,
  mark,
  lens,
  yours: () => yours,
  own,
});
