// The scan of a page down to its pixels: tiles in place of the copy, the frames of its numbers laid over them.
import { keep, viewAsked, viewOf } from "./address.js";
import { all, make } from "./dom.js";
import { Deep } from "./deep.js";
import { boxToSource, toUpright } from "./geometry.js";

const LEGIBLE = 20; // pixels of the window that a number should be high at least
const NEAR = 6; // pixels beside a number where a click means it

export async function start() {
  const section = document.querySelector("[data-page]");
  const scroller = section?.querySelector(".leaf .scroller");
  if (!scroller) return;
  const element = make("div", { class: "osd", "data-keep": "" });
  scroller.prepend(element);
  const svg = () => scroller.querySelector("svg.sheet-over");
  const { width, height } = svg().viewBox.baseVal;
  const before = scroller.style.height;
  scroller.style.height = `${Math.min(0.82 * innerHeight, scroller.clientWidth * height / width)}px`;
  scroller.classList.add("deep");
  let deep;
  try {
    deep = await Deep.open(element, section.dataset.page);
  } catch {
    // The scan is no longer where it was: what the run holds of it is shown as before.
    element.remove();
    scroller.classList.remove("deep");
    scroller.style.height = before;
    return;
  }
  const { viewer } = deep;

  function lay() {
    const { style } = svg();
    const matrix = deep.matrix;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform = `matrix(${matrix.join(",")})`;
    style.setProperty("--thin", String(1 / Math.hypot(matrix[0], matrix[1])));
    // What is drawn over the scan asks here where it is on the upright page.
    svg().pageAt = (x, y) => {
      const frame = element.getBoundingClientRect();
      return toUpright(deep.about, deep.toSource([x - frame.left, y - frame.top]));
    };
  }
  deep.onChange(lay);
  addEventListener("tablesim:renewed", lay);
  lay();

  const sides = (box) => Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, Number(box.getAttribute(name))]));
  viewer.addHandler("canvas-click", ({ quick, position }) => {
    if (!quick) return;
    const [x, y] = toUpright(deep.about, deep.toSource([position.x, position.y]));
    const room = NEAR / deep.scale;
    const hit = all(svg(), ".over rect:not(.drawn)").find((one) => {
      const box = sides(one);
      return x >= box.x - room && x <= box.x + box.width + room && y >= box.y - room && y <= box.y + box.height + room;
    });
    hit?.dispatchEvent(new MouseEvent("click"));
  });
  function showBox(shape) {
    const box = boxToSource(deep.about, sides(shape));
    const middle = [box.x + box.width / 2, box.y + box.height / 2];
    const [x, y] = deep.toWindow(middle);
    const size = Math.min(box.width, box.height) * deep.scale;
    const inside = x > 40 && y > 40 && x < element.clientWidth - 40 && y < element.clientHeight - 40;
    if (!inside || size < LEGIBLE) deep.look(middle, Math.max(deep.scale, LEGIBLE / Math.min(box.width, box.height)), false);
  }
  addEventListener("tablesim:chosen", ({ detail }) => showBox(detail.box));
  addEventListener("tablesim:shown", ({ detail }) => showBox(detail));
  addEventListener("tablesim:drawing", ({ detail }) => viewer.setMouseNavEnabled(!detail));
  for (const button of all(document, "[data-enlarge]")) {
    button.addEventListener("click", () => viewer.viewport.zoomTo(viewer.viewport.getHomeZoom() * Number(button.dataset.enlarge)));
  }
  let moved = false; // by a hand, not by what shows a number
  for (const event of ["pointerdown", "wheel", "keydown", "touchstart"]) element.addEventListener(event, () => { moved = true; }, { passive: true, capture: true });
  viewer.addHandler("animation-finish", () => { if (moved) keep({ view: viewOf(deep) }); });
  const [chosen, view] = [svg().querySelector(".over rect.hot"), viewAsked()];
  if (view) deep.look(view.slice(0, 2), view[2]);
  else if (chosen) showBox(chosen);
}
