// The page's pad: the sketchpad, and what every lens may know of what lies upon it.
//
// It tells of "change" (the drawing is another), "rest" (the pen is idle), "sample" (one is shown upon the paper, or no
// longer), "lens" (another one is open) and "yours" (there is a network of the visitor's own, or it has learnt, or it is
// no longer).

import { appears } from "../dom.js";
import { engine, insist } from "../engine/engine.js";
import { base64, bytes } from "../images.js";
import { lensesIn } from "../lenses/tabs.js";
import { settings } from "../settings.js";
import { texts, translate } from "../texts.js";
import { correctionsKept, written } from "./corrections.js";
import { mask } from "./paint.js";
import { photosFrom, sendable } from "./photo.js";
import { sketchpadOf } from "./sketchpad.js";
import { SIDE } from "./strokes.js";

const REST = 800; // ms after the pen's last move when it is idle

const element = await appears("#pen");
const under = await appears("#sketchpad");
const sketchpad = await sketchpadOf(await appears("#sketchpad .pad"));
const { surface, toolbar } = sketchpad;
const label = surface.querySelector(".shown");
const word = surface.querySelector(".word");

let sample = null; // what the gallery showed
let resting = 0;
let yours = null; // the visitor's own network: its key, what it is, how its training stands, how often it was another

const events = new EventTarget();
const tell = (what) => events.dispatchEvent(new Event(what));

function changed() {
  word.hidden = true;
  tell("change");
  waitForRest();
}

function show(one) {
  if (!one && !sample) return;
  sample = one;
  surface.dataset.sample = Boolean(sample);
  label.hidden = !sample;
  if (sample) label.querySelector(".what").textContent = `${texts.sees_sample} ${sample.label}`;
  sketchpad.show(sample && mask(bytes(sample.image), 28));
  tell("sample");
}

// What the Escape key leaves before it clears: the words that explain another, or a sample.
function escaped() {
  const explained = document.querySelector("[data-tip]:focus-visible");
  explained?.blur();
  if (explained || !sample) return Boolean(explained);
  show(null);
  return true;
}

function waitForRest() {
  clearTimeout(resting);
  resting = setTimeout(() => sketchpad.isDrawing() || tell("rest"), REST);
}

// A picture that somebody chose, dropped or pasted: its ink is laid over all that was drawn; undo takes it away.
async function take(file) {
  const sent = await sendable(file);
  const whileBusy = ({ code }) => code === "busy";
  const found = sent && (await insist(async () => engine.inkOfPhoto(base64(new Uint8Array(await sent.arrayBuffer()))), whileBusy));
  if (found?.ink && !sketchpad.isDrawing()) {
    const ink = await unpacked(found.ink);
    sketchpad.add({ picture: mask(ink, SIDE), ink });
    waitForRest();
    return show(null);
  }
  say(found ? texts[found.ink === "" ? "no_ink" : "no_picture"] : sent ? texts.offline : texts.no_picture);
}

// Ink as the server packs it: a bit a pixel, deflated.
async function unpacked(packed) {
  const stream = new Blob([bytes(packed)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bits = new Uint8Array(await new Response(stream).arrayBuffer());
  return Uint8Array.from({ length: SIDE * SIDE }, (_, at) => 255 * ((bits[at >> 3] >> (7 - (at & 7))) & 1));
}

// The visitor's network is another, or was let go by the server; this tab keeps its key when the page is loaded anew.
function own(one, wasLetGo = false) {
  yours = one;
  try {
    if (one) sessionStorage.setItem("yours", JSON.stringify(one));
    else sessionStorage.removeItem("yours");
  } catch {
    // a browser may forbid it
  }
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
sketchpad.addEventListener("begin", () => show(null));
sketchpad.addEventListener("change", changed);
sketchpad.addEventListener("end", waitForRest);
sketchpad.onEscape(escaped);
photosFrom(surface, toolbar.querySelector("[data-tool=photo]"), element.querySelector(".file"), take);
label.querySelector(".back").addEventListener("click", () => show(null));
translate(element);
yours = kept();
const lens = lensesIn(element.querySelector(".lenses"), settings.lenses, texts, () => tell("lens"));

export const pad = {
  addEventListener: events.addEventListener.bind(events),
  isBlank: sketchpad.isBlank,
  isDrawing: sketchpad.isDrawing,
  version: sketchpad.version,
  read: sketchpad.read,
  written: () => written(sketchpad.actions()),
  corrections: correctionsKept(),
  sample: () => sample,
  show,
  lens,
  yours: () => yours,
  own,
};
under.dataset.ready = "true";
