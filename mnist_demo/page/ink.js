// Paint a drawing on a canvas at the screen's resolution, smooth between the points that the pointer gave.
// Does not know where the drawing came from, or what becomes of it.
//
// A drawing is a list of actions: strokes {width, erase, points: [x, y, x, y, ...]} in the pad's own pixels, SIDE to a
// side, and pictures {picture}, a canvas whose alpha is the ink, which cover the pad.

const SIDE = 280;
const SAMPLE = 0.85; // of the pad, from its top: the label of a sample stands below
const PIECE = 128; // numbers (two a point): a frame repaints no more of a stroke, however long it is

function inkOn(canvas) {
  const context = canvas.getContext("2d");
  const dry = document.createElement("canvas").getContext("2d"); // all ink that no longer changes
  let dried = []; // the actions in it, the last one without its tail, which may still grow
  let pieces = 0; // of the last one
  let actions = [];
  let sample = null; // a picture to be shown instead
  let isAsked = false;

  function frame() {
    isAsked = false;
    if (canvas.width === 0) return;
    dryUp();
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (sample) return stamp(context, sample, { isSmooth: false, share: SAMPLE });
    context.drawImage(dry.canvas, 0, 0);
    if (actions.length) tail(context, actions.at(-1));
  }

  // Paint on `dry` what is new since the last frame, or everything if something was taken back.
  function dryUp() {
    if (dried.some((one, at) => one !== actions[at])) wipe();
    for (const action of actions.slice(Math.max(dried.length - 1, 0))) {
      if (action !== dried.at(-1)) {
        if (dried.length) tail(dry, dried.at(-1));
        dried.push(action);
        pieces = 0;
      }
      for (; pieces < fullPieces(action); pieces += 1) trace(dry, action, pieces * PIECE, (pieces + 1) * PIECE);
    }
  }

  function wipe() {
    dry.clearRect(0, 0, canvas.width, canvas.height);
    dried = [];
  }

  // How many pieces of a stroke no later point can change.
  const fullPieces = ({ points = [] }) => Math.max(0, Math.floor((points.length - 4) / PIECE));

  function tail(on, action) {
    if (action.picture) return stamp(on, action.picture, { isSmooth: true, share: 1 });
    trace(on, action, fullPieces(action) * PIECE, Infinity);
  }

  function trace(on, { width, erase, points }, from, to) {
    const scale = canvas.width / SIDE;
    on.save();
    on.scale(scale, scale);
    on.globalCompositeOperation = erase ? "destination-out" : "source-over";
    Object.assign(on, { lineWidth: width, lineCap: "round", lineJoin: "round", strokeStyle: colour() });
    on.stroke(curve(points, from, to));
    on.restore();
  }

  // The curve from the number `from` of the points to the number `to`: through the middles between the points, each of
  // which bends it. It starts at the first point and ends at the last one.
  function curve(points, from, to) {
    const path = new Path2D();
    const middle = (at) => [(points[at] + points[at + 2]) / 2, (points[at + 1] + points[at + 3]) / 2];
    path.moveTo(...(from ? middle(from) : points.slice(0, 2)));
    for (let at = from + 2; at <= to && at < points.length - 2; at += 2) path.quadraticCurveTo(points[at], points[at + 1], ...middle(at));
    if (to === Infinity) path.lineTo(points.at(-2), points.at(-1));
    return path;
  }

  // A picture, its ink in the pad's colour: smooth, or each of its pixels to be seen; so large a share of the pad's side.
  function stamp(on, picture, { isSmooth, share }) {
    const inked = document.createElement("canvas");
    inked.width = picture.width;
    inked.height = picture.height;
    const pen = inked.getContext("2d");
    pen.drawImage(picture, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = colour();
    pen.fillRect(0, 0, inked.width, inked.height);
    on.imageSmoothingEnabled = isSmooth;
    on.drawImage(inked, ((1 - share) / 2) * canvas.width, 0, share * canvas.width, share * canvas.height);
  }

  const colour = () => getComputedStyle(canvas).color;

  function ask() {
    if (!isAsked) requestAnimationFrame(frame);
    isAsked = true;
  }

  function anew() {
    const side = Math.round(canvas.getBoundingClientRect().width * devicePixelRatio);
    if (side !== canvas.width || side !== canvas.height) canvas.width = canvas.height = dry.canvas.width = dry.canvas.height = side;
    wipe();
    ask();
  }

  new ResizeObserver(anew).observe(canvas);
  new MutationObserver(anew).observe(document.body, { attributeFilter: ["class"] }); // light and dark
  window.addEventListener("resize", anew); // or another screen

  return {
    show(drawing, shown) {
      actions = drawing;
      sample = shown;
      ask();
    },
  };
}

// A picture of grey bytes, side * side of them, as a canvas whose alpha is the ink.
function mask(bytes, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(side, side);
  bytes.forEach((value, at) => (pixels.data[4 * at + 3] = value));
  context.putImageData(pixels, 0, 0);
  return canvas;
}
