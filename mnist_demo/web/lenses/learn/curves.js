// The curves of a training: loss and accuracy per step. A pointer, a finger or arrow keys choose a step, whose values are
// shown.

import { build } from "../../dom.js";
import { fit, numeral } from "../../texts.js";
import { chart, draw, LEFT, path, RIGHT, sayTick, ticksOfLog, ticksWithin, TOP, WIDTH } from "../axes.js";

/**
 * @typedef {object} Course the progress of a training; `key` if it is the user's own, `run` if it is another user's
 * @property {string} [key]
 * @property {string} [run]
 * @property {{steps: number, epochs: number, watched: string}} total null at first
 * @property {[step: number, epoch: number, loss: number][]} steps
 * @property {[step: number, loss: number, accuracy: number][]} epochs
 * @property {[step: number, share: number][]} rights of the hundred digits on the wall
 * @property {any} last the server's last answer
 */
/** @typedef {ReturnType<typeof chart>} Plot */

const LOW = 165; // the height of the lower chart, in the unit of its viewBox
const FOOT = 24; // the part of it with the labels of steps, which the upper chart lacks
const ERRORS = [80, 50, 20, 10, 5, 2, 1, 0.5, 0.2]; // per cent: the ticks of the accuracy are 100 minus these
const NARROW = 18; // the width of an epoch's number
const NAMED = 44; // the width of "epoch 1"
const MAX_POINTS = 400; // of a line

/** @param {HTMLElement} root @param {Record<string, string>} texts */
export function curvesIn(root, texts) {
  const pictures = [draw("svg", { class: "chart" }), draw("svg", { class: "chart" })];
  const value = build("output", "value");
  let course = /** @type {Course} */ (/** @type {unknown} */ (null));
  let chosen = /** @type {number | null} */ (null); // a step; null for the newest
  root.append(value, ...pictures);
  Object.assign(root, { tabIndex: 0, role: "slider" });
  root.setAttribute("aria-label", texts.curves_of);

  /** @param {Course | null} newer */
  function show(newer) {
    if (newer?.key !== course?.key || newer?.run !== course?.run) chosen = null;
    course = /** @type {Course} */ (newer);
    const steps = course?.total?.steps;
    const across = { low: 0, high: steps ?? 1, ticks: steps ? ticksWithin(0, steps, 5) : [], say: (/** @type {number} */ tick) => numeral(tick), title: texts.axis_step };
    const loss = chart("", { ...across, ticks: [], title: "" }, lossAxis(), LOW);
    const right = chart("", across, rightAxis(), LOW);
    put(pictures[0], loss, LOW - FOOT, steps ? [...epochsOn(loss, true), ...lossLines(loss), ...hair(loss)] : []);
    put(pictures[1], right, LOW, steps ? [...epochsOn(right, false), ...rightLines(right), ...hair(right)] : []);
    say();
  }

  /** @param {Element} picture @param {Plot} plot @param {number} height @param {Element[]} parts */
  function put(picture, plot, height, parts) {
    picture.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    picture.replaceChildren(...plot.picture.childNodes, ...parts);
  }

  function lossAxis() {
    const all = course ? [...course.steps.map(([, , loss]) => loss), ...course.epochs.map(([, loss]) => loss)].filter(isPlaced) : [];
    const [low, high] = [Math.min(0.12, ...all) / 1.5, Math.max(2.4, ...all) * 1.4];
    return { low, high, isLog: true, ticks: ticksOfLog(low, high), say: sayTick, title: texts.axis_loss };
  }

  // The error rate is on a logarithmic axis, since the last per cent are the hardest to gain.
  function rightAxis() {
    const best = Math.max(0.99, ...(course?.epochs ?? []).map(([, , accuracy]) => accuracy));
    const high = Math.max(0.1, 60 * (1 - best));
    return { low: 100, high, isLog: true, ticks: ERRORS.filter((tick) => tick > high), say: (/** @type {number} */ tick) => `${100 - tick}`, title: texts.axis_right };
  }

  /** Draw the borders of epochs, and their numbers if there is room. @param {Plot} plot @param {boolean} isNamed */
  function epochsOn({ across, floor }, isNamed) {
    const { steps, epochs } = course.total;
    const wide = across(steps / epochs) - across(0);
    const every = Math.ceil(NARROW / wide);
    const start = across(0) + 3;
    const parts = [];
    for (let epoch = 1; epoch <= epochs; epoch += 1) {
      const end = across((epoch * steps) / epochs);
      if (epoch < epochs && wide > 4) parts.push(draw("line", { class: "epoch", x1: end, x2: end, y1: TOP, y2: floor }));
      const middle = end - wide / 2;
      if (!isNamed || (epoch - 1) % every) continue;
      if (epoch === 1) parts.push(draw("text", { class: "epoch", x: Math.max(start, middle - NAMED / 2), y: TOP + 9 }, `${texts.axis_epoch} 1`));
      else if (middle - NARROW / 2 > start + NAMED) parts.push(draw("text", { class: "epoch", x: middle, y: TOP + 9, "text-anchor": "middle" }, epoch));
    }
    return parts;
  }

  /** @param {Plot} plot */
  function lossLines(plot) {
    const seen = few(course.steps.map(([step, , loss]) => [step, loss]).filter(([, loss]) => isPlaced(loss)));
    const judged = course.epochs.map(([step, loss]) => [step, loss]).filter(([, loss]) => isPlaced(loss));
    const lines = [path(plot, seen, "line training"), ...watched(plot, judged)];
    return [...lines, ...named("training", texts.training, TOP + 27)];
  }

  /** @param {Plot} plot */
  function rightLines(plot) {
    const { low, high } = rightAxis();
    const wrong = (/** @type {number} */ share) => Math.min(Math.max(100 * (1 - share), high), low);
    const wall = few(course.rights.map(([step, share]) => [step, wrong(share)]));
    const lines = [path(plot, wall, "line hundred"), ...watched(plot, course.epochs.map(([step, , accuracy]) => [step, wrong(accuracy)]))];
    return [...lines, ...named("hundred", texts.curve_hundred, plot.floor - 21)];
  }

  /** @param {Plot} plot @param {number[][]} points */
  function watched(plot, points) {
    const dots = points.map(([x, y]) => draw("circle", { class: "watched", r: 3.5, cx: plot.across(x), cy: plot.up(y) }));
    return [path(plot, points, "line watched"), ...dots];
  }

  /**
   * Label a chart's two lines, its own and that of the watched digits, at the right, from `top` down.
   * @param {string} own
   * @param {string} words
   * @param {number} top
   */
  function named(own, words, top) {
    const both = [[own, words], ["watched", texts[course.total.watched]]];
    return both.flatMap(([className, name], at) => {
      const [y, end] = [top + 14 * at, WIDTH - RIGHT];
      const sample = draw("line", { class: `line ${className}`, x1: end - 16, x2: end, y1: y - 3.5, y2: y - 3.5 });
      return [sample, draw("text", { class: className, x: end - 21, y, "text-anchor": "end" }, name)];
    });
  }

  /** Mark the chosen step. @param {Plot} plot */
  function hair({ across, floor }) {
    const at = chosen === null ? null : nearest(chosen);
    return at ? [draw("line", { class: "hair", x1: across(at[0]), x2: across(at[0]), y1: TOP, y2: floor })] : [];
  }

  const isPlaced = (/** @type {number} */ loss) => loss > 0 && loss < Infinity; // on a logarithmic axis; a loss that is not finite comes as null
  const few = (/** @type {number[][]} */ points) => {
    const every = Math.ceil(points.length / MAX_POINTS);
    return points.filter((_, at) => at % every === 0 || at === points.length - 1);
  };
  const nearest = (/** @type {number} */ step) => course.steps.reduce((best, one) => (Math.abs(one[0] - step) < Math.abs(best[0] - step) ? one : best), course.steps[0]);

  // The values at the chosen step, or the newest ones.
  function say() {
    const at = course?.steps.length ? (chosen === null ? course.steps.at(-1) : nearest(chosen)) : null;
    const [step, epoch, loss] = at ?? [0, 0, 0];
    const right = at && course.rights.findLast(([when]) => when <= step);
    const whole = at && course.epochs.findLast(([when]) => when <= step);
    const words = [
      at && fit(texts.curve_loss, { step, epoch, loss: numeral(loss, loss < 1000 ? 3 : 0) }),
      right && fit(texts.curve_wall, { count: numeral(100 * right[1]) }),
      whole && fit(texts.curve_watched, { what: texts[course.total.watched], share: numeral(100 * whole[2], 2) }),
    ].filter(Boolean);
    value.textContent = words.join(" · ") || texts.curve_blank;
    root.setAttribute("aria-valuenow", String(step));
    root.setAttribute("aria-valuemax", String(course?.total?.steps ?? 0));
    root.setAttribute("aria-valuetext", value.textContent);
  }

  /** @param {number | null} step */
  function choose(step) {
    chosen = step;
    if (course) show(course);
  }

  /** @param {any} event */
  function point({ clientX, currentTarget }) {
    if (!course?.steps.length) return;
    const { left, width } = currentTarget.getBoundingClientRect();
    const share = (((clientX - left) * WIDTH) / width - LEFT) / (WIDTH - LEFT - RIGHT);
    choose(Math.min(Math.max(share, 0), 1) * course.total.steps);
  }

  /** @param {KeyboardEvent} event */
  function walk(event) {
    if (!course?.steps.length) return;
    const all = course.steps.map(([step]) => step);
    const at = chosen === null ? all.length - 1 : all.indexOf(nearest(chosen)[0]);
    const far = Math.ceil(all.length / 10);
    /** @type {Record<string, number>} */
    const places = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - far, PageUp: at + far, Home: 0, End: all.length };
    const to = places[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to >= all.length ? null : all[Math.max(to, 0)]);
  }

  for (const picture of pictures) {
    picture.addEventListener("pointermove", point);
    picture.addEventListener("pointerdown", point);
    picture.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && choose(null));
  }
  root.addEventListener("keydown", walk);
  root.addEventListener("focusout", () => choose(null));
  show(null);

  return { show };
}
