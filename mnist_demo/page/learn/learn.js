// The lens "Learn": has a network trained from scratch, or taught the visitor's hand, and shows how it gets on. What comes
// of it is the visitor's own network, of which all lenses hear from the pad; its bars are those of the lens "Read".

const EVERY = 120; // ms between two looks at a training
const TURN = 1000; // ms between two looks at the queue
const READINESS = 60_000; // ms between two times that the server is told that somebody may soon press Start

const texts = chooseTexts(props.texts);
const sayings = Object.entries(props.texts.en) // of the server's
  .filter(([key]) => key.startsWith("told_"))
  .map(([key, english]) => ({ key, pattern: new RegExp(`^${english.replaceAll(/[A-Z]{2,}/g, "(?<$&>\\S+)")}$`) }));
const find = (selector) => element.querySelector(selector);
const pad = await thePad.promise;
const [start, stop, teach] = ["[data-learn=start]", "[data-learn=stop]", "[data-teach]"].map(find);

let network = props.networks[0].name;
let recipe = "fast";
let course = null; // what is shown: {key} of the visitor's own or {run} of another's, and how it has got on
let isAsking = false; // for a training to begin
let ended = ""; // what is said of the last training, where it left nothing
let other = null; // another user's training that is under way
let queued = null; // the user's own training that waits in the server's queue: {key, network, place}
let looking = 0; // the timer of the next look at it
let ready = -Infinity; // when the server was told to be

const curves = curvesIn(find(".curves"), texts);
const wall = wallIn(find(".wall"), texts);
const isOpen = () => pad.lens() === "learn";
const titleOf = (name) => props.networks.find((one) => one.name === name)?.title ?? name;
const isFramed = () => window.top !== window; // a frame may forbid downloads, and does not tell
const isUnderWay = (run) => ["starting", "training"].includes(run?.state);
const isBusy = () => isAsking || (course !== null && Boolean(course.key) && (!course.last || isUnderWay(course.last)));

// A training: begun, followed, stopped, forgotten.

async function begin(wanted) {
  [isAsking, ended] = [true, ""];
  tell();
  complain("");
  const answer = await answerOf("begin", wanted);
  const { key, error } = answer ?? { error: texts.learn_away };
  isAsking = false;
  if (error) complain(error);
  if (key) return queue({ key, network: wanted.network, place: 1 });
  tell();
  if (!answer) look();
}

// Waits for the training's turn, which the server forgets unless it is asked, then follows it.
async function queue(own) {
  queued = own;
  while (queued === own) {
    const run = await answerOf("follow", { key: own.key });
    if (queued !== own) return;
    if (["gone", "stopped"].includes(run?.state)) return leaveQueue(run.state === "gone" ? texts.yours_gone : texts.learn_none);
    if (run && run.state !== "waiting") return takeTurn(own);
    if (run) (own.place = run.place), (other = run.running); // nothing is said of one that just ends
    tell();
    await wait(!run ? RETRY : other ? TURN : EVERY);
  }
}

function takeTurn({ key, network }) {
  const before = pad.yours()?.key;
  [queued, other] = [null, null];
  if (before) call("forget", { key: before });
  pad.own({ key, network, state: "starting", looks: 0, figures: null });
  follow({ key });
}

function leaveQueue(words) {
  call("forget", { key: queued.key });
  [queued, ended] = [null, words];
  tell();
  look();
}

// Follows a training until it is over, or another is followed.
async function follow(whose) {
  const mine = (course = { ...whose, steps: [], epochs: [], rights: [], total: null, last: null });
  show();
  while (course === mine) {
    const run = await answerOf("follow", { ...whose, since: mine.steps.length });
    if (course !== mine) return;
    if (run?.state === "gone") return lost();
    if (run) take(run);
    if (run && !isUnderWay(run)) return;
    await wait(run ? EVERY : RETRY);
  }
}

function take(run) {
  const before = course.last;
  course.steps.push(...run.steps);
  Object.assign(course, { epochs: run.epochs, total: run.total?.steps ? run.total : null, last: run });
  if (run.wall && before?.looks !== run.looks) course.rights.push([course.steps.at(-1)?.[0] ?? 0, run.wall.right.filter(Boolean).length / 100]);
  if (course.key) pad.own({ key: course.key, network: run.network, state: run.state, looks: run.looks, figures: run.figures });
  speak(before, run);
  if (course.key && !isUnderWay(run) && !run.looks) return forget(run.state === "failed" ? stateOf(run) : texts.learn_none);
  show();
}

// The server no longer knows the training that is shown.
function lost() {
  const isOwn = Boolean(course.key);
  course = isOwn ? null : { ...course, last: { ...course.last, state: "over" } };
  if (isOwn) {
    ended = find(".announced").textContent = texts.yours_gone;
    pad.own(null, true);
  }
  show();
  look();
}

function forget(words) {
  const { key } = course;
  [course, ended] = [null, words];
  pad.own(null);
  call("forget", { key });
  show();
}

// What is said and shown of it.

function show() {
  curves.show(course);
  wall.show(course?.last?.wall ?? null);
  tell();
}

function tell() {
  const run = course?.last;
  const count = pad.corrections.all().length;
  start.disabled = !props.is_on || isBusy() || queued;
  teach.disabled = !props.is_on || isBusy() || queued || !count;
  teach.textContent = fit(texts.teach, { NETWORK: titleOf(network) });
  stop.disabled = !queued && !(course?.key && isBusy());
  find(".state").textContent = props.is_on ? stateOf(run) : texts.learn_off;
  find("progress").value = run?.state === "done" || run?.state === "over" ? 1 : (course?.steps.at(-1)?.[0] ?? 0) / (course?.total?.steps ?? 1);
  tellAfter(run);
  tellOther();
}

function stateOf(run) {
  if (isAsking || (queued && !other) || (course && !run)) return texts.learn_starting;
  if (!run) return ended || texts.learn_idle;
  const [step, epoch] = course.steps.at(-1) ?? [0, 1];
  const values = {
    NETWORK: titleOf(run.network), RECIPE: texts[`recipe_${run.recipe}`] ?? run.recipe, SECONDS: numeral(run.seconds, 1), RATE: numeral(run.rate),
    STEPS: numeral(course.total?.steps ?? 0), STEP: numeral(step), EPOCHS: course.total?.epochs ?? "", EPOCH: epoch,
    ACCURACY: run.figures ? (100 * run.figures.test_accuracy).toFixed(2) : "", ERROR: told(run.error),
  };
  const words = fit(texts[`learn_${run.state}`], values) + (run.error && run.state === "stopped" ? ` (${told(run.error)})` : "");
  return course.key ? words : `${texts.learn_watched} ${words}`;
}

function tellAfter(run) {
  const isOver = Boolean(course?.key && run && !isUnderWay(run));
  const link = find("[data-learn=download]");
  find(".made").hidden = !isOver;
  link.hidden = run?.state !== "done";
  if (isOver && run.state === "done") link.href = `yours/${course.key}.safetensors`;
  find(".made .about").textContent = isOver && run.state === "done" ? texts.learn_kept : texts.learn_stays;
}

function tellOther() {
  const isWatched = other && course?.run === other.run;
  find(".other").hidden = !other || isBusy();
  find(".watch").hidden = isWatched;
  if (!other) return;
  const values = { NETWORK: titleOf(other.network), RECIPE: texts[`recipe_${other.recipe}`] ?? other.recipe, SECONDS: numeral(other.seconds) };
  const turn = queued ? fit(queued.place > 1 ? texts.learn_place : texts.learn_waiting, { PLACE: queued.place }) : "";
  find(".other span").textContent = fit(texts.learn_busy, values) + turn;
}

// An error, by the field that it names, if it does.
function complain(error) {
  const [, flag, rest] = /^--([\w-]+):? (.*)$/s.exec(error) ?? [null, null, error];
  const name = flag?.replaceAll("-", "_");
  for (const input of element.querySelectorAll(".fields input")) {
    const isNamed = input.name === name;
    input.setAttribute("aria-invalid", isNamed);
    if (isNamed) (find(".values").open = true), input.focus();
  }
  find(".wrong").hidden = !error;
  find(".wrong").textContent = name && texts[`value_${name}`] ? `${texts[`value_${name}`]}: ${told(rest)}` : told(error);
}

// What the server says, which speaks English, in the reader's language where that has words for it.
function told(words) {
  for (const { key, pattern } of sayings) {
    const found = pattern.exec(words);
    if (found) return fit(texts[key], found.groups ?? {}).replaceAll(/(?<= )-(?=\d)/g, "−");
  }
  return words;
}

// What a listener should know, and no more: that it began, each epoch, the end.
function speak(before, run) {
  const epoch = run.epochs.length;
  if (run.state !== before?.state && run.state !== "training") find(".announced").textContent = stateOf(run);
  else if (epoch > (before?.epochs.length ?? 0)) find(".announced").textContent = fit(texts.learn_epoch, { EPOCHS: run.total.epochs, EPOCH: epoch, SHARE: (100 * run.epochs.at(-1)[2]).toFixed(1) });
}

// What is chosen.

function layOut() {
  const values = props.offered[network][recipe];
  const fields = Object.entries(values).filter(([, value]) => value !== null).map(([name, value]) => {
    const input = build("input", "");
    Object.assign(input, { type: "number", name, placeholder: value, step: "any", min: 0 });
    input.setAttribute("aria-describedby", "wrong");
    const field = build("label", "", texts[`value_${name}`]);
    field.append(input);
    return field;
  });
  find(".fields").replaceChildren(...fields);
  complain("");
  tell();
}

function valuesTyped() {
  const inputs = [...element.querySelectorAll(".fields input")];
  const bad = inputs.find(({ validity }) => validity.badInput);
  if (bad) return complain(`--${bad.name.replaceAll("_", "-")} ${texts.no_number}`);
  return Object.fromEntries(inputs.filter(({ value }) => value !== "").map(({ name, value }) => [name, Number(value)]));
}

function train() {
  const values = valuesTyped();
  if (values) begin({ network, recipe, values }), toBars();
}

function taught() {
  begin({ network, recipe: "teach", values: {}, corrections: pad.corrections.all() });
  toBars();
}

function closeValues(event) {
  const values = find(".values");
  if (values.open) event.stopPropagation(); // the pad would be cleared
  values.open = false;
  values.querySelector("summary").focus();
}

// On a small screen, bring the bars into view, and as much of the pad above them as there is room for.
function toBars() {
  if (matchMedia("(max-width: 40rem)").matches) document.querySelector(".networks").scrollIntoView({ block: "end" });
}

// Looks at another user's training, as long as there is one. Who waits in the queue hears of it there.
async function look() {
  if (!isOpen() || !props.is_on || isBusy() || queued) return;
  ready = performance.now();
  const answer = await answerOf("prepare", {});
  if (queued) return;
  other = answer?.running ?? null;
  tell();
  if (other || !answer) lookAgain();
}

function lookAgain() {
  clearTimeout(looking);
  looking = setTimeout(look, TURN);
}

function end() {
  if (queued) return leaveQueue(texts.learn_none);
  const { key } = course;
  insist("stop", { key }, () => course?.key === key && isBusy());
}

async function open() {
  if (!isOpen()) return;
  look();
  const digits = wall.isHung() ? null : await insist("wall", {}, isOpen);
  if (digits && !wall.isHung()) wall.hang(digits);
  wall.show(course?.last?.wall ?? null);
}

handIn(find(".hand"), pad, texts);
radios([...element.querySelectorAll("[data-trained]")], (button) => ((network = button.dataset.trained), layOut()));
radios([...element.querySelectorAll("[data-recipe]")], (button) => ((recipe = button.dataset.recipe), layOut()));
find(".fields").addEventListener("submit", (event) => (event.preventDefault(), train()));
find(".values").addEventListener("keydown", (event) => event.key === "Escape" && closeValues(event));
teach.addEventListener("click", taught);
stop.addEventListener("click", end);
find("[data-learn=forget]").addEventListener("click", () => forget(""));
find("[data-learn=download]").addEventListener("click", () => isFramed() && (find(".made .about").textContent = texts.download_framed));
find(".watch").addEventListener("click", () => follow({ run: other.run }));
for (const kind of ["pointermove", "focusin"]) element.addEventListener(kind, () => performance.now() - ready > READINESS && look());
pad.corrections.addEventListener("change", tell);
pad.addEventListener("lens", open);
pad.addEventListener("yours", () => course?.key && !pad.yours() && lost()); // another lens heard of it first
translate(element, texts);
layOut();
show();
if (pad.yours()) follow({ key: pad.yours().key });
open();
