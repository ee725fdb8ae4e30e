// Pictures that are chosen, dropped or pasted, made small enough to send: a PNG or a JPEG of any picture that the browser
// can show.

import { base64, bytes, contextOf } from "../images.js";

const MAX_PICTURE_PIXELS = 1200; // per side of a picture to send
const MAX_PICTURE_BYTES = 140_000;
const SMALLER = 0.75; // times the side, if the file is still too large
/** @type {[type: string, quality?: number][]} */
const ENCODINGS = [["image/png"], ["image/jpeg", 0.9], ["image/jpeg", 0.75]]; // tried in this order at each size
const SVG_TYPE = "image/svg+xml";

/**
 * Return a picture to send. If the browser cannot show it, return the file itself, which the server may read (TIFF), or
 * null if the file is too large.
 * @param {Blob} file
 */
export async function sendable(file) {
  const image = await shown(file);
  if (!image) return file.size <= MAX_PICTURE_BYTES ? file : null;
  const side = Math.max(image.width, image.height);
  const scale = file.type === SVG_TYPE ? MAX_PICTURE_PIXELS / side : Math.min(1, MAX_PICTURE_PIXELS / side);
  const whole = scaled(image, scale);
  if ("close" in image) image.close();
  const encodings = isOpaque(whole) ? ENCODINGS : ENCODINGS.slice(0, 1); // JPEG has no transparency
  for (let canvas = whole; ; canvas = scaled(whole, (SMALLER * canvas.width) / whole.width)) {
    for (const encoding of encodings) {
      /** @type {Blob | null} */
      const sent = await new Promise((resolve) => canvas.toBlob(resolve, ...encoding));
      if (/** @type {Blob} */ (sent).size <= MAX_PICTURE_BYTES) return sent;
    }
  }
}

/** Return the picture in a file, upright, or null if the browser cannot show it. @param {Blob} file */
async function shown(file) {
  try {
    return await (file.type === SVG_TYPE ? svgImage(file) : createImageBitmap(file, { imageOrientation: "from-image" }));
  } catch {
    return null;
  }
}

/**
 * Return an image of an SVG file. Its address is data:, since Chromium hides the pixels of some SVGs from blob:.
 * @param {Blob} file
 */
async function svgImage(file) {
  const image = new Image();
  image.src = `data:${SVG_TYPE};base64,${base64(new Uint8Array(await file.arrayBuffer()))}`;
  await image.decode();
  return image;
}

/** @param {ImageBitmap | HTMLImageElement | HTMLCanvasElement} image @param {number} scale */
function scaled(image, scale) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height].map((length) => Math.max(1, Math.round(length * scale)));
  const context = contextOf(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
function isOpaque(canvas) {
  const { data } = contextOf(canvas).getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 3; at < data.length; at += 4) if (data[at] < 255) return false;
  return true;
}

/**
 * Return the dropped or pasted picture file: null if there is only an address of one, undefined if there is none. The
 * address itself may hold the picture.
 * @param {DataTransfer} data
 */
function fileIn(data) {
  if (data.files.length) return data.files[0];
  const page = new DOMParser().parseFromString(data.getData("text/html"), "text/html");
  const address = page.querySelector("img[src]")?.getAttribute("src") ?? (data.getData("text/uri-list") || data.getData("text/plain")).trim();
  return pictureIn(address) ?? (page.querySelector("img") || URL.canParse(address) ? null : undefined);
}

/** Return the picture that a data: URL holds; null if it is another address. @param {string} address */
function pictureIn(address) {
  const [, type, isBase64, content] = /^data:(image\/[\w.+-]+)[^,]*?(;base64)?,(.*)$/s.exec(address) ?? [];
  if (!type) return null;
  try {
    const text = decodeURIComponent(content);
    return new Blob([isBase64 ? bytes(text) : text], { type });
  } catch {
    return null;
  }
}

/**
 * Call `taken` with each file chosen by the button, dropped on the surface or pasted anywhere; null is a picture of which
 * only the address is known.
 * @param {HTMLElement} surface
 * @param {HTMLElement} button
 * @param {HTMLInputElement} input
 * @param {(file: Blob | null) => void} taken
 */
export function photosFrom(surface, button, input, taken) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files?.length) taken(input.files[0]);
    input.value = "";
  });
  surface.addEventListener("dragover", (event) => (event.preventDefault(), surface.classList.add("dropping")));
  surface.addEventListener("dragleave", () => surface.classList.remove("dropping"));
  surface.addEventListener("drop", (event) => {
    event.preventDefault();
    surface.classList.remove("dropping");
    taken(fileIn(/** @type {DataTransfer} */ (event.dataTransfer)) ?? null);
  });
  window.addEventListener("paste", ({ clipboardData, target }) => {
    const data = /** @type {DataTransfer} */ (clipboardData);
    const file = fileIn(data);
    const isTyped = !data.files.length && /** @type {Element} */ (target).closest?.("input, textarea");
    if (file !== undefined && !isTyped) taken(file);
  });
}
