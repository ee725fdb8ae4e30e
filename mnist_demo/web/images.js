// Conversions between bytes, base64 and small grey pictures.

/** @param {string} base64 */
export const bytes = (base64) => Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));

/** @param {Uint8Array} content */
export const base64 = (content) => btoa(Array.from(content, (byte) => String.fromCharCode(byte)).join(""));

/** @param {HTMLCanvasElement} canvas */
export const contextOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/**
 * Paint a digit, 28 x 28 bytes, on a canvas of that size; clear the canvas if there is none.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array | null | undefined} digit
 */
export function paint(canvas, digit) {
  const context = contextOf(canvas);
  if (!digit) return context.clearRect(0, 0, 28, 28);
  const pixels = context.createImageData(28, 28);
  digit.forEach((value, at) => pixels.data.set([value, value, value, 255], 4 * at));
  context.putImageData(pixels, 0, 0);
}
