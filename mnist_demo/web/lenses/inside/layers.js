// The steps of a network as pictures: their values from the server, their maps, and the places of cells in them.

import { build } from "../../dom.js";
import { bytes, contextOf } from "../../images.js";
import { fit, numeral } from "../../texts.js";

/** @typedef {{name: string, kind: string, shape: number[], parameters?: number} & Record<string, any>} Step as sent by
 * the server, with more fields that depend on its kind */
/** @typedef {number[]} Cell map, row, column; or the number of a unit */
/** @typedef {{shape: number[], values: Float32Array} | null} Kernels of a step: null unless it is a convolution */
/** @typedef {Record<string, string>} Texts */

const AROUND = 1; // pixel between two kernels of one map
const BETWEEN = 6; // pixels
const STRIP = 25; // units in a row, of a step without maps

/** Return the values of each step; those that the server leaves out are derived. @param {Step[]} steps */
function valuesOf(steps) {
  const all = /** @type {Float32Array[]} */ ([]);
  for (const step of steps) all.push(derived(step, all.at(-1), steps[all.length - 1]));
  return all;
}

/** @param {Step | any} step @param {any} [values] of the step `before` @param {any} [before] @returns {Float32Array} */
export function derived(step, values, before) {
  if (step.numbers) return Float32Array.from(step.numbers);
  if (step.bytes) return Float32Array.from(bytes(step.bytes), (byte) => step.low + byte * step.unit);
  if (step.kind === "relu") return values.map((/** @type {number} */ value) => Math.max(0, value));
  if (step.kind === "normalize") return values.map((/** @type {number} */ value) => (value - step.mean) / step.standard_deviation);
  return pooled(step, values, before.shape);
}

/** @param {Step} step @param {Float32Array} values @param {number[]} before shape of the step before */
function pooled({ shape: [maps, rows, columns], window: [size, stride, padding] }, values, [, height, width]) {
  const largest = new Float32Array(maps * rows * columns).fill(-Infinity);
  for (let at = 0; at < largest.length; at += 1) {
    const [map, row, column] = [Math.floor(at / rows / columns), Math.floor(at / columns) % rows, at % columns];
    for (let y = row * stride[0] - padding[0]; y < row * stride[0] - padding[0] + size[0]; y += 1) {
      for (let x = column * stride[1] - padding[1]; x < column * stride[1] - padding[1] + size[1]; x += 1) {
        if (y < 0 || x < 0 || y >= height || x >= width) continue;
        largest[at] = Math.max(largest[at], values[(map * height + y) * width + x]);
      }
    }
  }
  return largest;
}

/** Return the colour of a value in [-1, 1]: warm and bright above 0, blue below, black at 0. @param {number} value */
function shade(value) {
  return value >= 0 ? [255 * value, 236 * value, 190 * value] : [-70 * value, -130 * value, -255 * value];
}

/** @param {HTMLCanvasElement} canvas @param {Float32Array} values @param {number} width @param {number} largest */
export function fill(canvas, values, width, largest) {
  const context = contextOf(canvas);
  const pixels = context.createImageData(width, Math.ceil(values.length / width));
  values.forEach((value, at) => pixels.data.set([...shade(Math.max(-1, Math.min(1, value / largest))), 255], 4 * at));
  [canvas.width, canvas.height] = [pixels.width, pixels.height];
  context.putImageData(pixels, 0, 0);
}

export const largestOf = (/** @type {ArrayLike<number>} */ values) =>
  /** @type {number[]} */ (values).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);

/** Paint the kernels of one map side by side. @param {NonNullable<Kernels>} kernels @param {number} map */
function montage({ shape: [, within, height, width], values }, map) {
  const columns = Math.min(within, Math.ceil(Math.sqrt(within * 1.5)));
  const rows = Math.ceil(within / columns);
  const canvas = document.createElement("canvas");
  canvas.className = "kernel";
  [canvas.width, canvas.height] = [columns * (width + AROUND) - AROUND, rows * (height + AROUND) - AROUND];
  const context = contextOf(canvas);
  const largest = largestOf(values);
  for (let one = 0; one < within; one += 1) {
    const piece = document.createElement("canvas");
    const start = (map * within + one) * height * width;
    fill(piece, values.subarray(start, start + height * width), width, largest);
    context.drawImage(piece, (one % columns) * (width + AROUND), Math.floor(one / columns) * (height + AROUND));
  }
  return canvas;
}

/**
 * Show the steps of one network in `list`; elements are created again if the steps have changed. `chosen` is called with
 * the cell that the pointer, a tap or the arrow keys choose.
 * @param {HTMLElement} list
 * @param {Texts} texts
 * @param {(step: number, cell: Cell) => unknown} chosen
 */
export function layersIn(list, texts, chosen) {
  let made = ""; // the steps that have elements
  let maps = /** @type {HTMLCanvasElement[][]} */ ([]); // of each step, its canvases
  let shapes = /** @type {number[][]} */ ([]);

  /** @param {Step[]} steps @param {Kernels[] | undefined} kernels */
  function show(steps, kernels) {
    const wanted = JSON.stringify(steps.map(({ name, shape }) => [name, shape])) + Boolean(kernels);
    if (wanted !== made) make(steps, kernels);
    made = wanted;
    valuesOf(steps).forEach((values, at) => paintStep(steps[at], values, maps[at]));
  }

  /** @param {Step[]} steps @param {Kernels[] | undefined} kernels */
  function make(steps, kernels) {
    shapes = steps.map(({ shape }) => shape);
    maps = [];
    list.replaceChildren(...steps.map((step, at) => section(step, at, kernels?.[at])));
  }

  /** @param {Step} step @param {number} at @param {Kernels | undefined} kernels */
  function section(step, at, kernels) {
    const { name, kind, shape, parameters } = step;
    const own = build("section", `step ${kind} ${shape.length === 3 ? "mapped" : "flat"}`);
    Object.assign(own.dataset, { step: at, shape: shape.join("x") });
    const head = build("header", "");
    head.append(build("h3", "", name), build("span", "about", about(kind, shape, parameters)));
    const cells = build("div", "maps");
    cells.tabIndex = 0;
    cells.setAttribute("role", "application");
    cells.setAttribute("aria-label", `${name}, ${shape.join(" × ")}. ${texts.tip_layers}`);
    maps.push(Array.from({ length: shape.length === 3 ? shape[0] : 1 }, (_, map) => mapOf(cells, map, kernels)));
    if (kind === "log-softmax") cells.append(numbers(shape[0]));
    own.append(head, cells);
    heed(cells, at);
    return own;
  }

  /** @param {string} kind @param {number[]} shape @param {number | undefined} parameters */
  function about(kind, shape, parameters) {
    const count = parameters ? ` · ${fit(texts.weights_of, { count: parameters })}` : "";
    return `${texts[`kind_${kind}`] ?? kind} · ${shape.join(" × ")}${count}`;
  }

  /** @param {HTMLElement} cells @param {number} map @param {Kernels | undefined} kernels */
  function mapOf(cells, map, kernels) {
    const figure = build("figure", "map");
    const inner = build("span", "inner");
    const canvas = document.createElement("canvas");
    inner.append(canvas);
    figure.append(inner);
    if (kernels) figure.append(montage(kernels, map));
    cells.append(figure);
    return canvas;
  }

  /** @param {number} count */
  function numbers(count) {
    const rows = build("ol", "outputs");
    rows.append(...Array.from({ length: count }, (_, digit) => {
      const row = build("li", "");
      row.append(build("b", "", digit), build("span", "log"), build("span", "share"));
      return row;
    }));
    return rows;
  }

  /** @param {Step} step @param {Float32Array} values @param {HTMLCanvasElement[]} canvases */
  function paintStep(step, values, canvases) {
    const [, height, width] = step.shape.length === 3 ? step.shape : [1, 1, columnsOf(step.shape)];
    const size = step.shape.length === 3 ? height * width : values.length;
    const largest = step.kind === "image" ? 1 : largestOf(values);
    canvases.forEach((canvas, map) => fill(canvas, values.subarray(map * size, (map + 1) * size), width, largest));
    if (step.kind !== "log-softmax") return;
    const rows = /** @type {HTMLElement} */ (canvases[0].closest(".maps")).querySelectorAll(".outputs li");
    rows.forEach((/** @type {any} */ row, digit) => {
      row.querySelector(".log").textContent = numeral(values[digit], 2);
      row.querySelector(".share").textContent = `${numeral(100 * Math.exp(values[digit]), 1)} %`;
    });
  }

  const columnsOf = (/** @type {number[]} */ [count]) => Math.min(count, count > 100 ? 2 * STRIP : STRIP);

  /**
   * Return the cell at a place in a canvas of a step; the function below does the reverse.
   * @type {(step: number, map: number, row: number, column: number) => Cell}
   */
  function cellAt(step, map, row, column) {
    if (shapes[step].length === 3) return [map, row, column];
    return [row * columnsOf(shapes[step]) + column];
  }

  /** @param {number} step @param {Cell} cell */
  function placeOf(step, cell) {
    if (cell.length === 3) return cell;
    const columns = columnsOf(shapes[step]);
    return [0, Math.floor(cell[0] / columns), cell[0] % columns];
  }

  /** @type {(step: number, cell: Cell) => boolean} */
  const isCell = (step, cell) => cell.length === shapes[step].length && cell.every((at, axis) => at >= 0 && at < shapes[step][axis]);

  /** @param {HTMLElement} cells @param {number} step */
  function heed(cells, step) {
    let current = /** @type {Cell | null} */ (null);
    const choose = (/** @type {Cell} */ cell) => isCell(step, cell) && chosen(step, (current = cell));
    const point = (/** @type {any} */ event) => {
      const canvas = event.target.closest(".inner")?.firstChild;
      if (!canvas) return;
      const box = canvas.getBoundingClientRect();
      const row = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
      const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
      choose(cellAt(step, maps[step].indexOf(canvas), row, column));
    };
    cells.addEventListener("pointermove", (event) => event.pointerType !== "touch" && point(event));
    cells.addEventListener("click", point);
    cells.addEventListener("focus", () => cells.matches(":focus-visible") && choose(current ?? middle(step)));
    cells.addEventListener("keydown", (event) => {
      /** @type {Record<string, number[]>} */
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      /** @type {Record<string, number>} */
      const turns = { PageUp: -1, PageDown: 1 };
      const [map, row, column] = placeOf(step, current ?? middle(step));
      if (event.key in turns && shapes[step].length === 3) choose([map + turns[event.key], row, column]);
      else if (event.key in moves) choose(cellAt(step, map, row + moves[event.key][0], column + moves[event.key][1]));
      else return;
      event.preventDefault();
    });
  }

  const middle = (/** @type {number} */ step) => shapes[step].map((length, axis) => (shapes[step].length === 3 && axis ? Math.floor(length / 2) : 0));

  /**
   * Draw frames around the cell, its inputs in the step before, and the part of the digit that they depend on.
   * @param {number} step
   * @param {Cell} cell
   * @param {number[][]} seen
   * @param {[number, number, number, number]} pixels
   */
  function frame(step, cell, seen, pixels) {
    unframe();
    const [map, row, column] = placeOf(step, cell);
    outline(maps[step][map], "cell", row, column, row + 1, column + 1);
    if (seen.length === 3) {
      const [[first, last], [top, bottom], [left, right]] = seen;
      for (const canvas of maps[step - 1].slice(first, last)) outline(canvas, "seen", top, left, bottom, right);
    } else if (seen.length === 1 && seen[0][1] - seen[0][0] === 1) {
      const [, y, x] = placeOf(step - 1, [seen[0][0]]);
      outline(maps[step - 1][0], "seen", y, x, y + 1, x + 1);
    }
    if (step > 1) outline(maps[0][0], "pixels", ...pixels);
  }

  /** @type {(canvas: HTMLCanvasElement, kind: string, top: number, left: number, bottom: number, right: number) => void} */
  function outline(canvas, kind, top, left, bottom, right) {
    const one = build("span", `frame ${kind}`);
    const [x, y] = [100 / canvas.width, 100 / canvas.height];
    Object.assign(one.style, { top: `${top * y}%`, left: `${left * x}%`, width: `${(right - left) * x}%`, height: `${(bottom - top) * y}%` });
    /** @type {HTMLElement} */ (canvas.parentElement).append(one);
  }

  function unframe() {
    for (const one of list.querySelectorAll(".frame")) one.remove();
  }

  /**
   * Place a panel beside a step so that it covers neither that nor the step before: below, or above where it does not fit.
   * @param {number} step
   * @param {HTMLElement} panel
   */
  function layBy(step, panel) {
    const [own, before] = [step, Math.max(step - 1, 0)].map((at) => list.children[at].getBoundingClientRect());
    const host = /** @type {Element} */ (panel.offsetParent).getBoundingClientRect();
    const isBelow = own.bottom + panel.offsetHeight < innerHeight || before.top < panel.offsetHeight;
    panel.style.top = `${(isBelow ? own.bottom + BETWEEN : before.top - panel.offsetHeight - BETWEEN) - host.top}px`;
  }

  return { show, frame, unframe, layBy };
}
