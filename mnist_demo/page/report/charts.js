// Knows how figures become pictures: axes, lines, bars, and the table of the same numbers. Does not know what they mean.

const [WIDTH, HEIGHT] = [340, 220];
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 12, 10, 38]; // what lies around the picture

const SVG = Object.assign(document.createElement("div"), { innerHTML: "<svg></svg>" }).firstChild.namespaceURI; // names no host

function draw(tag, attributes = {}, ...children) {
  const one = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
  one.append(...children);
  return one;
}

// An axis: from `low` to `high`, with ticks, each said by `say`; `isLog`, where equal steps are equal factors.
const along = ({ low, high, isLog }, from, to) => {
  const bend = isLog ? Math.log : (value) => value;
  return (value) => from + ((bend(value) - bend(low)) / (bend(high) - bend(low))) * (to - from);
};

function chart(label, x, y) {
  const [across, up] = [along(x, LEFT, WIDTH - RIGHT), along(y, HEIGHT - BOTTOM, TOP)];
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "chart" });
  for (const tick of y.ticks) {
    picture.append(draw("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(tick), y2: up(tick) }));
    picture.append(draw("text", { x: LEFT - 5, y: up(tick) + 3.5, "text-anchor": "end" }, y.say(tick)));
  }
  for (const tick of x.ticks) picture.append(draw("text", { x: across(tick), y: HEIGHT - BOTTOM + 14, "text-anchor": "middle" }, x.say(tick)));
  picture.append(draw("text", { class: "title", x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, x.title));
  picture.append(draw("text", { class: "title", x: 10, y: (TOP + HEIGHT - BOTTOM) / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${(TOP + HEIGHT - BOTTOM) / 2})` }, y.title));
  return { picture, across, up };
}

function path({ across, up }, points, className) {
  const places = points.map(([x, y]) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`);
  return draw("polyline", { class: className, points: places.join(" ") });
}

// Ticks at whole multiples of a step that gives about `count` of them.
function ticksWithin(low, high, count) {
  const rough = (high - low) / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, at) => (first + at) * step);
}

// Bars as high as each bin is right, and where they would end if it were right as often as it is sure.
function reliabilityChart(label, bins, texts) {
  const [whole, say] = [{ low: 0, high: 1, ticks: [0, 0.25, 0.5, 0.75, 1] }, (value) => `${100 * value}`];
  const plot = chart(label, { ...whole, say, title: texts.axis_probability }, { ...whole, say, title: texts.axis_right });
  const { picture, across, up } = plot;
  bins.forEach(({ count, confidence, accuracy }, at) => {
    if (!count) return;
    const [left, right] = [across(at / bins.length), across((at + 1) / bins.length)];
    const words = fit(texts.bin, { COUNT: count.toLocaleString("en"), SURE: percent(confidence), RIGHT: percent(accuracy) });
    const bar = draw("rect", { class: count < FEW ? "bar few" : "bar", x: left + 1, width: right - left - 2, y: up(accuracy), height: up(0) - up(accuracy) }, draw("title", {}, words));
    picture.append(bar, draw("line", { class: "sure", x1: left + 1, x2: right - 1, y1: up(confidence), y2: up(confidence) }));
  });
  picture.append(path(plot, [[0, 0], [1, 1]], "even"));
  return picture;
}

// Error against coverage, both in per cent, of rows of [coverage, error]; a mark for the shipped one, and one to move.
function refusalChart(label, rows, shipped, texts) {
  const least = Math.min(...rows.map(([coverage]) => coverage));
  const most = Math.max(...rows.map(([, error]) => error), 1e-6);
  const x = { low: least, high: 100, ticks: ticksWithin(least, 100, 5), say: (value) => `${+value.toFixed(1)}`, title: texts.axis_coverage };
  const y = { low: 0, high: 1.1 * most, ticks: ticksWithin(0, 1.1 * most, 4), say: (value) => `${+value.toFixed(3)}`, title: texts.axis_error };
  const plot = chart(label, x, y);
  const dot = draw("circle", { class: "moving", r: 6 });
  const move = ([coverage, error]) => {
    dot.setAttribute("cx", plot.across(coverage));
    dot.setAttribute("cy", plot.up(error));
  };
  const mark = draw("g", { class: "shipped" }, draw("circle", { r: 4, cx: plot.across(shipped[0]), cy: plot.up(shipped[1]) }), draw("text", { x: plot.across(shipped[0]) - 9, y: plot.up(shipped[1]) + 4, "text-anchor": "end" }, texts.shipped));
  plot.picture.append(path(plot, rows, "line"), mark, dot);
  move(shipped);
  return { picture: plot.picture, move };
}

// A line a column of rows; the first is dashed, and each has its name at its end.
function curves(label, y, lines, texts) {
  const count = lines[0].values.length;
  const epochs = { low: 1, high: Math.max(2, count), ticks: ticksWithin(1, Math.max(2, count), 5), say: (value) => `${value}`, title: texts.axis_epoch };
  const plot = chart(label, epochs, y);
  for (const { values, name, className, below = -7 } of lines) {
    const points = values.map((value, at) => [at + 1, Math.min(y.high, Math.max(y.low, value))]);
    const [x, end] = points.at(-1);
    plot.picture.append(path(plot, points, `line ${className}`));
    plot.picture.append(draw("text", { class: className, x: plot.across(x) - 4, y: plot.up(end) + below, "text-anchor": "end" }, name));
  }
  return plot.picture;
}

// The same numbers, for whoever would rather read them.
function asTable(header, rows, texts) {
  const row = (tag, cells) => {
    const one = build("tr", "");
    one.append(...cells.map((cell) => build(tag, "", cell)));
    return one;
  };
  const table = build("table", "numbers");
  table.append(row("th", header), ...rows.map((cells) => row("td", cells)));
  const details = build("details", "");
  details.append(build("summary", "", texts.as_table), table);
  return details;
}
