// Cell by cell: the number of either page is corrected where it is compared; the new collation is shown at once.
import { bar, name, named, tell, tried } from "./bar.js";
import { all, make } from "./dom.js";
import { refreshPair } from "./pair.js";
import { send } from "./talk.js";
import { language, say } from "./words.js";

const SIDES = ["x", "y", "width", "height"];
// What is shown anew after a change; matches are drawn anew (`pair.js`).
const CELLS = "#cells .cells";

/* global data */
export async function start({ mayWrite }) {
  const cells = document.querySelector(CELLS);
  const refresh = () => tried(refreshPair);
  if (!cells || !mayWrite) return refresh;
  const ids = all(document, ".pane[data-page]").map((pane) => pane.dataset.page);
  const order = all(cells, "td[data-cell]").map((cell) => cell.dataset.cell);
  let shown = [null, null];

  const inputs = ["A", "B"].map((siglum) => make("input", { maxlength: "40", inputmode: "numeric", autocomplete: "off", "aria-label": say("printed on {siglum}", { siglum }) }));
  const form = make("form", { class: "card cell-card", hidden: true, lang: language, "aria-label": say("One number") },
    make("div", { class: "fields" }, ...inputs.map((input, at) => make("label", {}, make("span", {}, say("printed on {siglum}", { siglum: "AB"[at] })), input)),
      make("div", { class: "acts" }, make("button", {}, say("write")))));
  document.querySelector("#cells .chosen-words").after(form);

  function choose(anchor) {
    const at = order.indexOf(anchor);
    const printed = data.printed[at];
    shown = data.cells[at].slice(3).map((one, side) => one && { text: printed?.[side] ?? one[0], ...Object.fromEntries(SIDES.map((name, index) => [name, one[index + 1]])) });
    inputs.forEach((input, side) => {
      input.value = shown[side]?.text || "";
      input.disabled = !shown[side];
    });
    form.hidden = false;
  }
  cells.addEventListener("click", (event) => {
    const cell = event.target.closest("td[data-cell]");
    if (cell) choose(cell.dataset.cell);
  });
  cells.addEventListener("focusin", (event) => {
    const cell = event.target.closest("td[data-cell]");
    if (cell) choose(cell.dataset.cell);
  });
  // In a chosen cell "a" and "b" go to what stands on either page.
  cells.addEventListener("keydown", (event) => {
    const at = ["a", "b"].indexOf(event.key);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey || form.hidden || inputs[at].disabled) return;
    event.preventDefault();
    inputs[at].focus();
    inputs[at].select();
  });
  for (const button of all(cells, "button[data-next]")) {
    button.addEventListener("click", () => {
      const chosen = cells.querySelector("td.chosen");
      if (chosen) choose(chosen.dataset.cell);
    });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!named(() => form.requestSubmit())) return;
    tried(async () => {
      const typed = shown.map((number, at) => ({ number, at, text: inputs[at].value.trim() }));
      const anchor = cells.querySelector("td.chosen")?.dataset.cell;
      for (const { number, at, text } of typed) {
        if (!number || text === number.text) continue;
        const { text: expected, ...box } = number;
        const answer = await send("/api/correct", { page: ids[at], sha256: data.sides[at].sha256, ...box, expected, correct: text, who: name(), reason: "" });
        tell(answer.conflict ? say("Somebody corrected this number meanwhile; it says {stands} now. Look again, then correct it.", { stands: answer.conflict.stands || say("nothing") }) : say("{before} → {now}", { before: expected, now: text || say("nothing") }), Boolean(answer.conflict));
      }
      await refreshPair();
      if (anchor) choose(anchor);
    });
  });
  const here = location.hash.slice(1);
  if (order.includes(here)) choose(here);
  bar.append(make("a", { href: "#cells" }, say("cell by cell")));
  return refresh;
}
