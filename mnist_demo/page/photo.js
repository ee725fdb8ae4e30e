// Take pictures that are chosen, dropped or pasted, and make them small enough to be sent: a PNG or a JPEG of whatever the
// browser can show. Does not know what becomes of them.

const MAX_PICTURE_PIXELS = 1200; // a side of what is sent
const MAX_PICTURE_BYTES = 140_000;
const SMALLER = 0.75; // times the side if it is still too heavy
const ENCODINGS = [["image/png"], ["image/jpeg", 0.9], ["image/jpeg", 0.75]]; // tried in this order at each size
const SVG_TYPE = "image/svg+xml";

// Return a picture as it is sent. If the browser cannot show it, that is the file itself, for the server may read it (TIFF);
// or null if the file is too heavy for that.
async function sendable(file) {
  const image = await shown(file);
  if (!image) return file.size <= MAX_PICTURE_BYTES ? file : null;
  const side = Math.max(image.width, image.height);
  const scale = file.type === SVG_TYPE ? MAX_PICTURE_PIXELS / side : Math.min(1, MAX_PICTURE_PIXELS / side);
  const whole = scaled(image, scale);
  image.close?.();
  const encodings = isOpaque(whole) ? ENCODINGS : ENCODINGS.slice(0, 1); // JPEG has no transparency
  for (let canvas = whole; ; canvas = scaled(whole, (SMALLER * canvas.width) / whole.width)) {
    for (const encoding of encodings) {
      const sent = await new Promise((resolve) => canvas.toBlob(resolve, ...encoding));
      if (sent.size <= MAX_PICTURE_BYTES) return sent;
    }
  }
}

// Return what the browser makes of a file, upright; null if it cannot show it.
async function shown(file) {
  try {
    return await (file.type === SVG_TYPE ? svgImage(file) : createImageBitmap(file, { imageOrientation: "from-image" }));
  } catch {
    return null;
  }
}

// Return an image of an SVG file. Its address is data:, since Chromium hides the pixels of some that come from blob:.
async function svgImage(file) {
  const image = new Image();
  image.src = `data:${SVG_TYPE};base64,${await base64(file)}`;
  await image.decode();
  return image;
}

function scaled(image, scale) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height].map((length) => Math.max(1, Math.round(length * scale)));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function isOpaque(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 3; at < data.length; at += 4) if (data[at] < 255) return false;
  return true;
}

// Return the picture file in what is dropped or pasted; null if there is only the address of one, undefined if there is
// none. A page may hold the picture in the address itself.
function fileIn(data) {
  if (data.files.length) return data.files[0];
  const page = new DOMParser().parseFromString(data.getData("text/html"), "text/html");
  const address = page.querySelector("img[src]")?.getAttribute("src") ?? (data.getData("text/uri-list") || data.getData("text/plain")).trim();
  return pictureIn(address) ?? (page.querySelector("img") || URL.canParse(address) ? null : undefined);
}

// Return the picture that a data: URL holds; null if it is another address.
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

// `taken` hears of each file that is chosen by the button, dropped on the surface or pasted anywhere; null stands for a
// picture of which only the address came.
function photosFrom(surface, button, input, taken) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) taken(input.files[0]);
    input.value = "";
  });
  surface.addEventListener("dragover", (event) => (event.preventDefault(), surface.classList.add("dropping")));
  surface.addEventListener("dragleave", () => surface.classList.remove("dropping"));
  surface.addEventListener("drop", (event) => {
    event.preventDefault();
    surface.classList.remove("dropping");
    taken(fileIn(event.dataTransfer) ?? null);
  });
  window.addEventListener("paste", ({ clipboardData, target }) => {
    const file = fileIn(clipboardData);
    const isTyped = !clipboardData.files.length && target.closest?.("input, textarea");
    if (file !== undefined && !isTyped) taken(file);
  });
}
