// Who copied whom: the stemma of some witnesses as the command makes it, in words and as a picture.
import { desk as head } from "./desk.js";
import { make } from "./dom.js";
import { ask } from "./talk.js";
import { say } from "./words.js";

export async function start() {
  const desk = head();
  const witnesses = new URLSearchParams(location.search).getAll("w");
  const asked = new URLSearchParams(witnesses.map((page) => ["w", page]));
  const form = make("form", { class: "controls", action: "/genealogy.html" },
    make("label", {}, `${say("Witnesses")} `, make("input", { name: "list", size: "50", value: witnesses.join(" "), "aria-label": say("Witnesses") })),
    make("button", { type: "submit" }, say("look")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const pages = form.elements.list.value.split(/\s+/).filter(Boolean);
    location.assign(`/genealogy.html?${new URLSearchParams(pages.map((page) => ["w", page]))}`);
  });
  desk.append(form);
  if (witnesses.length < 2) { desk.append(make("p", {}, say("Give the ids of three pages or more, or choose pages of a cluster."))); return () => {}; }
  const found = await ask("/api/genealogy", asked);
  desk.append(
    make("p", {}, make("b", {}, found.headline)),
    make("img", { class: "stemma", src: `/stemma.svg?${asked}`, alt: found.words.join(" ") }),
    make("ul", {}, ...found.words.map((line) => make("li", {}, line))),
    make("p", { class: "controls" }, ...["svg", "csv", "graphml"].map((kind) => make("a", { href: `/stemma.${kind}?${asked}`, download: `stemma.${kind}` }, kind.toUpperCase())),
      make("a", { href: `/collation.html?${asked}` }, say("collate"))));
  return () => {};
}
