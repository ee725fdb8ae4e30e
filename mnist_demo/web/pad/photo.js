// Knows how a picture comes to the pad: chosen, dropped or pasted; and how it is made small enough to be sent. Does not
// know what becomes of it.

const WIDEST = 1200; // pixels a side of what is sent
const HEAVIEST = 140_000; // bytes
const SMALLER = 0.75; // times the side, where it is still too heavy

export async function sendable(file) {
  const image = await createImageBitmap(file).catch(() => null); // a kind that the browser does not know, or no picture
  const side = image ? Math.max(image.width, image.height) : 0;
  if (file.size <= HEAVIEST && side <= WIDEST) return file;
  let smaller = null;
  for (let to = Math.min(side, WIDEST); image && !(smaller?.size <= HEAVIEST); to *= SMALLER) smaller = await shrunk(image, to / side);
  return smaller;
}

function shrunk(image, scale) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height].map((length) => Math.max(1, Math.round(length * scale)));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.9));
}

// `taken` hears of each file that is chosen by the button, dropped on the surface or pasted anywhere.
export function photosFrom(surface, button, input, taken) {
  const first = (files) => files?.length && taken(files[0]);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => (first(input.files), (input.value = "")));
  surface.addEventListener("dragover", (event) => (event.preventDefault(), surface.classList.add("dropping")));
  surface.addEventListener("dragleave", () => surface.classList.remove("dropping"));
  surface.addEventListener("drop", (event) => {
    event.preventDefault();
    surface.classList.remove("dropping");
    first(event.dataTransfer.files);
  });
  window.addEventListener("paste", (event) => first(event.clipboardData?.files));
}
