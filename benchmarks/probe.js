// Notes, in the page, when the pointer moves and is lifted, when the page asks the server or its own worker, when what it
// shows changes, and when ink is painted: on a 2D canvas of the pad, or to the screen by WebGL.
window.probe = { ready: 0, moves: [], ups: [], answers: [], sent: [], traced: [], shown: [], texts: [], inked: [] };
probe.take = () => {
  const { take, ...noted } = probe;
  Object.assign(probe, { moves: [], ups: [], answers: [], sent: [], traced: [], shown: [], texts: [], inked: [] });
  return noted;
};
const { stroke } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.stroke = function (...path) {
  stroke.apply(this, path);
  if (this.canvas.isConnected) probe.inked.push(performance.now());
};
const { bindFramebuffer, drawElements } = WebGL2RenderingContext.prototype;
WebGL2RenderingContext.prototype.bindFramebuffer = function (target, buffer) {
  this.isScreen = buffer === null;
  bindFramebuffer.call(this, target, buffer);
};
WebGL2RenderingContext.prototype.drawElements = function (...what) {
  drawElements.apply(this, what);
  if (this.isScreen) probe.inked.push(performance.now());
};
addEventListener("pointermove", (event) => event.isTrusted && event.buttons && probe.moves.push(event.timeStamp), true);
addEventListener("pointerup", (event) => probe.ups.push(event.timeStamp), true);
const fetchAsEver = window.fetch;
window.fetch = async (address, options) => {
  const asked = performance.now();
  const answer = await fetchAsEver(address, options);
  if (String(address).includes("/engine/read")) {
    probe.answers.push([asked, performance.now()]);
    probe.sent.push(options.body.size ?? options.body.length); // bytes
  }
  if (String(address).includes("/engine/trace")) probe.traced.push(performance.now());
  return answer;
};
window.Worker = class extends Worker {
  asked = new Map();
  constructor(...what) {
    super(...what);
    this.addEventListener("message", ({ data: { id } }) => {
      const { name, at } = this.asked.get(id) ?? {};
      if (name === "read") probe.answers.push([at, performance.now()]);
      if (name === "trace") probe.traced.push(performance.now());
      this.asked.delete(id);
    });
  }
  postMessage(message, ...others) {
    this.asked.set(message.id, { name: message.name, at: performance.now() });
    super.postMessage(message, ...others);
  }
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
