// What Gradio does on its page: start the pad, and follow the reader's light or dark colours. Besides, keep the site offline.

import { find } from "../dom.js";
import { start } from "../pad/component.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = () => document.body.classList.toggle("dark", dark.matches);
dark.addEventListener("change", colour);
colour();
start(find(document, "#sketchpad"), { value: null }, () => {}, () => {});
import("../page.js"); // which waits for the pad
navigator.serviceWorker?.register("sw.js").catch(() => {}); // a browser may forbid it, or the address is not https
