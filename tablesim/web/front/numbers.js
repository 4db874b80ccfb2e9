// The page of a page: a number is chosen, typed over and written; undo and redo are corrections of their own.
import { bar, button, name, named, tell, tried } from "./bar.js";
import { all, make } from "./dom.js";
import { ask, send, setSeen } from "./talk.js";
import { say } from "./words.js";

export async function start({ mayWrite }) {
  const desk = document.querySelector(".desk");
  if (!desk || !mayWrite) return;
  const id = document.querySelector("[data-page]").dataset.page;
  let shown = await ask("/api/page", { id });
  setSeen(shown.version);
  const byAnchor = new Map();
  const loose = [];
  for (const number of shown.reading.numbers) {
    if (number.address) byAnchor.set(number.address.anchor, number);
    else loose.push(number);
  }
  const cells = all(desk, "td[id], [data-loose]");
  const looseCells = cells.filter((cell) => !cell.id);
  const numberOf = (cell) => (cell.id ? byAnchor.get(cell.id) : loose[looseCells.indexOf(cell)]);
  const done = [];
  const undone = [];
  const undo = button(say("undo"), "Ctrl+Z", () => back());
  const redo = button(say("redo"), "Ctrl+Y", () => again());
  const settle = () => { undo.disabled = !done.length; redo.disabled = !undone.length; };

  async function write(cell, text, expected) {
    const number = numberOf(cell);
    const { x, y, width, height } = number;
    const answer = await send("/api/correct", { page: id, sha256: shown.sha256, x, y, width, height, expected, correct: text, who: name() });
    if (answer.conflict) {
      number.text = answer.conflict.stands;
      cell.textContent = answer.conflict.stands;
      throw new Error(say("conflict", { stands: answer.conflict.stands || say("nothing") }));
    }
    number.text = text;
    cell.textContent = text;
    cell.className = "c";
    cell.title = "corrected by a person";
    tell([say("corrected", { before: expected || say("nothing"), now: text || say("nothing") }), ...answer.remarks].join("; "));
    return answer;
  }

  function open(cell, typed = "") {
    const number = numberOf(cell);
    if (!number || cell.querySelector("input") || !named(() => open(cell, typed))) return;
    const before = number.text;
    const entry = make("input", { class: "entry", "aria-label": say("printed", { before }), maxlength: "40" });
    entry.value = typed || before;
    const close = () => { cell.textContent = number.text; };
    entry.addEventListener("keydown", async (event) => {
      event.stopPropagation();
      if (event.key === "Escape") { close(); cell.focus(); return; }
      if (event.key !== "Enter" && event.key !== "Tab") return;
      event.preventDefault();
      const text = entry.value.trim();
      const next = cells[cells.indexOf(cell) + (event.shiftKey ? -1 : 1)];
      close();
      (next || cell).click();
      if (text === before) return;
      try {
        await write(cell, text, before);
        done.push({ cell, before, after: text });
        undone.length = 0;
        settle();
      } catch (error) {
        tell(error.message, true);
      }
    });
    entry.addEventListener("blur", () => { if (entry.isConnected) close(); });
    cell.replaceChildren(entry);
    entry.focus();
    if (typed) entry.setSelectionRange(typed.length, typed.length);
    else entry.select();
  }

  async function turn(from, to, texts) {
    const step = from.pop();
    if (!step) return;
    const [text, expected] = texts(step);
    try {
      await write(step.cell, text, expected);
      to.push(step);
      step.cell.click();
    } catch (error) {
      from.push(step);
      tell(error.message, true);
    }
    settle();
  }
  const back = () => turn(done, undone, (step) => [step.before, step.after]);
  const again = () => turn(undone, done, (step) => [step.after, step.before]);

  const tables = desk.querySelector(".tables");
  tables.addEventListener("dblclick", (event) => {
    const cell = event.target.closest("td[id], [data-loose]");
    if (cell) open(cell);
  });
  tables.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td[id], [data-loose]");
    if (!cell || event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === "F2") { event.preventDefault(); open(cell); }
    else if (/^[0-9?+−.,·-]$/.test(event.key)) { event.preventDefault(); event.stopImmediatePropagation(); open(cell, event.key); }
  }, true);
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input")) return;
    if (event.key.toLowerCase() === "z" && !event.shiftKey) { event.preventDefault(); back(); }
    else if (event.key.toLowerCase() === "y" || event.key.toLowerCase() === "z") { event.preventDefault(); again(); }
  });

  const decide = (is_table) => async () => {
    if (!named()) return;
    await tried(async () => {
      await send("/api/table", { page: id, is_table, who: name(), reason: "" });
      location.reload();
    });
  };
  bar.append(undo, redo, shown.reading.is_table ? button(say("noTable"), "", decide("no")) : button(say("table"), "", decide("yes")));
  settle();
}
