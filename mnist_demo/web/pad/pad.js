// The page's pad: the sketchpad, and the state that all lenses share.
//
// It fires "change" (the drawing changed), "rest" (the pen is idle), "subject" (the lenses look at another digit),
// "sample" (a sample was loaded or removed), "lens" (another lens was opened) and "yours" (the user's own network is new,
// has learnt, or is gone).

import { appears, find } from "../dom.js";
import { asking, engine } from "../engine/engine.js";
import { base64, bytes } from "../images.js";
import { lensesIn } from "../lenses/tabs.js";
import { settings } from "../settings.js";
import { texts, translate } from "../texts.js";
import { correctionsKept, written } from "./corrections.js";
import { boxesOn } from "./boxes.js";
import { closeApiView } from "../programs.js";
import { mask } from "./paint.js";
import { photosFrom, sendable } from "./photo.js";
import { sketchpadOf } from "./sketchpad.js";
import { pictureOf, storeDrawing, storedDrawing } from "./stored.js";

/** @typedef {typeof pad} Pad */
/** @typedef {import("../engine/interface.js").Sample} Sample */
/**
 * The user's own network: its key, its kind, the state of its training, and how often it changed.
 * @typedef {{key: string, network: string, state: string, looks: number, figures: any}} Yours
 */

/**
 * A digit of a number, as the networks see it.
 * @typedef {object} Part
 * @property {import("./segmentation.js").Box} box around its ink on the pad
 * @property {import("./preprocess.js").Sketch} sketch
 * @property {import("./history.js").Action[]} actions its strokes
 */

const REST = 800; // ms after its last move, the pen is idle

const element = await appears("#pen");
const under = await appears("#sketchpad");
const sketchpad = await sketchpadOf(await appears("#sketchpad .pad"));
const { surface, toolbar } = sketchpad;
const { insist } = asking(element);
const label = find(surface, ".shown");
const word = find(surface, ".word");
const showBoxes = boxesOn(find(surface, ".boxes"));

/** @type {Sample | null} */
let sample = null; // the sample on the pad
/** @type {Sample | null} */
let covered = null; // the sample that the current stroke replaced
let resting = 0;
let taking = 0; // the number of the newest chosen picture; a stroke cancels it
/** @type {Yours | null} */
let yours = null;
/** @type {Part | null} */
let part = null; // the digit of a number that is looked at

const events = new EventTarget();
const tell = (/** @type {string} */ what) => events.dispatchEvent(new Event(what));

function begun() {
  taking += 1;
  covered = sample;
  show(null);
}

function changed() {
  word.hidden = true;
  tell("change");
  waitForRest();
}

/** @param {Sample | null} one */
function show(one) {
  if (!one && !sample) return;
  sample = one;
  surface.dataset.sample = String(Boolean(sample));
  label.hidden = !sample;
  if (sample) find(label, ".what").textContent = `${texts.sees_sample} ${sample.label}`;
  sketchpad.show(sample && mask(bytes(sample.image), 28));
  tell("sample");
}

// The Escape key first closes the API view, a tip or a sample, if there is one, before it clears the pad.
function escaped() {
  if (closeApiView()) return true;
  /** @type {HTMLElement | null} */
  const explained = document.querySelector("[data-tip]:focus-visible");
  explained?.blur();
  if (explained || !sample) return Boolean(explained);
  show(null);
  return true;
}

function waitForRest() {
  under.dataset.resting = "false";
  clearTimeout(resting);
  resting = setTimeout(rest, REST);
}

function rest() {
  if (sketchpad.isDrawing()) return;
  under.dataset.resting = "true";
  storeDrawing(sketchpad.actions());
  tell("rest");
}

/**
 * Put the ink of a chosen, dropped or pasted picture on the pad; the server finds the ink. `file` is null if only the
 * picture's address was dropped. Undo removes the ink.
 * @param {Blob | null} file
 */
async function take(file) {
  if (settings.isStatic) return say(texts.static_photo);
  if (!file) return say(texts.picture_address);
  const mine = (taking += 1);
  const isWanted = () => mine === taking;
  say(texts.picture_reading);
  const sent = await sendable(file).catch(() => null); // an SVG without a size
  const content = sent && base64(new Uint8Array(await sent.arrayBuffer()));
  const found = content ? await insist(() => engine.inkOfPhoto(content), ({ code }) => code === "busy" && isWanted()).catch(() => ({ ink: null })) : null;
  if (!isWanted()) return;
  if (!found?.ink) return say(found ? texts[found.ink === "" ? "no_ink" : "no_picture"] : sent ? texts.offline : texts.no_picture);
  const picture = await unpacked(found.ink);
  if (!isWanted()) return;
  sketchpad.add(picture);
  waitForRest();
  show(null);
}

/** Unpack ink from the server: one bit per pixel, deflated. @param {string} ink */
async function unpacked(ink) {
  const stream = new Blob([bytes(ink)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return pictureOf(new Uint8Array(await new Response(stream).arrayBuffer()));
}

/**
 * Set the user's network, null if the server dropped it; this tab keeps its key when the page reloads.
 * @param {Yours | null} one
 */
function own(one, wasLetGo = false) {
  yours = one;
  if (one?.state === "done") engine.keep(one.key);
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
    return JSON.parse(sessionStorage.getItem("yours") ?? "null");
  } catch {
    return null;
  }
}

/**
 * Mark the digits of a number on the pad, none if there is no number; one of them is looked at.
 * @param {import("./segmentation.js").Box[]} boxes
 * @param {number} chosen which of them
 * @param {Part | null} newPart
 */
function mark(boxes, chosen, newPart) {
  showBoxes(boxes, chosen);
  const before = part;
  part = newPart;
  if (String(before?.sketch.digit) !== String(part?.sketch.digit)) tell("subject");
}

/** @param {string} words */
function say(words) {
  word.textContent = words;
  word.hidden = false;
}

// The height of the page that is visible at once: less than the window's, if that is a frame as high as its page.
function measure() {
  const { width, height } = screen;
  const isLying = innerWidth > innerHeight || screen.orientation?.type.startsWith("landscape");
  const shown = isLying ? Math.min(width, height) : Math.max(width, height);
  find(document, "#page").style.setProperty("--room", `${Math.min(innerHeight, shown)}px`);
}

window.addEventListener("resize", measure);
measure();
sketchpad.addEventListener("begin", begun);
sketchpad.addEventListener("abandon", () => show(covered));
sketchpad.addEventListener("change", changed);
sketchpad.addEventListener("end", waitForRest);
sketchpad.onEscape(escaped);
const [photo, file] = [find(toolbar, "[data-tool=photo]"), /** @type {HTMLInputElement} */ (find(element, ".file"))];
file.disabled = settings.isStatic; // no dialog opens
photosFrom(surface, photo, file, take);
if (settings.isStatic) photo.addEventListener("click", () => take(null));
find(label, ".back").addEventListener("click", () => show(null));
translate(element);
const stored = storedDrawing();
if (stored.length) sketchpad.restore(stored);
window.addEventListener("pagehide", () => storeDrawing(sketchpad.actions()));
yours = settings.isStatic ? null : kept();
const lens = lensesIn(find(element, ".lenses"), settings.lenses, texts, () => tell("lens"));

export const pad = {
  addEventListener: events.addEventListener.bind(events),
  isBlank: sketchpad.isBlank,
  isDrawing: sketchpad.isDrawing,
  version: sketchpad.version,
  read: sketchpad.read,
  actions: sketchpad.actions,
  mark,
  /** Return the steps to the digit that is looked at: the drawing's, or one of its number's; null if there is too little. */
  sketch: () => part?.sketch ?? sketchpad.read().sketch,
  /** Return the box of the selected digit, or undefined unless a number is drawn. */
  partBox: () => part?.box,
  written: () => written(part?.actions ?? sketchpad.actions()),
  corrections: correctionsKept(),
  sample: () => sample,
  show,
  lens,
  yours: () => yours,
  own,
};
under.dataset.ready = "true";
