// The pad as a Gradio component: its value is the drawing's strokes.

import { texts, translate } from "../texts.js";
import { sketchpadIn } from "./sketchpad.js";

const EVERY = 50; // ms between two changes of the value while the pen is down

/**
 * @param {HTMLElement} element of the component
 * @param {{value: string | null}} props
 * @param {(event: string) => void} trigger
 * @param {(prop: string, changed: () => void) => void} watch
 */
export function start(element, props, trigger, watch) {
  const pad = sketchpadIn(/** @type {HTMLElement} */ (element.querySelector(".pad")));
  let due = 0;
  let latest = "[]"; // the drawing, as it was last sent or received: only another one is sent or drawn

  const say = () => {
    clearTimeout(due);
    due = 0;
    const value = JSON.stringify(pad.actions().filter((action) => "points" in action));
    if (value === latest) return;
    latest = props.value = value;
    trigger("change");
  };

  const draw = () => {
    const actions = JSON.parse(props.value || "[]");
    const value = JSON.stringify(actions);
    if (value === latest) return;
    latest = value;
    pad.restore(actions);
  };
  if (props.value) draw();
  watch("value", draw);

  translate(element);
  for (const one of pad.toolbar.querySelectorAll("button")) {
    const tool = one.dataset.tool ?? "";
    one.title = texts[tool] + (texts[`${tool}_key`] ?? "");
    one.setAttribute("aria-label", texts[tool]);
  }
  pad.addEventListener("change", () => (due ||= setTimeout(say, EVERY)));
  pad.addEventListener("end", say);
}
