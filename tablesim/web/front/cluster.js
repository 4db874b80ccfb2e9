// A cluster: its pages are chosen, collated, split off; it is named, and joined with another.
import { button, name, named, tell, tried } from "./bar.js";
import { all, make } from "./dom.js";
import { saveCsv } from "./download.js";
import { send } from "./talk.js";
import { say } from "./words.js";

export function start({ mayWrite }) {
  const cluster = Number(document.querySelector("[data-cluster]").dataset.cluster);
  const cards = all(document, ".pages > li[id^='page-']");
  const boxes = cards.map((card) => {
    const page = card.id.slice("page-".length);
    const box = make("input", { type: "checkbox", name: "chosen", value: page });
    card.prepend(make("label", { class: "choose" }, box, ` ${say("choose")}`));
    return box;
  });
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const go = (path) => () => {
    const pages = chosen().length ? chosen() : boxes.map((box) => box.value);
    if (pages.length < 2) tell(say("Choose two pages or more."), true);
    else location.assign(`/${path}?${new URLSearchParams(pages.map((page) => ["w", page]))}`);
  };
  const tools = document.getElementById("tools");
  tools.className = "controls tools";
  tools.append(make("span", { class: "soft" }, say("The chosen pages:")), button(say("collate"), "", go("collation.html")), button(say("who copied whom"), "", go("genealogy.html")),
    button(say("download as CSV"), "", () => saveCsv("cluster.csv", [["page", "what is known of it"],
      ...cards.map((card) => [card.id.slice("page-".length), all(card, "dl, p").map((part) => part.innerText.replace(/\s+/g, " ").trim()).join("; ")])])));
  if (!mayWrite) return;

  const called = make("input", { name: "called", "aria-label": say("Name of this cluster"), placeholder: say("Name of this cluster"), maxlength: "120" });
  const other = make("input", { name: "other", type: "number", min: "1", "aria-label": say("other cluster"), placeholder: say("other cluster") });
  const why = make("input", { name: "reason", "aria-label": say("Why (may stay empty)"), placeholder: say("Why (may stay empty)"), maxlength: "400" });
  const write = (path, values, done) => tried(async () => {
    if (!named()) return;
    await send(path, { ...values(), who: name(), reason: why.value.trim() });
    tell(done);
    why.value = "";
  });
  const saved = say("written; it holds when the pages are clustered again");
  tools.append(button(say("are another table"), "", () => (chosen().length ? write("/api/split", () => ({ cluster, pages: chosen() }), saved) : tell(say("Choose the pages that are another table."), true))),
    make("span", { class: "soft" }, say("This cluster:")), called, button(say("name"), "", () => tried(async () => {
      if (!named()) return;
      await send("/api/name", { cluster, name: called.value.trim(), who: name(), reason: why.value.trim() });
      location.reload();
    })),
    other, button(say("is one table with it"), "", () => write("/api/merge", () => ({ clusters: [cluster, Number(other.value)] }), saved)),
    why, make("a", { href: "/again.html" }, say("cluster again")));
}
