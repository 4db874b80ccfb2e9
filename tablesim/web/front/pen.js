// The pen of the workbench: corrects numbers on the page of a page, says whether it is a table, decides about two pages.
// All that is shown comes from the page itself and from /api; what is decided is on the disk when it is said to be.
const words = {
  name: "Your name", why: "Why (may stay empty)", undo: "undo", redo: "redo", table: "is a table", noTable: "is no table",
  sameTable: "same table", sameKind: "same kind", other: "another", unsure: "unsure", next: "next question",
  needName: "Give your name first: it stands beside what you decide.", saved: "written", nothingLeft: "No question is open.",
  changed: "The run was changed elsewhere; this page is shown anew when you have finished.",
  gone: "The workbench does not answer; nothing was written. Start it again with `tablesim view`.",
  conflict: (stands) => `Somebody corrected this number meanwhile; it says ${stands || "nothing"} now. Look again, then correct it.`,
  corrected: (before, now) => `${before || "nothing"} → ${now || "nothing"}`,
};

const all = (part, selector) => [...part.querySelectorAll(selector)];

function make(tag, values = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

async function ask(path, values) {
  const answer = await fetch(`${path}?${new URLSearchParams(values)}`);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

async function send(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    throw new Error(words.gone);
  }
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  if (said.version) seen = said.version;
  return said;
}

// What is said in the corner, and the name of who says it.
const bar = make("form", { class: "pen", "aria-label": "Pen", autocomplete: "off" });
const who = make("input", { name: "who", "aria-label": words.name, placeholder: words.name, maxlength: "80" });
const said = make("output", { "aria-live": "polite" });
who.value = localStorage.getItem("tablesim.who") || "";
who.addEventListener("change", () => localStorage.setItem("tablesim.who", who.value.trim()));
bar.addEventListener("submit", (event) => event.preventDefault());
bar.append(who);

function say(text, bad = false) {
  said.textContent = text;
  said.classList.toggle("bad", bad);
}

function named() {
  if (who.value.trim()) return true;
  say(words.needName, true);
  who.focus();
  return false;
}

const button = (label, key, act) => make("button", { type: "button", onclick: act, ...(key ? { "aria-keyshortcuts": key } : {}) }, label, ...(key ? [" ", make("kbd", {}, key)] : []));

// Other tabs, other people and commands: a page that is not being written on is shown anew.
let seen = 0;
let busy = 0;
function listen() {
  const events = new EventSource("/api/events");
  events.onmessage = ({ data }) => {
    const version = Number(data);
    if (!seen) seen = version;
    if (version <= seen) return;
    if (busy || document.querySelector("input.entry")) say(words.changed);
    else location.reload();
  };
}

// The page of a page.
async function penOfPage(desk) {
  const id = document.querySelector("[data-page]").dataset.page;
  let shown = await ask("/api/page", { id });
  seen = shown.version;
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
  const undo = button(words.undo, "Ctrl+Z", () => back());
  const redo = button(words.redo, "Ctrl+Y", () => again());
  const settle = () => { undo.disabled = !done.length; redo.disabled = !undone.length; };

  async function write(cell, text, expected) {
    const number = numberOf(cell);
    busy += 1;
    try {
      const { x, y, width, height } = number;
      const answer = await send("/api/correct", { page: id, sha256: shown.sha256, x, y, width, height, expected, correct: text, who: who.value.trim() });
      if (answer.conflict) {
        number.text = answer.conflict.stands;
        cell.textContent = answer.conflict.stands;
        throw new Error(words.conflict(answer.conflict.stands));
      }
      number.text = text;
      cell.textContent = text;
      cell.className = "c";
      cell.title = "corrected by a person";
      say([words.corrected(expected, text), ...answer.remarks].join("; "));
      return answer;
    } finally {
      busy -= 1;
    }
  }

  function open(cell, typed = "") {
    const number = numberOf(cell);
    if (!number || cell.querySelector("input") || !named()) return;
    const before = number.text;
    const entry = make("input", { class: "entry", "aria-label": `${before}: what is printed`, maxlength: "40" });
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
        say(error.message, true);
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
      say(error.message, true);
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

  const tell = (is_table) => async () => {
    if (!named()) return;
    try {
      await send("/api/table", { page: id, is_table, who: who.value.trim(), reason: "" });
      location.reload();
    } catch (error) {
      say(error.message, true);
    }
  };
  bar.append(undo, redo, shown.reading.is_table ? button(words.noTable, "", tell("no")) : button(words.table, "", tell("yes")));
  settle();
}

// The page of two pages, and the walk from question to question.
function penOfPair(page, other) {
  const why = make("input", { name: "reason", "aria-label": words.why, placeholder: words.why, maxlength: "400" });
  const decide = (decision, kind) => async () => {
    if (!named()) return;
    busy += 1;
    try {
      await send("/api/verdict", { page, other, decision, who: who.value.trim(), reason: [kind, why.value.trim()].filter(Boolean).join(": ") });
      say(words.saved);
      if (new URLSearchParams(location.search).has("queue")) await nextQuestion();
      else location.reload();
    } catch (error) {
      say(error.message, true);
    } finally {
      busy -= 1;
    }
  };
  const keys = { s: decide("accept", ""), k: decide("reject", words.sameKind), o: decide("reject", ""), u: decide("unsure", "") };
  bar.append(why, button(words.sameTable, "s", keys.s), button(words.sameKind, "k", keys.k), button(words.other, "o", keys.o), button(words.unsure, "u", keys.u), button(words.next, "n", nextQuestion));
  addEventListener("keydown", (event) => {
    if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { ...keys, n: nextQuestion }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}

async function nextQuestion() {
  const { questions } = await ask("/api/questions", { top: "2", who: who.value.trim(), blind: who.value.trim() ? "yes" : "" });
  const here = new URLSearchParams(location.search);
  const question = questions.find(({ page, other }) => !(here.get("a") === page && here.get("b") === other)) || questions[0];
  if (question) location.assign(`/pairs/two.html?${new URLSearchParams({ a: question.page, b: question.other, queue: "yes" })}`);
  else say(words.nothingLeft);
}

const desk = document.querySelector(".desk");
const pair = new URLSearchParams(location.search);
document.body.append(bar);
try {
  if (desk && document.querySelector("[data-page]")) await penOfPage(desk);
  else if (location.pathname.endsWith("/pairs/two.html")) penOfPair(pair.get("a"), pair.get("b"));
  else bar.append(button(words.next, "n", nextQuestion));
} catch (error) {
  say(error.message, true);
}
bar.append(said);
listen();
