// Show one of the lenses beside the pad, chosen by a tab, a key or the address. Does not know what is in one.

function lensesIn(list, names, texts, chosen) {
  const page = document.querySelector("#page");
  const panel = (name) => document.querySelector(`#${name}`);
  const tabs = names.map((name) => {
    const tab = document.createElement("button");
    Object.assign(tab, { type: "button", id: `tab-${name}`, textContent: texts[`lens_${name}`] });
    tab.dataset.lens = name;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", name);
    tab.addEventListener("click", () => open(name));
    tab.addEventListener("keydown", step);
    panel(name).dataset.panel = name;
    panel(name).setAttribute("role", "tabpanel");
    panel(name).setAttribute("aria-labelledby", tab.id);
    return tab;
  });

  function step(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -tabs.indexOf(event.target), End: -1 - tabs.indexOf(event.target) };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = tabs.at((tabs.indexOf(event.target) + steps[event.key]) % tabs.length);
    next.focus();
    next.click();
  }

  const current = () => names.find((name) => location.hash === `#${name}`) ?? names[0];

  function open(name) {
    if (name === current()) return; // or each click would be a step of the browser's history
    history.pushState(null, "", `#${name}`);
    turn();
  }

  function turn() {
    page.dataset.lens = current();
    for (const tab of tabs) {
      const isChosen = tab.dataset.lens === current();
      tab.setAttribute("aria-selected", isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
      panel(tab.dataset.lens).classList.toggle("open", isChosen);
    }
    chosen();
  }

  list.replaceChildren(...tabs);
  window.addEventListener("popstate", turn);
  turn();
  return current;
}
