// The words of the page in the reader's language, and what else every part that is no Gradio component of its own needs.

const thePad = (window.mnistDemo ??= Promise.withResolvers()); // the one thing that the parts of the page share
const RETRY = 1000; // ms between two tries while the server cannot be reached
const PATIENCE = 2000; // ms until the reader is told that the server is slow
const BUSY = 503; // the status of a server that has too much to do, and says when to ask again
const SOONEST = 0.3; // of that time: not all shall come back at once
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Calls a server function of this part of the page, as Gradio's `server` does, which does not tell why there is no
// answer. `again`: ms after which a busy server wants to be asked again; without either, the server cannot be reached.
// The part says so itself, in its `.away`, until a call is answered.
async function call(name, data) {
  const late = setTimeout(() => tellTrouble("slow"), PATIENCE);
  const outcome = await post(name, data);
  clearTimeout(late);
  tellTrouble("answer" in outcome ? "" : outcome.again ? "busy" : "offline");
  return outcome;
}

function tellTrouble(trouble) {
  if ((element.dataset.trouble ?? "") === trouble) return;
  element.dataset.trouble = trouble;
  const line = element.querySelector(".away");
  if (line) line.textContent = texts[trouble] ?? "";
}

async function post(name, data) {
  const { root, api_prefix, components } = window.gradio_config;
  const isOwn = ({ elem_id, server_fns }) => server_fns?.includes(name) && element.closest(`#${elem_id}`);
  const { id } = components.find(({ props }) => isOwn(props));
  const address = `${new URL(root, location).pathname.replace(/\/$/, "")}${api_prefix}/component_server/`;
  const body = JSON.stringify({ data, component_id: id, fn_name: name });
  try {
    const response = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (response.ok) return { answer: await response.json() };
    const seconds = response.status === BUSY ? Number(response.headers.get("Retry-After")) : 0;
    return seconds > 0 ? { again: 1000 * seconds * (SOONEST + (1 - SOONEST) * Math.random()) } : {};
  } catch {
    return {};
  }
}

const answerOf = async (name, data) => (await call(name, data)).answer;

// The answer, asked for until there is one or it is not wanted; `isWanted` hears whether the server is busy, not gone.
async function insist(name, data, isWanted = () => true) {
  const { answer, again } = await call(name, data);
  if (answer || !isWanted(Boolean(again))) return answer;
  await wait(again ?? RETRY);
  return insist(name, data, isWanted);
}

const whileBusy = (isBusy) => isBusy;

function chooseTexts(tables) {
  const isChinese = navigator.language.toLowerCase().startsWith("zh");
  document.documentElement.lang = isChinese ? "zh" : "en";
  return isChinese ? tables.zh : tables.en;
}

function translate(root, texts) {
  for (const one of root.querySelectorAll("[data-text]")) one.textContent = texts[one.dataset.text];
  for (const one of root.querySelectorAll("[data-text-label]")) one.setAttribute("aria-label", texts[one.dataset.textLabel]);
  for (const one of root.querySelectorAll("[data-text-tip]")) explainBy(one, texts[one.dataset.textTip]);
}

// Words with values in place of the names that stand in them in capitals.
const fit = (words, values) => Object.entries(values).reduce((all, [name, value]) => all.replaceAll(name, value), words);

// A number as the page writes it: so many decimals, thousands apart, a real minus sign, and no "-0.00".
function numeral(value, decimals = 0) {
  const words = value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return words.replace(/^-(?=[0.]*$)/, "").replace("-", "−");
}

const build = (tag, className, words = "") => Object.assign(document.createElement(tag), { className, textContent: words });

function explainBy(one, tip) {
  if (!tip) return one.classList.remove("term"); // a network that these words do not know
  one.dataset.tip = tip;
  one.setAttribute("aria-description", tip);
}

// A group of radio buttons: one is chosen, by a click or from its neighbour by an arrow key, and Tab goes to that one.
// Those that are hidden are passed over.
function radios(buttons, chosen) {
  const mark = (which) => {
    for (const one of buttons) {
      one.setAttribute("aria-checked", one === which);
      one.tabIndex = one === which ? 0 : -1;
    }
  };
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
  for (const button of buttons) {
    button.addEventListener("click", () => (mark(button), chosen(button)));
    button.addEventListener("keydown", (event) => {
      if (!step[event.key]) return;
      event.preventDefault();
      const shown = buttons.filter((one) => !one.hidden);
      const next = shown.at((shown.indexOf(button) + step[event.key]) % shown.length);
      next.focus();
      next.click();
    });
  }
  mark(buttons[0]);
}

async function base64(blob) {
  const reader = new FileReader();
  await new Promise((resolve) => {
    reader.onload = resolve;
    reader.readAsDataURL(blob);
  });
  return reader.result.split(",")[1];
}

const bytes = (base64) => Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));

function paint(canvas, image) {
  const context = canvas.getContext("2d");
  if (!image) return context.clearRect(0, 0, 28, 28);
  const pixels = context.createImageData(28, 28);
  bytes(image).forEach((value, at) => pixels.data.set([value, value, value, 255], 4 * at));
  context.putImageData(pixels, 0, 0);
}

// The element, as soon as the page has it: Gradio mounts the parts of a page in no order.
function appears(selector) {
  return new Promise((resolve) => {
    const look = () => {
      const found = document.querySelector(selector);
      if (found) observer.disconnect(), resolve(found);
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true });
    look();
  });
}
