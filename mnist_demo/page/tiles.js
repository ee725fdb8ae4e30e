// Knows how a sample of the test set is shown small: its picture, its label, and what each network makes of it, as far as
// the sample says so.

function tilesOf(networks, texts, choose) {
  const known = (sample) => networks.filter(({ name }) => sample.networks[name]);

  function verdict({ name }, sample) {
    const { answer } = sample.networks[name];
    const one = document.createElement("span");
    one.className = `mark ${name} ${answer === sample.label ? "right" : "wrong"}`;
    one.textContent = answer === sample.label ? "✓" : (answer ?? "?");
    return one;
  }

  function describe(sample) {
    const said = known(sample).map(({ name, title }) => {
      const { answer } = sample.networks[name];
      return answer === null ? `${title}: ${texts.nothing_known}` : `${title} ${texts.reads_as} ${answer}`;
    });
    return `${texts.label} ${sample.label}. ${said.join(". ")}`;
  }

  function tell(button, sample) {
    const label = build("span", "label", sample.label);
    button.querySelector(".under").replaceChildren(label, ...known(sample).map((network) => verdict(network, sample)));
    button.setAttribute("aria-label", describe(sample));
    button.title = describe(sample);
  }

  function tile(sample) {
    const button = document.createElement("button");
    button.type = "button";
    Object.assign(button.dataset, { label: sample.label, index: sample.index });
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 28;
    paint(canvas, sample.image);
    button.append(canvas, build("span", "under"));
    tell(button, sample);
    button.addEventListener("click", () => choose(button, sample));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  return Object.assign(tile, { tell });
}
