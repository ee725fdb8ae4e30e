// Notes, in the page, when the pointer moves and is lifted, when the page asks the server, and when what it shows changes.
window.probe = { ready: 0, moves: [], ups: [], asked: [], shown: [], texts: [] };
probe.take = () => {
  const { ready, moves, ups, asked, shown, texts } = probe;
  Object.assign(probe, { moves: [], ups: [], asked: [], shown: [], texts: [] });
  return { ready, moves, ups, asked, shown, texts };
};
addEventListener("pointermove", (event) => event.isTrusted && event.buttons && probe.moves.push(performance.now()), true);
addEventListener("pointerup", (event) => probe.ups.push(event.timeStamp), true);
const fetchAsEver = window.fetch;
window.fetch = (address, options) => {
  if (String(options?.body).includes('"fn_name":"read"')) probe.asked.push(performance.now());
  return fetchAsEver(address, options);
};
let text = "";
new MutationObserver((changes) => {
  const now = performance.now();
  if (!probe.ready && document.querySelector(`READY`)) probe.ready = now;
  if (changes.some((change) => change.attributeName === "data-probability")) probe.shown.push(now);
  const label = document.querySelector(".output-class")?.parentElement?.innerText ?? "";
  if (label !== text) probe.texts.push(now);
  text = label;
}).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ["data-probability", "class", "disabled"] });
