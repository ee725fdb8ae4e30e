// Finds what is wrong with the page as it is laid out now. Returns one line for each fault.
(() => {
  const COLUMNS = "#head, .lenses, .show, #sketchpad, .networks, .correct, .sees, #gallery, .panes, .lesson, .hand, .judgement, #foot";
  const CARDS = `.card, #gallery, #sketchpad, .correct, ${COLUMNS}`;
  const CONTROLS = "button, a[href], input:not([hidden], [type=file]), summary";
  const SCROLLERS = ".matrix, .corrections"; // what is too wide or high for a small screen scrolls by itself
  const INSET = 5; // pixels from a control's corner to where it must answer: its corners may be round
  const PICTURES = "svg, .wall"; // whose letters grow with them
  const SMALLEST = 10 / 16; // of the browser's text
  const SLACK = 1; // pixels, for rounding
  const LEADING = 0.2; // share of a line's height above and below its letters

  const page = document.querySelector("#page");
  const faults = new Set();
  const words = (one) => (one.ariaLabel || one.textContent || one.id || one.getAttribute?.("class") || one.name || one.nodeName).trim().replace(/\s+/g, " ").slice(0, 40);
  const sizeOf = (one) => parseFloat(getComputedStyle(one).fontSize);
  const isShown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !one.closest(".spoken, .announced, .notice");
  const isWithin = (box, outer) => box.left >= outer.left - SLACK && box.right <= outer.right + SLACK;
  const isUpon = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > SLACK && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK;

  // A box in the page's coordinates, which do not change where something is scrolled into view.
  const boxOf = (one) => placed(one.getBoundingClientRect());
  const placed = ({ left, right, top, bottom }) => ({ left: left + scrollX, right: right + scrollX, top: top + scrollY, bottom: bottom + scrollY });

  function columns() {
    const all = [...page.querySelectorAll(COLUMNS)].filter((one) => isShown(one) && !one.parentElement.closest(COLUMNS));
    all.forEach((one, at) => {
      if (!isWithin(boxOf(one), { left: 0, right: innerWidth })) faults.add(`off the screen: ${one.className || one.id}`);
      for (const other of all.slice(at + 1)) {
        if (isUpon(boxOf(one), boxOf(other))) faults.add(`overlap: ${one.className || one.id} | ${other.className || other.id}`);
      }
    });
  }

  // Whether a pointer meets the control in the middle of it and near each corner.
  function controls() {
    for (const one of page.querySelectorAll(CONTROLS)) {
      if (!isShown(one)) continue;
      one.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
      const column = one.closest(CARDS) ?? page;
      if (!isWithin(boxOf(one), boxOf(column))) faults.add(`outside its column: ${words(one)}`);
      for (const box of one.getClientRects()) {
        const [x, y] = [INSET, INSET].map((inset, axis) => Math.min(inset, (axis ? box.height : box.width) / 4));
        const points = [[box.left + x, box.top + y], [box.right - x, box.top + y], [box.left + x, box.bottom - y], [box.right - x, box.bottom - y], [(box.left + box.right) / 2, (box.top + box.bottom) / 2]];
        for (const point of points) {
          const met = document.elementFromPoint(...point);
          if (!one.contains(met)) faults.add(`${met ? `covered by ${words(met)}` : "cut"}: ${words(one)}`);
        }
      }
    }
    scrollTo(0, 0);
  }

  function texts() {
    const lines = [];
    const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const owner = node.parentElement;
      if (!node.data.trim() || !isShown(owner)) continue;
      if (sizeOf(owner) < SMALLEST * sizeOf(document.documentElement) && !owner.closest(PICTURES)) faults.add(`too small: ${words(node)}`);
      range.selectNodeContents(node);
      const outer = owner.closest(SCROLLERS) ? [] : ["button", CARDS].map((kind) => owner.closest(kind)).filter(Boolean).map(boxOf);
      for (const rect of range.getClientRects()) {
        const box = placed(rect);
        const lead = LEADING * (box.bottom - box.top);
        if (rect.width > SLACK) lines.push({ node, ...box, top: box.top + lead, bottom: box.bottom - lead });
        if (rect.width > SLACK && !outer.every((one) => isWithin(box, one))) faults.add(`hangs out: ${words(node)}`);
      }
    }
    lines.sort((a, b) => a.top - b.top);
    lines.forEach((one, at) => {
      for (let next = at + 1; next < lines.length && lines[next].top < one.bottom; next += 1) {
        const other = lines[next];
        if (one.node !== other.node && isUpon(one, other)) faults.add(`overlap: ${words(one.node)} | ${words(other.node)}`);
      }
    });
  }

  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) faults.add(`scrolls sideways by ${wide} pixels`);
  columns();
  texts();
  controls();
  return [...faults];
})();
