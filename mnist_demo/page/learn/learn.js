// Has a network trained, and follows it; what comes of it is the visitor's own, which all lenses hear of from the pad.

const EVERY = 150; // ms between two looks at a training

const texts = chooseTexts(props.texts);
const find = (selector) => element.querySelector(selector);
const pad = await thePad.promise;
const [start, stop] = ["start", "stop"].map((name) => find(`[data-learn=${name}]`));

const isUnderWay = (run) => run && ["starting", "training"].includes(run.state);

// Follows what is trained by that key until it is over.
async function follow(key) {
  const steps = [];
  while (pad.yours()?.key === key) {
    const run = await server.follow({ key, since: steps.length });
    if (pad.yours()?.key !== key) return;
    if (run?.state === "gone") return pad.own(null, true);
    if (run) {
      steps.push(...run.steps);
      const { network, state, looks, figures } = run;
      pad.own({ key, network, state, looks, figures });
      show(run, steps);
      if (!isUnderWay(run)) return;
    }
    await wait(run ? EVERY : RETRY);
  }
}

function show(run, steps) {
  start.disabled = isUnderWay(run);
  stop.disabled = !isUnderWay(run);
  find(".state").textContent = run ? `${run.state} ${steps.at(-1) ?? ""} ${run.error}` : "";
}

async function begin() {
  start.disabled = true;
  const { key, error, busy } = (await server.begin({ network: "net", recipe: "fast", values: {} })) ?? { error: texts.offline };
  if (key) {
    pad.own({ key, network: "net", state: "starting", looks: 0, figures: null });
    return follow(key);
  }
  start.disabled = false;
  find(".state").textContent = error ?? JSON.stringify(busy);
}

start.addEventListener("click", begin);
stop.addEventListener("click", () => server.stop({ key: pad.yours().key }));
pad.addEventListener("lens", () => pad.lens() === "learn" && props.is_on && server.prepare({}));
translate(element, texts);
if (pad.yours()) follow(pad.yours().key);
