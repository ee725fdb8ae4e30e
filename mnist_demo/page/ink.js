// Paints a drawing on a canvas, at the screen's own resolution, smooth between the points that the pointer gave.
// Knows how ink looks. Does not know where the drawing came from, or what becomes of it.
//
// A drawing is a list of actions: strokes {width, erase, points: [x, y, x, y, ...]} in the pad's own pixels, SIDE to a
// side, and pictures {picture}, a canvas whose alpha is the ink, which cover the pad.

const SIDE = 280;
const SAMPLE = 0.85; // of the pad, from its top: what is said of a sample stands below

function inkOn(canvas) {
  const context = canvas.getContext("2d");
  const dry = document.createElement("canvas").getContext("2d"); // all that is painted for good
  let dried = []; // the actions in it
  let actions = [];
  let sample = null; // a picture to be shown instead
  let isAsked = false;

  // What may still grow, the last action, is painted anew each time; what came before it, once.
  function frame() {
    isAsked = false;
    if (canvas.width === 0) return;
    const done = actions.slice(0, -1);
    if (dried.length > done.length || dried.some((one, at) => one !== done[at])) wipe();
    for (const action of done.slice(dried.length)) trace(dry, action);
    dried = done;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (sample) return stamp(context, sample, { isSmooth: false, share: SAMPLE });
    if (done.length) context.drawImage(dry.canvas, 0, 0);
    if (actions.length) trace(context, actions.at(-1));
  }

  function wipe() {
    dry.clearRect(0, 0, canvas.width, canvas.height);
    dried = [];
  }

  function trace(on, { picture, width, erase, points }) {
    if (picture) return stamp(on, picture, { isSmooth: true, share: 1 });
    const scale = canvas.width / SIDE;
    on.save();
    on.scale(scale, scale);
    on.globalCompositeOperation = erase ? "destination-out" : "source-over";
    Object.assign(on, { lineWidth: width, lineCap: "round", lineJoin: "round", strokeStyle: colour() });
    on.stroke(curve(points));
    on.restore();
  }

  // Through the middles between the points, each of them drawing the curve its way.
  function curve(points) {
    const path = new Path2D();
    path.moveTo(points[0], points[1]);
    for (let at = 2; at < points.length - 2; at += 2) {
      const [x, y, nextX, nextY] = points.slice(at, at + 4);
      path.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    }
    path.lineTo(points.at(-2), points.at(-1));
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
