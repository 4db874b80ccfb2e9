// Cell by cell: the number of either page is corrected where it is compared; the new collation is shown at once.
import { bar, name, named, tell, tried } from "./bar.js";
import { all, make } from "./dom.js";
import { stateOf } from "./steps.js";
import { ask, send } from "./talk.js";
import { language, say } from "./words.js";

const SIDES = ["x", "y", "width", "height"];
const boxOf = (number) => Object.fromEntries(SIDES.map((side) => [side, number[side]]));

export async function start({ mayWrite }) {
  const cells = document.querySelector("#cells .cells");
  if (!cells || !mayWrite) return;
  const data = JSON.parse(document.getElementById("data").textContent);
  const ids = all(document, ".pane[data-page]").map((pane) => pane.dataset.page);
  const pages = await Promise.all(ids.map((id) => ask("/api/page", { id })));
  const order = all(cells, "td[data-cell]").map((cell) => cell.dataset.cell);
  let shown = [null, null];

  const inputs = ["A", "B"].map((siglum) => make("input", { maxlength: "40", inputmode: "numeric", autocomplete: "off", "aria-label": say("cells.input", { siglum }) }));
  const form = make("form", { class: "card cell-card", hidden: true, lang: language, "aria-label": say("card") },
    make("div", { class: "fields" }, ...inputs.map((input, at) => make("label", {}, make("span", {}, say("cells.input", { siglum: "AB"[at] })), input)),
      make("div", { class: "acts" }, make("button", {}, say("card.write")))));
  document.querySelector("#cells .chosen-words").after(form);

  function choose(anchor) {
    const read = data.cells[order.indexOf(anchor)].slice(3);
    shown = read.map((one, at) => one && pages[at].reading.numbers.find((number) =>
      SIDES.every((side, index) => Math.abs(number[side] - one[index + 1]) < 1)));
    inputs.forEach((input, at) => {
      input.value = shown[at]?.text || "";
      input.disabled = !shown[at];
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
      for (const [at, number] of shown.entries()) {
        const text = inputs[at].value.trim();
        if (!number || text === number.text) continue;
        const { shown: expected } = stateOf(number);
        const answer = await send("/api/correct", { page: ids[at], sha256: pages[at].sha256, ...boxOf(number), expected, correct: text, who: name(), reason: "" });
        if (answer.conflict) throw new Error(say("conflict", { stands: answer.conflict.stands || say("nothing") }));
        tell(say("corrected", { before: expected, now: text || say("nothing") }));
      }
      location.reload();
    });
  });
  const here = location.hash.slice(1);
  if (order.includes(here)) choose(here);
  bar.append(make("a", { href: "#cells" }, say("cells.go")));
}
