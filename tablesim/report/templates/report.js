// The report works without this script; it adds what moves: thresholds, views of two pages at once, the table of cells.
"use strict";
const all = (part, selector) => [...part.querySelectorAll(selector)];
const stored = document.getElementById("data");
const data = stored ? JSON.parse(stored.textContent) : null;

// Buttons that widen a part; what stood in the middle stays there.
function enlarge(figure, parts) {
  const scroller = figure.querySelector(".scroller");
  for (const button of all(figure, "button[data-zoom]")) {
    button.addEventListener("click", () => {
      const middle = (scroller.scrollLeft + scroller.clientWidth / 2) / scroller.scrollWidth;
      const height = (scroller.scrollTop + scroller.clientHeight / 2) / scroller.scrollHeight;
      for (const other of all(figure, "button[data-zoom]")) other.setAttribute("aria-pressed", String(other === button));
      for (const part of all(figure, parts)) part.style.width = button.dataset.zoom === "1" ? "" : `${100 * Number(button.dataset.zoom)}%`;
      scroller.scrollLeft = middle * scroller.scrollWidth - scroller.clientWidth / 2;
      scroller.scrollTop = height * scroller.scrollHeight - scroller.clientHeight / 2;
    });
  }
}

// Matching digits: lines between the two pages.
function matches(figure) {
  const stage = figure.querySelector(".stage");
  const lines = all(figure, ".link");
  const reads = figure.querySelector(".reads");
  const slider = figure.querySelector("input[type=range]");
  const loose = figure.querySelector("input[type=checkbox]");
  const said = figure.querySelector("output");
  const visible = () => lines.filter((line) => !line.classList.contains("below") &&
    !(line.classList.contains("loose") && stage.classList.contains("hide-loose")));
  let hot = null;

  const name = (bigram) => bigram.length === 1 ? say("the single digit {digit}", { digit: bigram }) : say("{a} beside {b}", { a: bigram[0], b: bigram[1] });
  function highlight(line) {
    if (hot) hot.classList.remove("hot");
    hot = line;
    stage.classList.toggle("has-hot", Boolean(line));
    reads.replaceChildren();
    if (!line) return;
    line.classList.add("hot");
    line.parentNode.append(line);
    const link = data.links[Number(line.dataset.line)];
    const strong = document.createElement("b");
    strong.textContent = link.bigram;
    const share = (100 * link.relevance / data.score).toFixed(2);
    const values = { relevance: link.relevance.toFixed(3), share };
    const brings = link.supported ? say("brings {relevance}, {share} % of the score; both stand at matching positions", values) : say("brings {relevance}, {share} % of the score; their positions do not match", values);
    reads.append(strong, ` (${name(link.bigram)}) ${brings}`);
  }
  function filter() {
    const least = Number(slider.value);
    for (const line of lines) line.classList.toggle("below", data.links[Number(line.dataset.line)].relevance < least);
    if (loose) stage.classList.toggle("hide-loose", !loose.checked);
    const shown = visible();
    const sum = shown.reduce((total, line) => total + data.links[Number(line.dataset.line)].relevance, 0);
    const share = data.score > 0 ? (100 * sum / data.score).toFixed(0) : "0";
    said.textContent = `≥ ${least.toFixed(2)}: ${sayN(shown.length, "{n} line, together {total} ({share} % of the score)", "{n} lines, together {total} ({share} % of the score)", { total: sum.toFixed(2), share })}`;
    if (hot && !shown.includes(hot)) highlight(null);
  }
  slider.addEventListener("input", filter);
  if (loose) loose.addEventListener("change", filter);
  filter();
  for (const line of lines) {
    line.addEventListener("pointerenter", () => highlight(line));
    line.addEventListener("pointerleave", () => highlight(null));
  }
  // With the keyboard: arrows step through the lines in the order of what they bring.
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") return highlight(null);
    if (!step) return;
    const order = visible().sort((a, b) => Number(a.dataset.line) - Number(b.dataset.line));
    if (!order.length) return;
    event.preventDefault();
    const at = hot ? order.indexOf(hot) + step : step > 0 ? 0 : -1;
    highlight(order.at(at % order.length));
  });
  stage.addEventListener("blur", () => highlight(null));
  for (const row of all(figure, "tr[data-line]")) {
    const line = () => lines.find((other) => other.dataset.line === row.dataset.line);
    for (const kind of ["pointerenter", "focus"]) row.addEventListener(kind, () => highlight(line()));
    for (const kind of ["pointerleave", "blur"]) row.addEventListener(kind, () => highlight(null));
  }
  enlarge(figure, ".stage, .names");
}

// The map from each page to the other, as registration found it (source pixels); the workbench asks for it too.
const mapsOf = (pageMap) => {
  if (!pageMap) return null;
  const project = (m, [x, y]) => {
    const w = m[2][0] * x + m[2][1] * y + m[2][2];
    return [(m[0][0] * x + m[0][1] * y + m[0][2]) / w, (m[1][0] * x + m[1][1] * y + m[1][2]) / w];
  };
  const inverse = ([[a, b, c], [d, e, f], [g, h, i]]) => [
    [e * i - f * h, c * h - b * i, b * f - c * e], [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d]];
  const spaced = (from, to, slope, v) => {
    if (v <= from[0]) return to[0] + slope * (v - from[0]);
    const last = from.length - 1;
    if (v >= from[last]) return to[last] + slope * (v - from[last]);
    let k = 1;
    while (from[k] < v) k += 1;
    return to[k - 1] + (to[k] - to[k - 1]) * (v - from[k - 1]) / (from[k] - from[k - 1]);
  };
  const warp = pageMap.warp;
  if (!warp) return [(p) => project(pageMap.matrix, p), (p) => project(pageMap.inverse, p)];
  const back = [inverse(warp.level), inverse(warp.page)];
  const on = (s, v) => spaced(s.from, s.to, s.slope, v);
  const off = (s, v) => spaced(s.to, s.from, 1 / s.slope, v);
  return [
    (p) => { const [x, y] = project(warp.level, p); return project(warp.page, [on(warp.across, x), on(warp.along, y)]); },
    (p) => { const [x, y] = project(back[1], p); return project(back[0], [off(warp.across, x), off(warp.along, y)]); },
  ];
};

// Two scans side by side that are enlarged and moved together.
function panes(inspect) {
  const box = inspect.querySelector(".panes");
  const steps = [1, 1.5, 2, 3, 4, 6, 8];
  const together = box.querySelector(".together");
  const said = box.querySelector(".chosen-words");
  const map = mapsOf(data.page_map);
  let zoom = 1;
  let mover = null;
  box.hidden = false;

  const sides = all(box, ".pane").map((pane, at) => {
    const { width, height, rotation } = data.sides[at];
    const lying = rotation === 90 || rotation === 270;
    return {
      at, pane, view: pane.querySelector(".view"), sheet: pane.querySelector(".sheet"), spot: pane.querySelector(".spot"),
      lying, wide: lying ? height : width, high: lying ? width : height,
      up: ([x, y]) => ({ 0: [x, y], 90: [height - y, x], 180: [width - x, height - y], 270: [y, width - x] })[rotation],
      down: ([x, y]) => ({ 0: [x, y], 90: [y, height - x], 180: [width - x, height - y], 270: [width - y, x] })[rotation],
    };
  });
  // How many source pixels of B one of A is: digits of both pages are shown equally large.
  const m = data.page_map ? data.page_map.matrix : null;
  const larger = m ? Math.sqrt(Math.abs(m[0][0] * m[1][1] - m[0][1] * m[1][0])) : sides[1].wide / sides[0].wide;
  function lay(keep) {
    const fit = Math.min(sides[0].view.clientWidth / sides[0].wide, sides[1].view.clientWidth * larger / sides[1].wide);
    const middles = keep ? sides.map(middle) : null;
    sides.forEach((side, at) => {
      side.scale = zoom * (at ? fit / larger : fit);
      side.sheet.style.width = `${side.wide * side.scale}px`;
      side.sheet.style.height = `${side.high * side.scale}px`;
    });
    if (middles) sides.forEach((side, at) => centre(side, middles[at]));
    box.querySelector(".zoom").textContent = `${zoom}×`;
  }
  function middle({ view, sheet, scale, down }) {
    return down([(view.scrollLeft + view.clientWidth / 2 - sheet.offsetLeft) / scale,
      (view.scrollTop + view.clientHeight / 2 - sheet.offsetTop) / scale]);
  }
  function centre(side, place) {
    const [x, y] = side.up(place);
    side.view.scrollTo({ behavior: "instant",
      left: x * side.scale + side.sheet.offsetLeft - side.view.clientWidth / 2,
      top: y * side.scale + side.sheet.offsetTop - side.view.clientHeight / 2 });
  }
  function follow(side) {
    if (!map || !together.checked || mover !== side) return;
    centre(sides[1 - side.at], map[side.at](middle(side)));
  }
  function enlargeTo(step, side) {
    zoom = steps[Math.min(steps.length - 1, Math.max(0, steps.indexOf(zoom) + step))];
    mover = side;
    lay(true);
    follow(side);
  }
  for (const side of sides) {
    const { pane, view } = side;
    for (const kind of ["pointerdown", "wheel", "touchstart", "focusin"]) {
      pane.addEventListener(kind, () => { mover = side; }, { passive: true });
    }
    view.addEventListener("scroll", () => follow(side), { passive: true });
    pane.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const step = { "+": 1, "=": 1, "-": -1 }[event.key];
      if (!move && !step) return;
      event.preventDefault();
      mover = side;
      if (step) return enlargeTo(step, side);
      view.scrollBy({ behavior: "instant", left: 60 * move[0], top: 60 * move[1] });
    });
    // Drag with a mouse; fingers and pens scroll by themselves.
    let from = null;
    view.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button) return;
      from = [event.clientX + view.scrollLeft, event.clientY + view.scrollTop];
      view.setPointerCapture(event.pointerId);
    });
    view.addEventListener("pointermove", (event) => {
      if (!from) return;
      view.scrollLeft = from[0] - event.clientX;
      view.scrollTop = from[1] - event.clientY;
    });
    for (const kind of ["pointerup", "pointercancel"]) view.addEventListener(kind, () => { from = null; });
  }
  for (const button of all(box, "button[data-step]")) {
    button.addEventListener("click", () => enlargeTo(Number(button.dataset.step), mover || sides[0]));
  }
  together.addEventListener("change", () => { if (mover) follow(mover); });
  addEventListener("resize", () => lay(true));
  lay(false);

  // Shows a cell on both pages: framed where something was read, in broken lines where it should stand.
  return ([row, column, state, ...read]) => {
    const [box, at] = read[0] ? [read[0], 0] : [read[1], 1];
    // Large enough to be read, digits of 17 pixels on the screen, and to bring the cell into the middle.
    const height = (sides[at].lying ? box[3] : box[4]) * sides[at].scale / zoom;
    const legible = steps.find((step) => step >= 2 && step * height >= 17) || steps.at(-1);
    if (zoom < legible) { zoom = legible; lay(true); }
    mover = null;
    const middles = read.map((one) => one && [one[1] + one[3] / 2, one[2] + one[4] / 2]);
    sides.forEach((side, at) => {
      const guessed = !read[at];
      if (guessed && !map) { side.spot.hidden = true; return; }
      const place = guessed ? map[1 - at](middles[1 - at]) : middles[at];
      const size = guessed ? read[1 - at].slice(3).map((v) => v * (at ? larger : 1 / larger)) : read[at].slice(3);
      const one = side.up([place[0] - size[0] / 2, place[1] - size[1] / 2]);
      const other = side.up([place[0] + size[0] / 2, place[1] + size[1] / 2]);
      const room = 0.2 * Math.min(...size);
      const share = (v, whole) => `${100 * v / whole}%`;
      side.spot.hidden = false;
      side.spot.classList.toggle("guessed", guessed);
      side.spot.style.left = share(Math.min(one[0], other[0]) - room, side.wide);
      side.spot.style.top = share(Math.min(one[1], other[1]) - room, side.high);
      side.spot.style.width = share(Math.abs(one[0] - other[0]) + 2 * room, side.wide);
      side.spot.style.height = share(Math.abs(one[1] - other[1]) + 2 * room, side.high);
      centre(side, place);
    });
    const words = { agrees: say("they agree"), differs: say("they differ"), doubtful: say("they differ, unless one was misread"),
      missing: say("on one page only"), illegible: say("illegible") }[state];
    const text = (one) => one ? one[0] : say("nothing");
    said.replaceChildren(say("Row {row}, column {column}:", { row, column }), " ");
    ["A", "B"].forEach((siglum, at) => {
      const b = document.createElement("b");
      b.textContent = text(read[at]);
      said.append(`${say("{siglum} has", { siglum })} `, b, at ? "; " : ", ");
    });
    said.append(`${words}.`);
  };
}

// The table of cells: one of them can be reached with Tab, the others from there with the arrows.
function cellTable(inspect, show) {
  const table = inspect.querySelector(".cells");
  const cells = all(table, "td[data-cell]");
  const at = new Map(cells.map((cell, index) => [cell.dataset.cell, index]));
  // The workbench changes cells while they are shown.
  const apartNow = () => cells.filter((cell) => !cell.classList.contains("agrees"));
  const apart = apartNow();
  let chosen = null;
  let stop = cells[0];

  function choose(cell, { focus = false, address = true } = {}) {
    if (chosen) {
      chosen.classList.remove("chosen");
      chosen.removeAttribute("aria-selected");
    }
    stop.tabIndex = -1;
    chosen = stop = cell;
    cell.classList.add("chosen");
    cell.setAttribute("aria-selected", "true");
    cell.tabIndex = 0;
    if (focus) cell.focus({ preventScroll: true });
    const wrap = cell.closest(".grid-wrap");
    const [inner, outer] = [cell.getBoundingClientRect(), wrap.getBoundingClientRect()];
    wrap.scrollBy({ behavior: "instant", left: inner.left + inner.width / 2 - outer.left - outer.width / 2,
      top: inner.top + inner.height / 2 - outer.top - outer.height / 2 });
    show(data.cells[at.get(cell.dataset.cell)]);
    if (address) history.replaceState(null, "", `#${cell.dataset.cell}`);
  }
  function fromAddress() {
    const index = at.get(decodeURIComponent(location.hash.slice(1)));
    if (index === undefined) return;
    inspect.scrollIntoView({ behavior: "instant" });
    choose(cells[index], { address: false });
  }
  stop.tabIndex = 0;
  for (const part of all(table, ".grid")) {
    part.addEventListener("click", (event) => {
      const cell = event.target.closest("td[data-cell]");
      if (cell) choose(cell, { focus: true });
    });
    part.addEventListener("keydown", (event) => {
      const cell = event.target.closest("td[data-cell]");
      if (!cell) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        return choose(cell);
      }
      const column = cell.cellIndex;
      const beside = (step) => {
        for (let next = cell; (next = step > 0 ? next.nextElementSibling : next.previousElementSibling);) {
          if (next.matches("td[data-cell]")) return next;
        }
        return null;
      };
      const above = (step) => {
        for (let row = cell.parentNode; (row = step > 0 ? row.nextElementSibling : row.previousElementSibling);) {
          if (!row.hidden && row.cells[column].matches("td[data-cell]")) return row.cells[column];
        }
        return null;
      };
      const next = { ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), ArrowUp: () => above(-1),
        ArrowDown: () => above(1) }[event.key];
      if (!next) return;
      event.preventDefault();
      const found = next();
      if (found) choose(found, { focus: true });
    });
  }
  const onlyDiffering = table.querySelector(".differing-rows");
  onlyDiffering.addEventListener("change", () => {
    for (const row of all(table, ".grid tbody tr")) {
      row.hidden = onlyDiffering.checked && !row.querySelector("td[data-cell]:not(.agrees)");
    }
  });
  onlyDiffering.disabled = !apart.length;
  for (const button of all(table, "button[data-next]")) {
    button.disabled = !apart.length;
    button.addEventListener("click", () => {
      const step = Number(button.dataset.next);
      const apart = apartNow();
      if (!apart.length) return;
      const here = apart.indexOf(chosen);
      choose(apart[(here < 0 ? (step > 0 ? 0 : apart.length - 1) : here + step + apart.length) % apart.length]);
    });
  }
  addEventListener("hashchange", fromAddress);
  fromAddress();
}

// One page upon the other.
function over(figure) {
  const sheets = figure.querySelector(".sheets");
  const upper = figure.querySelector(".ink.a");
  const amount = figure.querySelector(".amount");
  const slider = amount.querySelector("input");
  const hold = figure.querySelector(".hold");
  const shown = figure.querySelector(".shown");
  const { width, height } = sheets.querySelector("svg").viewBox.baseVal;
  sheets.style.setProperty("--shape", width / height);
  let timer = null;

  function see(which) {
    upper.style.visibility = which === "b" ? "hidden" : "";
    sheets.dataset.sees = which;
    shown.textContent = say("{siglum} is shown", { siglum: which.toUpperCase() });
  }
  const turn = () => see(sheets.dataset.sees === "a" ? "b" : "a");
  function run(on) {
    clearInterval(timer);
    timer = on ? setInterval(turn, 800) : null;
    hold.textContent = on ? say("stop") : say("go on");
    hold.setAttribute("aria-pressed", String(!on));
    // Not every blink is announced to those who hear the page.
    shown.setAttribute("aria-live", on ? "off" : "polite");
  }
  function slide() {
    const share = Number(slider.value) / 100;
    upper.style.opacity = figure.dataset.mode === "fade" ? String(1 - share) : "";
    upper.style.clipPath = figure.dataset.mode === "swipe" ? `inset(0 0 0 ${100 * share}%)` : "";
    sheets.style.setProperty("--edge", `${100 * share}%`);
  }
  function set(mode) {
    figure.dataset.mode = mode;
    clearInterval(timer);
    upper.style.visibility = "";
    amount.hidden = mode !== "fade" && mode !== "swipe";
    hold.hidden = mode !== "blink";
    slide();
    shown.textContent = { both: say("A is blue, B is vermilion"), blink: "", fade: say("A fades into B"),
      swipe: say("left of the edge is B, right of it A") }[mode];
    if (mode === "blink") {
      see("a");
      run(!matchMedia("(prefers-reduced-motion: reduce)").matches);
    }
  }
  for (const radio of all(figure, "input[name=mode]")) radio.addEventListener("change", () => set(radio.value));
  slider.addEventListener("input", slide);
  hold.addEventListener("click", () => run(timer === null));
  figure.querySelector(".scroller").addEventListener("keydown", (event) => {
    if (event.key !== " " || figure.dataset.mode !== "blink") return;
    event.preventDefault();
    run(false);
    turn();
  });
  set("both");
  enlarge(figure, ".sheets");
}

function copying(button) {
  const said = button.parentNode.querySelector("output");
  button.addEventListener("click", async () => {
    const part = document.getElementById(button.dataset.copy);
    const text = part ? part.textContent : location.href;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = say("copied");
    } catch {
      // Where a page from the disk may not write: mark it, the keyboard copies it.
      if (part) getSelection().selectAllChildren(part);
      said.textContent = part ? say("marked: copy it with the keyboard") : text;
    }
  });
}

if (data) {
  for (const controls of all(document, ".controls")) controls.hidden = false;
  const figure = document.querySelector(".pair");
  if (figure.querySelector("input[type=range]")) matches(figure);
  const inspect = document.querySelector(".inspect");
  const show = panes(inspect);
  if (inspect.querySelector("td[data-cell]")) cellTable(inspect, show);
  const overlay = document.querySelector(".over");
  if (overlay) over(overlay);
  for (const button of all(document, "button[data-copy]")) copying(button);
}

// The boxes above the differences: a cell is shown as long as its state, its kind and its column are.
document.addEventListener("change", ({ target }) => {
  const browse = target.closest("#differences .browse");
  if (!browse) return;
  const off = all(browse, "input:not(:checked)").map((box) => box.id.slice(2));
  const cells = all(browse.parentElement, ".differences > li, .differing tbody tr");
  for (const cell of cells) cell.hidden = off.some((name) => cell.classList.contains(name));
  browse.querySelector(".tally").textContent = say("{n} of {m} shown.", { n: cells.filter((cell) => !cell.hidden).length, m: cells.length });
});

let opened = [];
addEventListener("beforeprint", () => {
  opened = all(document, "details:not([open])");
  for (const part of opened) part.open = true;
});
addEventListener("afterprint", () => { for (const part of opened) part.open = false; });
