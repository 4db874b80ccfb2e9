// The page of a page: a number is chosen, typed over and written; new ones are drawn; what follows from it is shown.
import { bar, button, name, named, tell, tried } from "./bar.js";
import { Card } from "./card.js";
import { all, isTyping, make } from "./dom.js";
import { Drawing } from "./draw.js";
import { boxToSource, boxToUpright } from "./geometry.js";
import { renew } from "./renew.js";
import { AS_READ, stateOf, stateOfNothing, Steps } from "./steps.js";
import { ask, send, setSeen } from "./talk.js";
import { say } from "./words.js";

const CELLS = "td[id], [data-loose]";
const SIDES = ["x", "y", "width", "height"];
const boxOf = (number) => Object.fromEntries(SIDES.map((side) => [side, number[side]]));

export async function start({ mayWrite }) {
  const section = document.querySelector("[data-page]");
  if (!section) return null;
  const id = section.dataset.page;
  let page = null;
  let byAnchor = new Map();
  let loose = [];

  async function load() {
    const now = await ask("/api/page", { id });
    if (page && now.version < page.version) return;
    page = now;
    setSeen(page.version);
    byAnchor = new Map();
    loose = [];
    for (const number of page.reading.numbers) {
      if (number.address) byAnchor.set(number.address.anchor, number);
      else loose.push(number);
    }
  }
  await load();
  const refresh = async () => {
    await Promise.all([load(), renew()]);
  };
  if (!mayWrite) return refresh;

  const svg = () => section.querySelector("svg.sheet-over");
  const cells = () => all(section, CELLS);
  const numberOf = (cell) => (cell.id ? byAnchor.get(cell.id) : loose[all(section, "[data-loose]").indexOf(cell)]);
  let chosen = null;
  let typing = null; // the entry that is open, and the cell that it is in
  let place = null; // of a number that is not there yet: its box in source pixels, what stands there, its cell

  // Writing: one after the other, so that what is typed quickly arrives in its order.
  let before = Promise.resolve();
  const steps = new Steps(id);
  const undo = button(say("undo"), "Ctrl+Z", () => turn(true));
  const redo = button(say("redo"), "Ctrl+Y", () => turn(false));
  const settle = () => { undo.disabled = !steps.done.length; redo.disabled = !steps.undone.length; };

  async function write(box, to, from, more = {}) {
    const { correct, emendation } = to;
    const answer = await send("/api/correct", { page: id, sha256: page.sha256, ...box, expected: from.shown, correct, emendation, who: name(), reason: "", ...more });
    if (answer.conflict) {
      await refresh();
      throw new Error(say("Somebody corrected this number meanwhile; it says {stands} now. Look again, then correct it.", { stands: answer.conflict.stands || say("nothing") }));
    }
    const words = (state) => state.shown || say("nothing");
    tell([to.shown === from.shown && to.correct !== AS_READ ? say("{text}: right as it stands", { text: words(to) }) : say("{before} → {now}", { before: words(from), now: words(to) }), ...answer.remarks].join("; "));
    tried(refresh);
    return answer;
  }
  let waiting = 0;
  function enqueue(act) {
    waiting += 1;
    before = before.then(() => tried(act)).then(() => { waiting -= 1; settle(); });
    return before;
  }
  addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });
  const change = (box, from, to, more) => enqueue(async () => {
    await write(box, to, from, more);
    steps.add({ box, before: from, after: to });
  });
  const turn = (back) => enqueue(async () => {
    if (!named()) return;
    const step = await steps.turn(back, write);
    const cell = step && cells().find((one) => SIDES.every((side) => Math.abs(numberOf(one)?.[side] - step.box[side]) < 1));
    cell?.click();
  });
  const said = (text, emendation = "") => ({ correct: text, emendation, shown: text });

  // In the cell: typed over, Enter, next.
  function open(cell, typed = "") {
    const number = numberOf(cell);
    if (!number || cell.querySelector(".entry") || !named(() => open(cell, typed))) return;
    const from = stateOf(number);
    const stood = cell.textContent;
    const entry = make("input", { class: "entry", "aria-label": say("{before}: what is printed", { before: from.shown }), maxlength: "40", inputmode: "numeric" });
    entry.value = typed || from.shown;
    const close = (text) => { typing = null; cell.textContent = text; };
    typing = { anchor: cell.id, entry };
    entry.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") { close(stood); cell.focus(); return; }
      if (event.key !== "Enter" && event.key !== "Tab") return;
      event.preventDefault();
      const text = entry.value.trim();
      const every = cells();
      const next = every[every.indexOf(cell) + (event.shiftKey ? -1 : 1)];
      close(text === from.shown ? stood : text);
      (next || cell).click();
      if (text !== from.shown) change(boxOf(number), from, said(text, text ? number.emendation || "" : ""));
    });
    entry.addEventListener("blur", () => { if (entry.isConnected) close(stood); });
    cell.replaceChildren(entry);
    entry.focus();
    if (typed) entry.setSelectionRange(typed.length, typed.length);
    else entry.select();
  }

  // The card beside the scan.
  const tables = () => all(section, "[data-table]").length;
  const aboutOf = (number) => number.person ? number.person.sentence
    : say("The machine read {text}, right with a probability of {confidence}", { text: number.text, confidence: number.confidence.toFixed(2) }) + (number.doubts.length ? ` (${number.doubts.join("; ")})` : "");
  const showNumber = (number) => card.show({ about: aboutOf(number), printed: number.text, emendation: number.emendation, cell: number.address?.anchor, tables: tables() });
  const card = new Card({
    write: (values) => {
      const cell = values.cell === card.cell && !place ? "" : values.cell;
      if (!named(() => card.element.requestSubmit())) return;
      const more = { cell, reason: values.reason };
      if (place) {
        const { box, from } = place;
        leave();
        change(box, from, said(values.correct, values.emendation), more);
        return;
      }
      const number = chosen && numberOf(chosen);
      if (number) change(boxOf(number), stateOf(number), said(values.correct, values.emendation), more);
      chosen?.focus();
    },
    leave: () => leave(),
    moved: (values) => { if (place && values.cell) tried(() => propose({ cell: values.cell })); },
    acts: [
      [say("right as it stands"), "r", () => confirm()],
      [say("what it should be"), "e", () => card.focus("emendation")],
      [say("no number is here"), "Delete", () => remove()],
      [say("draw a number that is missing"), "d", () => draw()],
    ],
  });
  section.querySelector(".reads").after(card.element);

  function leave() {
    place = null;
    drawing.hide();
    drawing.set(false);
    if (chosen && numberOf(chosen)) {
      showNumber(numberOf(chosen));
      chosen.focus();
    } else card.clear();
  }
  const withChosen = (act) => {
    const number = chosen && numberOf(chosen);
    if (number && named(() => act(number))) act(number);
  };
  const confirm = () => withChosen((number) => {
    const every = cells();
    const next = every[every.indexOf(chosen) + 1];
    change(boxOf(number), stateOf(number), said(number.text, number.emendation || ""));
    next?.click();
  });
  const remove = () => withChosen((number) => change(boxOf(number), stateOf(number), stateOfNothing(true)));

  // A number that is not there yet: drawn on the scan, or looked for in an empty cell.
  const drawing = new Drawing(svg(), (box) => tried(() => propose(boxToSource(page, box))));
  function draw() {
    drawing.set(true);
    tell(say("Draw a box around the number on the scan; Esc leaves it."));
  }
  async function propose(where) {
    const found = await ask("/api/place", { page: id, ...where });
    const box = boxOf(found);
    place = { box, from: found.stands ? said(found.stands) : stateOfNothing(false), cell: found.cell };
    drawing.show(boxToUpright(page, box));
    const about = [say(found.cell ? "A number that was not read. Its row and column are those of the layout; change them if it belongs elsewhere." : "A number that was not read, outside the tables. Give row and column if it belongs to one."), found.stands ? say("It takes the place of {text}.", { text: found.stands }) : ""].filter(Boolean).join(" ");
    card.show({ about, isNew: true, printed: found.stands, emendation: "", cell: found.cell, tables: tables() });
    dispatchEvent(new CustomEvent("tablesim:shown", { detail: drawing.shape }));
    card.focus("printed");
  }
  const emptyCell = (cell) => {
    const table = cell.closest("[data-table]").dataset.table;
    return `t${table}r${cell.parentNode.cells[0].textContent}c${cell.cellIndex}`;
  };

  addEventListener("tablesim:chosen", ({ detail }) => {
    // What is typed on the card stays when the page is shown anew meanwhile.
    const typed = chosen?.id && detail.cell.id === chosen.id && card.element.contains(document.activeElement);
    chosen = detail.cell;
    if (place) { place = null; drawing.hide(); }
    const number = numberOf(chosen);
    if (number && !typed) showNumber(number);
  });
  addEventListener("tablesim:renewed", () => {
    if (chosen && !chosen.isConnected) chosen = (chosen.id && document.getElementById(chosen.id)) || null;
    if (typing && !typing.entry.isConnected) {
      const cell = document.getElementById(typing.anchor);
      if (cell) open(cell, typing.entry.value);
    }
    if (!card.element.isConnected) section.querySelector(".reads").after(card.element);
  });
  section.addEventListener("click", (event) => {
    const cell = event.target.closest("td.none");
    if (cell) tried(() => propose({ cell: emptyCell(cell) }));
  });
  section.addEventListener("dblclick", (event) => {
    const cell = event.target.closest(CELLS);
    if (cell) open(cell);
  });
  section.addEventListener("keydown", (event) => {
    const cell = event.target.closest(CELLS);
    if (!cell || isTyping(event)) return;
    const act = { Enter: () => open(cell), F2: () => open(cell), Delete: remove, Backspace: remove, r: confirm, e: () => card.focus("emendation"), d: draw }[event.key];
    if (act) { event.preventDefault(); act(); }
    else if (/^[0-9?+−.,·-]$/.test(event.key)) { event.preventDefault(); event.stopImmediatePropagation(); open(cell, event.key); }
  }, true);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drawing.on) { leave(); return; }
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input, textarea")) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) { event.preventDefault(); turn(true); }
    else if (key === "y" || key === "z") { event.preventDefault(); turn(false); }
  });

  const decide = (is_table) => async () => {
    if (!named()) return;
    await tried(async () => {
      await send("/api/table", { page: id, is_table, who: name(), reason: "" });
      location.reload();
    });
  };
  bar.append(undo, redo, page.reading.is_table ? button(say("is no table"), "", decide("no")) : button(say("is a table"), "", decide("yes")),
    make("a", { href: `/doubts.html?${new URLSearchParams({ page: id })}` }, say("all cut-outs")));
  settle();
  const fromAddress = document.getElementById(location.hash.slice(1) || "-");
  if (fromAddress?.matches(CELLS)) { chosen = fromAddress; showNumber(numberOf(chosen)); }
  return refresh;
}
