// Two scans down to their pixels, moved together by the registration or as they were pinned; their matches as lines.
import { asked, keep, viewAsked, viewOf } from "./address.js";
import { all, make } from "./dom.js";
import { Deep, tilesOf } from "./deep.js";
import { saveCsv } from "./download.js";
import { Lines } from "./lines.js";
import { ask } from "./talk.js";
import { language, say } from "./words.js";

const BLINK = 800; // milliseconds that one of two pages is shown
const FIRST_LINES = 60; // the strongest, drawn at first: more of them hide the figures that they join

// How many source pixels of B one of A is; null where that is not known.
const scaleOf = (map) => map && Math.sqrt(Math.abs(map.matrix[0][0] * map.matrix[1][1] - map.matrix[0][1] * map.matrix[1][0]));

const radio = (name, value, label, checked) => make("label", {}, make("input", { type: "radio", name, value, checked }), ` ${label}`);

export async function start() {
  const ids = all(document, ".pane[data-page]").map((pane) => pane.dataset.page);
  const panes = ids.map(() => make("div", { class: "deep-pane" }));
  // Side by side from the beginning: a scan that opens in a pane without a width is never seen.
  const desk = make("div", { class: "deep-desk", "data-mode": "beside", role: "group", "aria-label": say("{a} and {b} side by side; arrows move, plus and minus enlarge", { a: ids[0], b: ids[1] }) }, ...panes);
  const threshold = make("input", { type: "range", min: "0", step: "0.01", value: "0", "aria-label": say("lines that bring at least") });
  const sum = make("output", { class: "lining", "aria-live": "off" });
  const save = make("button", { type: "button" }, say("download as CSV"));
  const reads = make("p", { class: "reads", "aria-live": "polite" });
  const lines = make("input", { type: "checkbox", checked: true });
  const heat = make("input", { type: "checkbox" });
  const amount = make("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": say("how much of B is shown") });
  const pin = make("button", { type: "button" }, say("pin them as they lie now"));
  const together = make("span", { role: "radiogroup", "aria-label": say("How both pages move") }, 
    ...[["registered", say("together, by the registration")], ["pinned", say("together, as pinned")], ["free", say("each by itself")]].map(([value, label]) => radio("together", value, label, value === "registered")));
  const mode = make("span", { role: "radiogroup", "aria-label": say("How both pages are shown") }, 
    ...[["beside", say("side by side")], ["blink", say("blink")], ["fade", say("fade")], ["swipe", say("swipe")]].map(([value, label]) => radio("deep-mode", value, label, value === "beside")));
  const section = make("section", { id: "closely", class: "first", lang: language }, make("h2", {}, say("Closely")),
    make("div", { class: "controls" }, mode, make("label", { class: "amount", hidden: true }, "A ", amount, " B")),
    make("div", { class: "controls" }, together, pin),
    make("div", { class: "controls" }, make("label", {}, lines, say("matching digits as lines")), make("label", {}, say("lines that bring at least"), threshold), sum, save, make("label", {}, heat, say("heat: what each digit brings"))),
    reads, desk);
  const matches = document.getElementById("matches");
  matches.before(section);
  let sides;
  try {
    sides = await Promise.all(panes.map((pane, at) => Deep.open(pane, ids[at])));
  } catch {
    // A scan is no longer where it was: the report's own views show what the run holds.
    section.remove();
    return;
  }
  matches.classList.remove("first");
  document.querySelector("nav.contents ul").prepend(make("li", {}, make("a", { href: "#closely" }, say("Closely"))));

  // Moved together, by the maps of report.js, which every page of two loads before this.
  /* global data, mapsOf */
  const registered = mapsOf(data.page_map);
  const ratio = scaleOf(data.page_map) || sides[1].about.width / sides[0].about.width;
  let pinned = null;
  let leader = null;
  let moved = false; // by a hand, not by what shows a cell
  const how = () => together.querySelector(":checked").value;
  if (!registered) {
    together.querySelector("[value=registered]").disabled = true;
    together.querySelector("[value=free]").checked = true;
  }
  function counterpart(at, point) {
    if (how() === "registered" && registered) return [registered[at](point), at ? 1 / ratio : ratio];
    if (how() !== "pinned" || !pinned) return null;
    const times = at ? 1 / pinned.times : pinned.times;
    return [point.map((value, axis) => pinned.at[1 - at][axis] + times * (value - pinned.at[at][axis])), times];
  }
  function follow(at) {
    const found = leader === at ? counterpart(at, sides[at].middle) : null;
    if (found) sides[1 - at].look(found[0], sides[at].scale / found[1]);
  }
  pin.addEventListener("click", () => {
    pinned = { at: sides.map((side) => side.middle), times: sides[0].scale / sides[1].scale };
    together.querySelector("[value=pinned]").checked = true;
  });
  sides.forEach((side, at) => {
    for (const event of ["pointerdown", "wheel", "keydown", "touchstart"]) panes[at].addEventListener(event, () => { leader = at; moved = true; }, { passive: true, capture: true });
    side.viewer.addHandler("update-viewport", () => follow(at));
    side.viewer.addHandler("animation-finish", () => { if (leader === at && moved) keep({ view: viewOf(sides[0]) }); });
  });

  // Lines and heat
  const drawn = new Lines({ desk, panes, sides, links: data.links, score: data.score, tell: (link) => tell(link) });
  // Which number of a page a match stands in; the numbers are asked for when the first match is looked at.
  const readings = ids.map(() => null);
  const numberAt = async (at, { x, y, width, height }) => {
    readings[at] ??= ask("/api/page", { id: ids[at] });
    const { reading } = await readings[at];
    const [u, v] = [x + width / 2, y + height / 2];
    return reading?.numbers.find((one) => u >= one.x && u <= one.x + one.width && v >= one.y && v <= one.y + one.height);
  };
  const shareOf = (link) => (drawn.score ? (100 * link.relevance / drawn.score).toFixed(2) : "0");
  async function tell(link) {
    if (!link) { reads.replaceChildren(); return; }
    const words = say(link.supported ? "brings {relevance}, {share} % of the score; both stand at matching positions" : "brings {relevance}, {share} % of the score; their positions do not match", { relevance: link.relevance.toFixed(3), share: shareOf(link) });
    reads.replaceChildren(make("b", {}, link.bigram), ` ${words}`);
    const found = await Promise.all(["a", "b"].map((side, at) => numberAt(at, link[side])));
    if (link !== drawn.hot) return;
    reads.append(...found.flatMap((number, at) => (number ? [". ", make("b", { class: "siglum" }, "AB"[at]), ` ${number.text}${number.address ? `, ${number.address.words}` : ""}`] : [])));
  }
  save.addEventListener("click", () => saveCsv("matches.csv", [
    ["digits", "relevance", "% of the score", "positions match", ...["a", "b"].flatMap((side) => ["x", "y", "width", "height"].map((name) => `${side} ${name}`))],
    ...drawn.shown.map((link) => [link.bigram, link.relevance, shareOf(link), link.supported ? "yes" : "no", ...["a", "b"].flatMap((side) => ["x", "y", "width", "height"].map((name) => link[side][name]))]),
  ]));
  const strengths = data.links.map((link) => link.relevance).sort((a, b) => b - a);
  threshold.max = String(Math.max(0.01, ...strengths));
  const here = asked();
  threshold.value = here.get("least") ?? String(strengths[FIRST_LINES - 1] ?? 0);
  heat.checked = here.has("heat");
  lines.checked = here.get("lines") !== "no";
  for (const name of ["together", "deep-mode"]) {
    const wanted = all(section, `input[name=${name}]`).find((input) => input.value === here.get(name));
    if (wanted && !(wanted.value !== "free" && wanted.value !== "beside" && !registered) && wanted.value !== "pinned") wanted.checked = true;
  }
  const draw = () => {
    drawn.set({ lines: lines.checked && mode.querySelector(":checked").value === "beside", heat: heat.checked, least: Number(threshold.value) });
    const { n, total } = drawn;
    sum.textContent = say("{n} lines, together {total} of the score {score} ({share} %)", { n, total: total.toFixed(2), score: data.score.toFixed(2), share: data.score ? (100 * total / data.score).toFixed(0) : 0 });
  };
  addEventListener("tablesim:renewed", () => {
    drawn.load(data.links, data.score);
    draw();
  });
  for (const input of [threshold, lines, heat]) {
    input.addEventListener("input", () => {
      draw();
      keep({ least: threshold.value, lines: lines.checked ? null : "no", heat: heat.checked ? "yes" : null });
    });
  }
  together.addEventListener("change", () => keep({ together: how() === "registered" ? null : how() }));
  sides.forEach((side) => side.onChange(() => drawn.lay()));

  // One upon the other: A is laid upon B by the turn and scale that come nearest to the registration.
  let upper = null;
  let timer = null;
  async function lay() {
    if (upper) return upper;
    const { viewer, library } = sides[1];
    const [o, x] = [[0, 0], [sides[0].about.width, 0]].map((point) => registered[0](point));
    const toView = (point) => sides[1].image.imageToViewportCoordinates(...point);
    const [from, to] = [o, x].map((point) => toView(point));
    upper = await new Promise((resolve, reject) => viewer.addTiledImage({
      tileSource: tilesOf(ids[0], sides[0].about), x: from.x, y: from.y, width: Math.hypot(to.x - from.x, to.y - from.y),
      success: ({ item }) => resolve(item), error: reject,
    }));
    const degrees = 180 * Math.atan2(to.y - from.y, to.x - from.x) / Math.PI;
    const size = upper.getBoundsNoRotate();
    // It turns about its middle; the corner is to stay where the registration has it.
    const [cos, sin] = [Math.cos(Math.PI * degrees / 180), Math.sin(Math.PI * degrees / 180)];
    const [w, h] = [size.width / 2, size.height / 2];
    upper.setRotation(degrees, true);
    upper.setPosition(new library.Point(from.x + (cos * w - sin * h) - w, from.y + (sin * w + cos * h) - h), true);
    return upper;
  }
  async function set(which) {
    clearInterval(timer);
    const beside = which === "beside";
    desk.dataset.mode = which;
    section.querySelector(".amount").hidden = which !== "fade" && which !== "swipe";
    if (!beside || upper) {
      await lay();
      upper.setOpacity(beside ? 0 : which === "fade" ? 1 - amount.value / 100 : 1);
      upper.setClip(null);
      if (which === "swipe") swipe();
      if (which === "blink") timer = setInterval(() => upper.setOpacity(upper.getOpacity() ? 0 : 1), BLINK);
    }
    draw();
    drawn.lay();
  }
  function swipe() {
    const { width, height } = sides[0].about;
    const left = width * amount.value / 100;
    upper.setClip(new sides[1].library.Rect(left, 0, Math.max(1, width - left), height));
  }
  for (const input of all(mode, "input")) {
    input.disabled = !registered && input.value !== "beside";
    input.addEventListener("change", () => {
      keep({ "deep-mode": input.value === "beside" ? null : input.value });
      set(input.value);
    });
  }
  amount.addEventListener("input", () => (desk.dataset.mode === "swipe" ? swipe() : upper.setOpacity(1 - amount.value / 100)));
  await set(mode.querySelector(":checked").value);
  leader = 0;
  const view = viewAsked();
  if (view) sides[0].look(view.slice(0, 2), view[2]);
  follow(0);
}
