// The list of all pages: thumbnails beside the lines, and search by numbers that stand one after the other.
import { tell, tried } from "./bar.js";
import { all, make } from "./dom.js";
import { ask } from "./talk.js";
import { say } from "./words.js";

export function start() {
  const list = document.getElementById("list");
  const here = new URLSearchParams(location.search);
  const pageOf = (line) => line.querySelector("a")?.textContent;
  const show = () => {
    for (const line of all(list, "tbody tr")) {
      if (line.querySelector(".thumb") || !pageOf(line)) continue;
      const page = pageOf(line);
      line.firstElementChild.prepend(make("img", { class: "thumb", src: `/thumb?page=${encodeURIComponent(page)}`, alt: "", loading: "lazy", decoding: "async", width: 64, height: 88 }));
    }
  };
  list.addEventListener("painted", show);
  show();

  const numbers = make("input", { type: "search", name: "numbers", autocomplete: "off", placeholder: say("0 24 / 0 48"), "aria-label": say("Numbers"), value: here.get("numbers") || "" });
  const found = make("div", { class: "found", "aria-live": "polite" });
  const form = make("form", { class: "controls", role: "search" }, make("label", {}, `${say("Numbers")} `, numbers), make("button", { type: "submit" }, say("find")));
  const HITS = 20; // pages in a first answer
  const search = (top = HITS) => tried(async () => {
    const typed = numbers.value.trim();
    history.replaceState(null, "", `${location.pathname}${typed ? `?${new URLSearchParams({ numbers: typed })}` : ""}${location.hash}`);
    if (!typed) { found.replaceChildren(); return; }
    const { sentence, hits } = await ask("/api/search", { numbers: typed, top });
    tell("");
    found.replaceChildren(make("p", {}, sentence), make("ol", { class: "plain" }, ...hits.map((hit) =>
      make("li", {}, make("a", { href: `/go?page=${encodeURIComponent(hit.page)}${hit.anchor ? `&cell=${hit.anchor}` : ""}` }, hit.page), ` ${[hit.standing, ...hit.places].join("; ")}`))));
    if (hits.length === HITS) found.append(make("p", {}, make("button", { type: "button", onclick: () => search(10 * HITS) }, say("more"))));
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  list.prepend(form, found);
  if (numbers.value) search();
  return () => tell(say("The run was changed; load the list again to see it."));
}
