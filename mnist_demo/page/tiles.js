// Knows how a sample of the test set is shown small: its picture, its label, and what each network makes of it.

function tilesOf(networks, texts, choose) {
  function verdict({ name }, sample) {
    const { answer } = sample.networks[name];
    const one = document.createElement("span");
    one.className = `mark ${name} ${answer === sample.label ? "right" : "wrong"}`;
    one.textContent = answer === sample.label ? "✓" : (answer ?? "?");
    return one;
  }

  function describe(sample) {
    const said = networks.map(({ name, title }) => `${title} ${texts.reads_as} ${sample.networks[name].answer ?? texts.nothing_known}`);
    return `${texts.label} ${sample.label}. ${said.join(". ")}`;
  }

  return function tile(sample) {
    const button = document.createElement("button");
    button.type = "button";
    Object.assign(button.dataset, { label: sample.label, index: sample.index });
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 28;
    paint(canvas, sample.image);
    const label = document.createElement("span");
    label.className = "label";
    label.textContent = sample.label;
    const under = document.createElement("span");
    under.className = "under";
    under.append(label, ...networks.map((network) => verdict(network, sample)));
    button.append(canvas, under);
    button.setAttribute("aria-label", describe(sample));
    button.title = describe(sample);
    button.addEventListener("click", () => choose(button, sample));
    const item = document.createElement("li");
    item.append(button);
    return item;
  };
}
