// The map of the corpus: a point a page, coloured by what the metadata say; a point leads to its page.
"use strict";
(async () => {
  const part = document.getElementById("map");
  const canvas = part.querySelector("canvas");
  if (!canvas) return;
  const words = {
    at: (row, facet, value) => facet ? `${row}; ${facet}: ${value || say("unknown")}` : row,
    others: say("all others"), unknown: say("unknown"),
    found: (n) => say("{n} found", { n }),
    collate: say("Collate them"), genealogy: say("Who copied whom"),
    lasso: (n) => sayN(n, "{n} page within the line", "{n} pages within the line"), save: say("Download them as CSV"), clear: say("Clear"),
  };
  const live = document.body.dataset.screen !== undefined;
  // Okabe and Ito: told apart by those who see red and green alike.
  const hues = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#5b5b5b"];
  const dim = "#b8b0a2";
  const reads = part.querySelector(".reads");
  const select = part.querySelector("select");
  // The pages within a line: they stay while points are looked at.
  const shownSet = document.createElement("div");
  shownSet.className = "set";
  reads.after(shownSet);
  const find = part.querySelector("input[type=search]");
  const colours = part.querySelector(".colours");
  const { config, at, rows } = await tablesim.load("pages");
  const points = rows.filter((row) => row[at.x] !== null).map((row) => ({
    row, x: row[at.x], y: row[at.y], text: tablesim.fold(row.map((value, index) => tablesim.shown(config.columns[index], value)).join(" ")),
  }));
  const half = (year) => `${Math.floor(year / 50) * 50}–${Math.floor(year / 50) * 50 + 49}`;
  const year = (row) => row[at.year] === null ? "" : half(row[at.year][3]);
  const facets = [
    ["cluster", say("cluster"), (row) => tablesim.plain(row[at.cluster])],
    ["year", say("half-century"), year],
    ...config.columns.filter((column) => column.title && column.kind === "text" && column.name !== "remark")
      .map((column) => [column.name, column.title, (row) => tablesim.shown(column, row[at[column.name]])]),
  ].filter(([, , of]) => new Set(points.map((point) => of(point.row))).size > 1);
  for (const [name, title] of facets) {
    const option = document.createElement("option");
    [option.value, option.textContent] = [name, title];
    select.append(option);
  }
  let view = { x: 0, y: 0, zoom: 1 };
  let [chosen, hidden, colourOf, valueOf] = [null, new Set(), () => hues[0], () => ""];

  function place(point) {
    const size = Math.min(canvas.clientWidth, canvas.clientHeight) / 2 - 14;
    return [canvas.clientWidth / 2 + (point.x - view.x) * size * view.zoom, canvas.clientHeight / 2 - (point.y - view.y) * size * view.zoom];
  }
  // Set by drawing a line around points, with Shift held.
  let [lasso, around, within] = [[], [], new Set()];
  let choosing = false;
  const lassoButton = part.querySelector("[data-lasso]");
  const MOST_WITNESSES = 40;
  const MOST_CORNERS = 60; // of a line around points, kept in the address
  const pictures = new Map();
  function picture(page) {
    if (!pictures.has(page)) {
      const made = new Image();
      made.addEventListener("load", draw);
      made.src = `thumb?page=${encodeURIComponent(page)}`;
      pictures.set(page, made);
    }
    return pictures.get(page);
  }
  // Small pictures where few points are in sight: the workbench has them.
  function drawPictures(pen) {
    if (!live || view.zoom < 2) return;
    const seen = points.filter((point) => {
      const [x, y] = place(point);
      return !hidden.has(colourOf(point.row)) && x > 0 && y > 0 && x < canvas.clientWidth && y < canvas.clientHeight;
    });
    if (seen.length > 40) return;
    for (const point of seen) {
      const made = picture(point.row[at.page][0]);
      if (!made.complete || !made.naturalWidth) continue;
      const [x, y] = place(point);
      const scale = 84 / Math.max(made.naturalWidth, made.naturalHeight);
      pen.drawImage(made, x + 6, y - 6, made.naturalWidth * scale, made.naturalHeight * scale);
    }
  }
  function inside([x, y]) {
    let odd = false;
    for (let i = 0, j = lasso.length - 1; i < lasso.length; j = i, i += 1) {
      const [[xi, yi], [xj, yj]] = [lasso[i], lasso[j]];
      if (yi > y !== yj > y && x < (xj - xi) * (y - yi) / (yj - yi) + xi) odd = !odd;
    }
    return odd;
  }
  const toMap = ([x, y]) => {
    const size = (Math.min(canvas.clientWidth, canvas.clientHeight) / 2 - 14) * view.zoom;
    return [(x - canvas.clientWidth / 2) / size + view.x, view.y - (y - canvas.clientHeight / 2) / size];
  };
  function closeLasso() {
    const step = Math.ceil(lasso.length / MOST_CORNERS);
    around = lasso.filter((_, index) => index % step === 0).map((corner) => toMap(corner).map((value) => Number(value.toFixed(3))));
    lasso = [];
    showWithin();
    keep();
  }
  function showWithin() {
    lasso = around.map(([x, y]) => place({ x, y }));
    within = new Set(points.filter((point) => !hidden.has(colourOf(point.row)) && inside(place(point))));
    lasso = [];
    const button = (text, act) => {
      const made = document.createElement("button");
      [made.type, made.textContent] = ["button", text];
      made.addEventListener("click", act);
      return made;
    };
    const list = document.createElement("ul");
    list.className = "within";
    for (const point of [...within].slice(0, 200)) {
      const [li, a] = [document.createElement("li"), document.createElement("a")];
      [a.href, a.textContent] = [point.row[at.page][1], point.row[at.page][0]];
      li.append(a);
      list.append(li);
    }
    const columns = config.columns.filter((column) => column.title);
    const link = (text, path) => {
      const made = document.createElement("a");
      [made.textContent, made.href] = [text, `${path}?${new URLSearchParams([...within].map((point) => ["w", point.row[at.page][0]]))}`];
      return made;
    };
    // The workbench goes on with the pages that were chosen.
    const further = live && within.size > 1 && within.size <= MOST_WITNESSES ? [link(words.collate, "collation.html"), " ", link(words.genealogy, "genealogy.html"), " "] : [];
    shownSet.replaceChildren(words.lasso(within.size), " ",
      button(words.save, () => tablesim.download("map.csv", [columns.map((column) => column.title), ...[...within].map(({ row }) => columns.map((column) => tablesim.shown(column, row[at[column.name]])))])), " ", ...further,
      button(words.clear, () => { [around, within] = [[], new Set()]; shownSet.replaceChildren(); draw(); keep(); }), list);
    draw();
  }
  // What is looked at stands in the address: colours, what is found, the part in sight, the line around points.
  function keep() {
    const { x, y, zoom: by } = view;
    const asked = { ...(select.value !== facets[0]?.[0] && { facet: select.value }), ...(find.value.trim() && { find: find.value.trim() }),
      ...(by > 1 && { view: [x, y, by].map((value) => value.toFixed(3)).join(",") }), ...(around.length && { around: around.join(",") }) };
    history.replaceState(null, "", Object.keys(asked).length ? `#map&${new URLSearchParams(asked)}` : "#map");
  }
  function fromAddress() {
    const [name, ...rest] = location.hash.slice(1).split("&");
    if (name !== "map") return;
    const asked = new URLSearchParams(rest.join("&"));
    const numbers = (key) => (asked.get(key) || "").split(",").map(Number).filter(Number.isFinite);
    if (asked.has("facet")) select.value = asked.get("facet");
    find.value = asked.get("find") || "";
    const [x, y, by] = numbers("view");
    if (by >= 1 && by <= 40) view = { x, y, zoom: by };
    const corners = asked.has("around") ? numbers("around") : [];
    around = corners.filter((_, index) => index % 2 === 0).map((value, index) => [value, corners[2 * index + 1]]).slice(0, MOST_CORNERS);
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }
  function draw() {
    const ratio = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const radius = Math.max(1.6, Math.min(5, 60 / Math.sqrt(points.length))) * Math.sqrt(view.zoom);
    const word = tablesim.fold(find.value.trim());
    const dot = (point, colour, r) => {
      const [x, y] = place(point);
      pen.fillStyle = colour;
      pen.beginPath();
      pen.arc(x, y, r, 0, 2 * Math.PI);
      pen.fill();
    };
    const stands = (point) => !hidden.has(colourOf(point.row)) && (!word || point.text.includes(word));
    for (const point of points) if (!stands(point)) dot(point, `${dim}66`, radius);
    pen.globalAlpha = 0.8;
    for (const point of points) if (stands(point)) dot(point, colourOf(point.row), radius);
    pen.globalAlpha = 1;
    drawPictures(pen);
    pen.strokeStyle = "#d55e00";
    pen.lineWidth = 1.5;
    for (const point of within) {
      const [x, y] = place(point);
      pen.beginPath();
      pen.arc(x, y, radius + 2, 0, 2 * Math.PI);
      pen.stroke();
    }
    if (lasso.length) {
      pen.beginPath();
      for (const [x, y] of lasso) pen.lineTo(x, y);
      pen.stroke();
    }
    if (!chosen) return;
    const [x, y] = place(chosen);
    pen.lineWidth = 3;
    pen.strokeStyle = "#d55e00";
    pen.beginPath();
    pen.arc(x, y, radius + 5, 0, 2 * Math.PI);
    pen.stroke();
  }
  function choose(point) {
    chosen = point;
    reads.replaceChildren();
    if (point) {
      const a = document.createElement("a");
      [a.href, a.textContent] = [point.row[at.page][1], point.row[at.page][0]];
      const about = ["author", "title", "place", "year"].map((name) => tablesim.plain(point.row[at[name]])).filter(Boolean).join(", ");
      reads.append(a, about ? `: ${about}` : "", valueOf(point.row) ? ` · ${select.selectedOptions[0].textContent} ${valueOf(point.row)}` : "");
    }
    draw();
  }
  function colour() {
    const facet = facets.find(([name]) => name === select.value);
    valueOf = facet ? facet[2] : () => "";
    const counts = new Map();
    for (const { row } of points) counts.set(valueOf(row), (counts.get(valueOf(row)) || 0) + 1);
    counts.delete("");
    const order = [...counts].sort((a, b) => b[1] - a[1]).slice(0, hues.length).map(([value]) => value);
    if (facet && facet[0] === "year") order.sort();
    const hue = new Map(order.map((value, index) => [value, hues[index]]));
    colourOf = (row) => hue.get(valueOf(row)) || dim;
    hidden = new Set();
    colours.replaceChildren(...[...hue, [words.others, dim]].map(([value, own]) => {
      const li = document.createElement("li");
      const button = document.createElement("button");
      const spot = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      spot.setAttribute("viewBox", "0 0 10 10");
      spot.setAttribute("aria-hidden", "true");
      const circle = document.createElementNS(spot.namespaceURI, "circle");
      for (const [name, number] of Object.entries({ cx: 5, cy: 5, r: 4.5, fill: own })) circle.setAttribute(name, number);
      spot.append(circle);
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.append(spot, ` ${value}`);
      button.addEventListener("click", () => {
        const on = hidden.delete(own);
        if (!on) hidden.add(own);
        button.setAttribute("aria-pressed", String(on));
        draw();
      });
      li.append(button);
      return li;
    }));
    draw();
  }
  function nearest(x, y, within = 24) {
    let [best, far] = [null, within * within];
    for (const point of points) {
      const [px, py] = place(point);
      const d = (px - x) ** 2 + (py - y) ** 2;
      if (d < far) [best, far] = [point, d];
    }
    return best;
  }
  // With the keyboard: the nearest point in the direction of the arrow.
  function step(dx, dy) {
    if (!chosen) return choose(points[0]);
    const [x, y] = place(chosen);
    let [best, far] = [null, Infinity];
    for (const point of points) {
      const [px, py] = place(point);
      const [along, across] = [(px - x) * dx + (py - y) * dy, Math.abs((px - x) * dy) + Math.abs((py - y) * dx)];
      if (along > 0.5 && along + 2 * across < far) [best, far] = [point, along + 2 * across];
    }
    if (best) choose(best);
  }
  function zoom(by, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const size = Math.min(canvas.clientWidth, canvas.clientHeight) / 2 - 14;
    const [mx, my] = [view.x + (x - canvas.clientWidth / 2) / (size * view.zoom), view.y - (y - canvas.clientHeight / 2) / (size * view.zoom)];
    const next = Math.min(40, Math.max(1, view.zoom * by));
    view = next === 1 ? { x: 0, y: 0, zoom: 1 } : { x: mx - (mx - view.x) * view.zoom / next, y: my - (my - view.y) * view.zoom / next, zoom: next };
    draw();
  }
  const open = () => { if (chosen) location.href = chosen.row[at.page][1]; };
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.shiftKey || choosing) { lasso = [[event.offsetX, event.offsetY]]; canvas.setPointerCapture(event.pointerId); return; }
    from = { x: event.offsetX, y: event.offsetY, view, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (lasso.length) { lasso.push([event.offsetX, event.offsetY]); draw(); return; }
    if (from) {
      const size = (Math.min(canvas.clientWidth, canvas.clientHeight) / 2 - 14) * view.zoom;
      from.moved ||= Math.hypot(event.offsetX - from.x, event.offsetY - from.y) > 4;
      view = { ...view, x: from.view.x - (event.offsetX - from.x) / size, y: from.view.y + (event.offsetY - from.y) / size };
      return draw();
    }
    const point = nearest(event.offsetX, event.offsetY);
    if (point !== chosen && point) choose(point);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (lasso.length) { closeLasso(); return; }
    const still = from && !from.moved;
    if (from?.moved) keep();
    from = null;
    const point = still && nearest(event.offsetX, event.offsetY);
    if (!point) return;
    // A finger does not hover: what it touches first is shown, what it touches again is opened.
    const seen = event.pointerType === "mouse" || point === chosen;
    choose(point);
    if (seen) open();
  });
  canvas.addEventListener("pointercancel", () => { [from, lasso] = [null, []]; draw(); });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY); keep(); }, { passive: false });
  lassoButton.addEventListener("click", () => {
    choosing = !choosing;
    lassoButton.setAttribute("aria-pressed", String(choosing));
    canvas.classList.toggle("choosing", choosing);
  });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const by = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 }[event.key];
    if (!way && !by && event.key !== "Enter") return;
    event.preventDefault();
    if (way) step(...way);
    else if (by) { zoom(by, ...(chosen ? place(chosen) : [])); keep(); }
    else open();
  });
  for (const button of part.querySelectorAll("[data-zoom-map]")) button.addEventListener("click", () => {
    // A chosen point stays where it is.
    zoom(1.5 ** Number(button.dataset.zoomMap), ...(chosen ? place(chosen) : []));
    keep();
  });
  find.addEventListener("input", () => {
    const word = tablesim.fold(find.value.trim());
    reads.textContent = word ? words.found(points.filter((point) => point.text.includes(word)).length) : "";
    draw();
    keep();
  });
  select.addEventListener("change", () => { colour(); keep(); });
  addEventListener("resize", draw);
  for (const controls of part.querySelectorAll(".controls, .cloud-wrap")) controls.hidden = false;
  reads.replaceChildren();
  fromAddress();
  colour();
  if (around.length) showWithin();
  canvas.dataset.ready = "";
})();
