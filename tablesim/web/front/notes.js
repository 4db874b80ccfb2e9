// Notes beside a page: each person's own, written and changed here.
import { name, named, tell, tried } from "./bar.js";
import { make } from "./dom.js";
import { renew } from "./renew.js";
import { ask, send } from "./talk.js";
import { say } from "./words.js";

export function start({ mayWrite }) {
  const section = document.getElementById("notes");
  if (!section || !mayWrite) return;
  const page = section.dataset.of;
  const text = make("textarea", { rows: "2", maxlength: "2000", "aria-label": say("Your note on this page") });
  const write = () => tried(async () => {
    if (!named(write)) return;
    await send("/api/note", { page, note: text.value.trim(), who: name() });
    tell(say("written"));
    await renew(["#notes ul"], location.href);
  });
  const own = async () => {
    const { notes } = await ask("/api/page", { id: page });
    const mine = notes.find((one) => one.who === name());
    if (mine && !text.value) text.value = mine.note;
  };
  text.addEventListener("focus", () => tried(own), { once: true });
  section.append(make("div", { class: "note", "data-keep": "" }, text, make("button", { type: "button", onclick: write }, say("write the note"))));
}
