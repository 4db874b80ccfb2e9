// Every decision: a line that holds can be taken back, by one more line.
import { name, named, tell, tried } from "./bar.js";
import { all, make } from "./dom.js";
import { send } from "./talk.js";
import { say } from "./words.js";

export function start({ mayWrite }) {
  const list = document.getElementById("list");
  if (!mayWrite || !list) return;
  const undo = (line) => tried(async () => {
    if (!named(() => undo(line))) return;
    const { lines, correction, table } = JSON.parse(line.dataset.undo);
    const who = name();
    if (lines) await send("/api/undo", { lines, who, reason: "" });
    else if (table) await send("/api/table", { ...table, who, reason: "" });
    else {
      const { conflict } = await send("/api/correct", { ...correction, who });
      if (conflict) { tell(say("Somebody corrected this number meanwhile; it says {stands} now. Look again, then correct it.", { stands: conflict.stands || say("nothing") }), true); return; }
    }
    location.reload();
  });
  const add = () => {
    for (const line of all(list, "tr[data-undo]")) {
      if (!line.querySelector(".undo")) line.lastElementChild.append(" ", make("button", { type: "button", class: "undo", onclick: () => undo(line) }, say("undo")));
    }
  };
  list.addEventListener("painted", add);
  add();
}
