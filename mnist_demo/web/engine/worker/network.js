// The forward pass of a network that is a chain of layers, for four images at once. Value `i` of image `n` is at 4 * i + n.
// Inputs that are 0 in all four images are skipped: paper, and units that ReLU set to 0.

/** @typedef {[vertical: number, horizontal: number]} Pair */
/**
 * @typedef {object} Step one layer, or the image itself, as Python describes it
 * @property {string} name
 * @property {string} kind
 * @property {number[]} shape of its values: [maps, rows, columns] or [units]
 * @property {number} parameters
 * @property {[size: Pair, stride: Pair, padding: Pair]} [window] of a convolution or a pool
 * @property {string} [weight] the name of its tensor
 * @property {string} [bias]
 * @property {number} [mean]
 * @property {number} [standard_deviation]
 */
/** @typedef {[top: number, bottom: number, left: number, right: number]} Area of each map; the ends are exclusive */
/**
 * @typedef {object} Layer
 * @property {Step} step
 * @property {number} [index] of that step, if these are its values
 * @property {Float64Array} values its output; the next run overwrites them
 * @property {(area: Area) => Area} reach the part of the output that depends on a part of the input
 * @property {(input: Float64Array, area?: Area, start?: Float64Array) => Float64Array} run compute that part of the output;
 *   `start` (linear layers): what the products are added to instead of the bias
 */
/** @typedef {{answer: number | null, probabilities: number[]}} Reading */

export const SIDE = 28; // pixels
export const LANES = 4; // images
const WHOLE = /** @type {[Pair, Pair]} */ ([[1, 1], [0, 0]]); // stride and padding of a linear layer

/** Return a shape as maps: units are maps of one cell. @param {number[]} shape */
const mapsOf = ([maps, rows = 1, columns = 1]) => [maps, rows, columns];
/** @param {number[]} shape */
export const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1);
/** @param {number[]} shape @returns {Area} */
const wholeOf = (shape) => [0, mapsOf(shape)[1], 0, mapsOf(shape)[2]];

/**
 * Call `visit` with the first and the end index of each row of an area, map by map.
 * @param {number[]} shape
 * @param {Area} area
 * @param {(first: number, end: number) => void} visit
 */
export function rowsIn(shape, [top, bottom, left, right], visit) {
  const [maps, rows, columns] = mapsOf(shape);
  for (let map = 0; map < maps; map += 1) {
    for (let row = top; row < bottom; row += 1) {
      const start = (map * rows + row) * columns;
      visit(LANES * (start + left), LANES * (start + right));
    }
  }
}

/** @param {number[]} shape @param {[Pair, Pair, Pair]} window @returns {(area: Area) => Area} */
function reachOf(shape, [size, stride, padding]) {
  const [, rows, columns] = mapsOf(shape);
  /** @type {(start: number, end: number, axis: 0 | 1, length: number) => Pair} */
  const along = (start, end, axis, length) => [
    Math.max(0, Math.ceil((start + padding[axis] - size[axis] + 1) / stride[axis])),
    Math.min(length, Math.floor((end - 1 + padding[axis]) / stride[axis]) + 1),
  ];
  return ([top, bottom, left, right]) => [...along(top, bottom, 0, rows), ...along(left, right, 1, columns)];
}

/**
 * A convolution; a linear layer is one whose window is its whole input.
 * @param {Step} step
 * @param {number[]} before shape of its input, without padding
 * @param {Float32Array} weight [output][input]
 * @param {Float64Array} bias
 * @returns {Layer}
 */
function weighted(step, before, weight, bias) {
  const [maps, height, width] = mapsOf(before);
  const window = step.window ?? [/** @type {Pair} */ ([height, width]), ...WHOLE];
  const [[rows, columns], [down, across]] = window;
  const inputs = maps * rows * columns;
  const cells = sizeOf(step.shape.slice(1));
  const outputs = step.shape[0] + (step.shape[0] % 2); // two are computed together
  const start = new Float64Array(LANES * outputs).map((_, at) => bias[Math.floor(at / LANES)] ?? 0);
  const values = new Float64Array(LANES * outputs * cells);
  const pairs = new Float32Array(outputs * inputs); // of two outputs, the weights of each input side by side
  for (let output = 0, at = 0; output < step.shape[0]; output += 1) {
    for (let input = 0; input < inputs; input += 1, at += 1) pairs[(output - (output % 2)) * inputs + 2 * input + (output % 2)] = weight[at];
  }
  const places = new Int32Array(inputs); // of the inputs of the cell at the top left
  for (let at = 0; at < inputs; at += 1) {
    const [map, row, column] = [Math.floor(at / columns / rows), Math.floor(at / columns) % rows, at % columns];
    places[at] = LANES * ((map * height + row) * width + column);
  }
  const which = new Int32Array(inputs); // inputs that are not 0, twice their numbers
  const kept = new Float64Array(LANES * inputs);

  /** @type {(x: Float64Array, first: number) => number} */
  function keep(x, first) {
    let count = 0;
    for (let input = 0; input < inputs; input += 1) {
      const at = first + places[input];
      if (x[at] === 0 && x[at + 1] === 0 && x[at + 2] === 0 && x[at + 3] === 0) continue;
      for (let lane = 0; lane < LANES; lane += 1) kept[LANES * count + lane] = x[at + lane];
      which[count] = 2 * input;
      count += 1;
    }
    return count;
  }

  /** @type {(count: number, cell: number, from: Float64Array) => void} */
  function multiply(count, cell, from) {
    for (let output = 0; output < outputs; output += 2) {
      const base = output * inputs;
      const at = LANES * output;
      let a0 = from[at], a1 = from[at + 1], a2 = from[at + 2], a3 = from[at + 3];
      let b0 = from[at + 4], b1 = from[at + 5], b2 = from[at + 6], b3 = from[at + 7];
      for (let one = 0, i = 0; one < count; one += 1, i += LANES) {
        const a = pairs[base + which[one]], b = pairs[base + which[one] + 1];
        const x0 = kept[i], x1 = kept[i + 1], x2 = kept[i + 2], x3 = kept[i + 3];
        a0 += a * x0; a1 += a * x1; a2 += a * x2; a3 += a * x3;
        b0 += b * x0; b1 += b * x1; b2 += b * x2; b3 += b * x3;
      }
      let to = LANES * (output * cells + cell);
      values[to] = a0; values[to + 1] = a1; values[to + 2] = a2; values[to + 3] = a3;
      to += LANES * cells;
      values[to] = b0; values[to + 1] = b1; values[to + 2] = b2; values[to + 3] = b3;
    }
  }

  const [, , wide] = mapsOf(step.shape);
  return {
    step,
    values,
    reach: reachOf(step.shape, window),
    run(x, [top, bottom, left, right] = wholeOf(step.shape), from = start) {
      for (let row = top; row < bottom; row += 1) {
        for (let column = left; column < right; column += 1) {
          multiply(keep(x, LANES * (row * down * width + column * across)), row * wide + column, from);
        }
      }
      return values;
    },
  };
}

/** @param {Step} step @param {number[]} before @returns {Layer} */
function pool(step, before) {
  const [maps, rows, columns] = mapsOf(step.shape);
  const [, height, width] = mapsOf(before);
  const window = /** @type {[Pair, Pair, Pair]} */ (step.window);
  const [size, stride, padding] = window;
  const values = new Float64Array(LANES * sizeOf(step.shape));
  /** @type {(at: number, axis: 0 | 1, length: number) => Pair} */
  const span = (at, axis, length) => [Math.max(0, at * stride[axis] - padding[axis]), Math.min(length, at * stride[axis] - padding[axis] + size[axis])];
  const spans = { down: Array.from({ length: rows }, (_, row) => span(row, 0, height)), across: Array.from({ length: columns }, (_, column) => span(column, 1, width)) };

  /** @type {(x: Float64Array, map: number, row: number, column: number, lane: number) => number} */
  function largest(x, map, row, column, lane) {
    let most = -Infinity;
    for (let y = spans.down[row][0]; y < spans.down[row][1]; y += 1) {
      for (let at = spans.across[column][0]; at < spans.across[column][1]; at += 1) {
        const value = x[LANES * ((map * height + y) * width + at) + lane];
        if (value > most) most = value;
      }
    }
    return most;
  }

  return {
    step,
    values,
    reach: reachOf(step.shape, window),
    run(x, [top, bottom, left, right] = wholeOf(step.shape)) {
      for (let map = 0; map < maps; map += 1) {
        for (let row = top; row < bottom; row += 1) {
          for (let column = left; column < right; column += 1) {
            const to = LANES * ((map * rows + row) * columns + column);
            for (let lane = 0; lane < LANES; lane += 1) values[to + lane] = largest(x, map, row, column, lane);
          }
        }
      }
      return values;
    },
  };
}

/** A layer that changes each value by itself. @param {Step} step @param {(value: number) => number} change @returns {Layer} */
function each(step, change) {
  const values = new Float64Array(LANES * sizeOf(step.shape));
  return {
    step,
    values,
    reach: (area) => area,
    run(x, area = wholeOf(step.shape)) {
      rowsIn(step.shape, area, (first, end) => {
        for (let at = first; at < end; at += 1) values[at] = change(x[at]);
      });
      return values;
    },
  };
}

/** A convolution's input with zeros around it. @param {Step} step @param {number[]} before @returns {Layer} */
function padded(step, before) {
  const [maps, height, width] = mapsOf(before);
  const [, , [above, beside]] = /** @type {[Pair, Pair, Pair]} */ (step.window);
  const shape = [maps, height + 2 * above + 1, width + 2 * beside + 1]; // + 1: PyTorch's "same" of an even size
  const values = new Float64Array(LANES * sizeOf(shape));
  return {
    step: { ...step, kind: "padding", shape },
    values,
    reach: ([top, bottom, left, right]) => [top + above, bottom + above, left + beside, right + beside],
    run(x) {
      rowsIn(before, wholeOf(before), (first, end) => {
        const row = first / LANES / width;
        values.set(x.subarray(first, end), LANES * ((Math.floor(row / height) * shape[1] + (row % height) + above) * shape[2] + beside));
      });
      return values;
    },
  };
}

/** @param {Step} step @returns {Layer} */
function logSoftmax(step) {
  const values = new Float64Array(LANES * step.shape[0]);
  return {
    step,
    values,
    reach: (area) => area,
    run(x) {
      for (let lane = 0; lane < LANES; lane += 1) {
        const units = x.filter((_, at) => at % LANES === lane);
        const sum = logSumExp(units);
        units.forEach((value, unit) => (values[LANES * unit + lane] = value - sum));
      }
      return values;
    },
  };
}

/** @param {Float64Array} values */
function logSumExp(values) {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/**
 * Return the layers that compute the steps. A normalisation becomes part of the layer that follows it, so that paper stays
 * 0 and is skipped, unless that layer pads its input.
 * @param {Step[]} steps the image first
 * @param {Record<string, Float32Array>} tensors
 */
function layersOf(steps, tensors) {
  const layers = /** @type {Layer[]} */ ([]);
  let scale = { mean: 0, deviation: 1 }; // of the pixels, as the next layer takes them
  steps.slice(1).forEach((step, at) => {
    const before = steps[at].shape;
    if (step.kind === "normalize") {
      const [mean, deviation] = [step.mean ?? 0, step.standard_deviation ?? 1];
      if (isPadded(steps[at + 2])) layers.push(each(step, (value) => (value - mean) / deviation));
      else scale = { mean, deviation };
    } else if (step.weight) {
      const weight = tensors[step.weight].map((value) => value / scale.deviation);
      const inputs = weight.length / step.shape[0];
      const bias = Float64Array.from({ length: step.shape[0] }, (_, output) => {
        const sum = weight.subarray(output * inputs, (output + 1) * inputs).reduce((total, value) => total + value, 0);
        return (step.bias ? tensors[step.bias][output] : 0) - scale.mean * sum;
      });
      if (isPadded(step)) layers.push(padded(step, before));
      const { window } = step;
      const own = isPadded(step) ? layers[layers.length - 1].step.shape : before;
      layers.push(weighted(window ? { ...step, window: [window[0], window[1], [0, 0]] } : step, own, weight, bias));
      scale = { mean: 0, deviation: 1 };
    } else if (step.kind === "max-pool") layers.push(pool(step, before));
    else if (step.kind === "relu") layers.push(each(step, (value) => (value > 0 ? value : 0)));
    else layers.push(logSoftmax(step));
    if (step.kind !== "normalize" || isPadded(steps[at + 2])) layers[layers.length - 1].index = at + 1;
  });
  return layers;
}

/** @param {Step | undefined} step */
const isPadded = (step) => step?.kind === "conv" && step.window?.[2].some(Boolean);

/**
 * Fill the four lanes with an image moved by half a pixel towards each corner.
 * @param {Float64Array} lanes
 * @param {Float32Array} image
 */
function shift(lanes, image) {
  const at = (/** @type {number} */ row, /** @type {number} */ column) => (row < 0 || column < 0 || row >= SIDE || column >= SIDE ? 0 : image[row * SIDE + column]);
  for (let row = 0; row <= SIDE; row += 1) {
    for (let column = 0; column <= SIDE; column += 1) {
      const mean = (at(row - 1, column - 1) + at(row - 1, column) + at(row, column - 1) + at(row, column)) / 4;
      for (let lane = 0; lane < LANES; lane += 1) {
        const [y, x] = [row - (lane >> 1), column - (lane & 1)];
        if (y >= 0 && x >= 0 && y < SIDE && x < SIDE) lanes[LANES * (y * SIDE + x) + lane] = mean;
      }
    }
  }
}

/** @typedef {ReturnType<typeof networkOf>} Network */
/** @typedef {{temperature: number, threshold: number, steps: Step[]}} Description */

/**
 * @param {Description} description
 * @param {Record<string, Float32Array>} tensors
 */
export function networkOf({ temperature, threshold, steps }, tensors) {
  const layers = layersOf(steps, tensors);
  const input = new Float64Array(LANES * SIDE * SIDE);

  /** Run all layers on what is in `input`; return log-probabilities. */
  function run() {
    let values = /** @type {Float64Array} */ (input);
    for (const layer of layers) values = layer.run(values);
    return values;
  }

  /** @param {Float32Array} image of pixels in [0, 1] @returns {Reading} */
  function read(image) {
    shift(input, image);
    const four = run();
    const mean = Float64Array.from({ length: four.length / LANES }, (_, unit) => logSumExp(four.subarray(LANES * unit, LANES * (unit + 1))) - Math.log(LANES));
    const certainty = 1 + mean.reduce((sum, log) => sum + Math.exp(log) * log, 0) / Math.log(mean.length);
    const cooled = mean.map((log) => log / temperature);
    const sum = logSumExp(cooled);
    const probabilities = Array.from(cooled, (log) => Math.exp(log - sum));
    return { answer: certainty < threshold ? null : mean.indexOf(Math.max(...mean)), probabilities };
  }

  return { steps, tensors, temperature, layers, input, run, read };
}
