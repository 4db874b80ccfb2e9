// The keys of a screen, listed when "?" is pressed or its button: nobody has to know them beforehand.
import { bar, button } from "./bar.js";
import { isTyping, make } from "./dom.js";
import { say } from "./words.js";

const EVERYWHERE = [
  ["?", say("this list")],
  ["Tab", say("to the next link, button or field; with Shift to the one before")],
  ["Enter", say("follow the link, press the button")],
];
const TURN = [["Ctrl+Z", say("take the last decision back")], ["Ctrl+Y", say("do it again")]];
const SCAN = [["+ −", say("enlarge and reduce the scan that is looked at")], ["← → ↑ ↓", say("move it")]];
const ANSWERS = [
  ["s", say("same table")],
  ["k", say("same kind")],
  ["o", say("another")],
  ["u", say("unsure")],
];
const NEXT = [["n", say("next question")]];
const OF = {
  page: [
    ["← → ↑ ↓", say("to the number beside, above or below; Home and End to the first and the last")],
    ["0 … 9", say("type what is printed at the chosen number; Enter writes it and goes on, Esc leaves it")],
    ["r", say("right as it stands")],
    ["e", say("what it should be")],
    ["Delete", say("no number is here")],
    ["d", say("draw a number that is missing")],
    [", .", say("to the page before, to the page after")],
    ...TURN, ...SCAN,
  ],
  doubts: [
    ["Enter", say("what is typed is printed there; nothing typed: it is right as it stands")],
    ["↑ ↓ Tab", say("pass over")],
    ["Esc", say("leave it as it was")],
    ...TURN,
  ],
  pair: [
    ...ANSWERS, ...NEXT,
    ["← → ↑ ↓", say("in the table of cells: to the cell beside, above or below")],
    ["a b", say("in a chosen cell: correct what is printed on either page; Enter writes it")],
    ...SCAN,
  ],
  queue: [...ANSWERS, ["n", say("skip")], ["Ctrl+Z", say("take the last decision back")]],
  map: [["← → ↑ ↓", say("to the nearest point that way")], ["Enter", say("open the page of the point")], ["+ −", say("enlarge and reduce the map")], ...NEXT],
};

export function start({ screen, mayWrite }) {
  const lines = [...EVERYWHERE, ...(OF[screen] || (screen ? [] : NEXT))].filter(([key]) => mayWrite || !/^(s|k|o|u|n|r|e|d|Delete|0 … 9|a b|Ctrl.*)$/.test(key));
  const heading = make("h2", { id: "keys-heading" }, say("Keys on this screen"));
  const close = make("button", { type: "button", onclick: () => list.close() }, say("close"), " ", make("kbd", {}, "Esc"));
  const list = make("dialog", { class: "keys", "aria-labelledby": "keys-heading", "data-keep": "" }, heading,
    make("dl", {}, ...lines.map(([keys, does]) => make("div", {}, make("dt", {}, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, does)))), close);
  list.addEventListener("keydown", (event) => event.stopPropagation());
  document.body.append(list);
  const open = () => list.showModal();
  bar.append(button(say("keys"), "?", open));
  addEventListener("keydown", (event) => {
    if (event.key !== "?" || isTyping(event) || list.open || event.defaultPrevented) return;
    event.preventDefault();
    open();
  });
}
