// The cut-outs of doubtful numbers, of a run or of a page: typed below each, Enter writes it and goes on.
import { bar, button, name, named, tell, tried } from "./bar.js";
import { all, make } from "./dom.js";
import { saveCsv } from "./download.js";
import { stateOf, stateOfNothing, Steps } from "./steps.js";
import { ask, send, setSeen } from "./talk.js";
import { say } from "./words.js";

const SIDES = ["x", "y", "width", "height"];
const AHEAD = 30; // so many below the one that is typed are loaded already

export async function start({ mayWrite }) {
  const list = document.querySelector(".cutouts");
  const count = document.querySelector("[data-count]");
  const page = list.dataset.pageOfGrid;
  const steps = new Steps(`doubts.${page}`);
  const items = [];
  let next = 0;
  let loading = null;
  let decided = 0;

  const undo = button(say("undo"), "Ctrl+Z", () => turn(true));
  const redo = button(say("redo"), "Ctrl+Y", () => turn(false));
  const settle = () => {
    undo.disabled = !steps.done.length;
    redo.disabled = !steps.undone.length;
    count.textContent = say("{decided} decided here, of {total}", { decided, total: items.total });
  };

  async function more() {
    if (next === null || loading) return loading;
    loading = ask("/api/doubts", { start: next, limit: 60, ...(page ? { page } : {}) });
    const found = await loading;
    loading = null;
    setSeen(found.version);
    next = found.next;
    items.total = found.total;
    for (const number of found.numbers) add(number);
    settle();
    return null;
  }

  function add(number) {
    const at = items.length;
    const box = Object.fromEntries(SIDES.map((side) => [side, number[side]]));
    const where = { page: number.page, of: number.sha256.slice(0, 12), ...box };
    const href = `/pages/${number.href}${number.address ? `#${number.address.anchor}` : ""}`;
    const words = number.address?.words || say("outside tables");
    const doubt = [...number.doubts, say("right with a probability of {confidence}", { confidence: number.confidence.toFixed(2) })].join("; ");
    const input = make("input", { class: "reading", maxlength: "40", inputmode: "numeric", autocomplete: "off", readonly: !mayWrite, "aria-label": say("read as {text}; {words}, page {page}; {doubt}", { text: number.text || say("nothing"), words, page: number.page, doubt }) });
    input.value = number.text;
    const state = make("output", { "aria-live": "off" });
    const picture = make("img", { src: `/cutout?${new URLSearchParams(where)}`, alt: "", loading: "lazy", decoding: "async", onerror: () => picture.replaceWith(make("span", { class: "gone" }, say("The scan is no longer where it was"))) });
    const element = make("li", {}, make("label", {}, picture, input), make("a", { href, tabindex: "-1" }, `${number.page}, ${words}`), state);
    const item = { number, box, input, state, element, from: stateOf({ ...number, person: null }) };
    items.push(item);
    input.addEventListener("focus", () => {
      input.select();
      if (at > items.length - AHEAD) tried(more);
    });
    input.addEventListener("keydown", (event) => keys(event, at));
    list.append(element);
  }

  function go(at) {
    const item = items[Math.max(0, Math.min(items.length - 1, at))];
    item.input.focus();
    item.element.scrollIntoView({ block: "nearest", behavior: "instant" });
  }
  // How many stand in a row: up and down go by rows.
  const across = () => Math.max(1, items.findIndex(({ element }) => element.offsetTop > items[0].element.offsetTop));

  function keys(event, at) {
    const step = { ArrowDown: across(), ArrowUp: -across() }[event.key];
    if (step) { event.preventDefault(); go(at + step); return; }
    if (event.key === "Escape") { items[at].input.value = items[at].from.shown; return; }
    if (event.key !== "Enter" || !mayWrite) return;
    event.preventDefault();
    if (!named(() => go(at))) return;
    const item = items[at];
    const text = item.input.value.trim();
    go(at + 1);
    change(item, text ? { correct: text, emendation: item.number.emendation, shown: text } : stateOfNothing(true));
  }

  async function write(item, to, from) {
    const { page: id, sha256 } = item.number;
    const answer = await send("/api/correct", { page: id, sha256, ...item.box, expected: from.shown, correct: to.correct, emendation: to.emendation, who: name(), reason: "" });
    if (answer.conflict) {
      item.from = { ...from, shown: answer.conflict.stands };
      item.input.value = answer.conflict.stands;
      item.element.classList.add("conflict");
      throw new Error(say("Somebody corrected this number meanwhile; it says {stands} now. Look again, then correct it.", { stands: answer.conflict.stands || say("nothing") }));
    }
    const open = to.correct === "as read";
    decided += open ? -1 : 1;
    item.from = to;
    item.input.value = to.shown;
    item.element.classList.toggle("done", !open);
    item.element.classList.remove("conflict");
    item.state.textContent = open ? "" : to.shown === item.number.text ? say("right, {who}", { who: name() }) : say("was {text}, {who}", { text: item.number.text, who: name() });
    tell("");
  }

  let before = Promise.resolve();
  const enqueue = (act) => { before = before.then(() => tried(act)).then(settle); return before; };
  const change = (item, to) => enqueue(async () => {
    const from = item.from;
    try {
      await write(item, to, from);
    } catch (error) {
      item.element.classList.add("conflict");
      item.input.title = error.message;
      throw error;
    }
    steps.add({ box: { ...item.box, page: item.number.page }, before: from, after: to });
  });
  const turn = (back) => enqueue(async () => {
    if (!named()) return;
    let turned = null;
    await steps.turn(back, async (box, to, from) => {
      turned = items.find((item) => item.number.page === box.page && SIDES.every((side) => item.box[side] === box[side]));
      if (!turned) throw new Error(say("That number is not in this grid; undo it on its page, {page}.", { page: box.page }));
      await write(turned, to, from);
    });
    turned?.input.focus();
  });

  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) { event.preventDefault(); turn(true); }
    else if (key === "y" || key === "z") { event.preventDefault(); turn(false); }
  });
  if (mayWrite) bar.append(undo, redo);
  bar.append(button(say("download as CSV"), "", () => saveCsv("numbers.csv", [["page", "cell", "as read", "now", "confidence", "doubts"],
    ...items.map(({ number, from }) => [number.page, number.address?.words, number.text, from.shown, number.confidence, number.doubts.join("; ")])])));
  await more();
  if (!items.length) count.textContent = say("No number is in doubt.");
  else go(0);
  // What others change is seen when the grid is loaded again; a conflict is told at its number.
  return () => {};
}
