// Book against book: pages by pages, each pair a square; a reprint is a diagonal. A click leads to the pair.
import { desk as head } from "./desk.js";
import { tell, tried } from "./bar.js";
import { make } from "./dom.js";
import { saveCsv } from "./download.js";
import { ask } from "./talk.js";
import { say } from "./words.js";

const SIDE = 720;
const link = (values, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "a");
  for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

export async function start() {
  const desk = head();
  const here = new URLSearchParams(location.search);
  const { books } = await ask("/api/books");
  if (books.length < 2) { desk.append(make("p", {}, say("The metadata of this run name fewer than two books with tables."))); return () => {}; }
  const choose = (label, value) => make("select", { "aria-label": label }, ...books.map(({ book, pages }) => make("option", { value: book, selected: book === value }, `${book} (${pages})`)));
  const first = choose(say("book"), here.get("a") || books[0].book);
  const second = choose(say("book"), here.get("b") || books[1].book);
  const least = make("input", { type: "range", min: "0.5", max: "1", step: "0.01", value: here.get("least") || "0.8", "aria-label": say("similarity from") });
  const plane = make("div", { class: "matrix" });
  const under = make("p", { class: "lining reads" });
  const save = make("button", { type: "button" }, say("download as CSV"));
  desk.append(make("p", { class: "controls" }, first, " × ", second, make("label", {}, `${say("similarity from")} `, least), save), under, plane);
  let shown = null;

  function paint() {
    const { pages_a: a, pages_b: b, cells } = shown;
    const size = Math.max(3, Math.min(24, Math.floor(SIDE / Math.max(a.length, b.length))));
    const kept = cells.filter(([, , similarity]) => similarity >= Number(least.value));
    const word = (i, j, similarity, relation) => say("{a} and {b}: similarity {similarity} {relation}", { a: a[i], b: b[j], similarity: similarity.toFixed(3), relation: relation ? say(relation) : "" });
    plane.replaceChildren(make("svg", { viewBox: `-1 -1 ${a.length * size + 2} ${b.length * size + 2}`, width: a.length * size, height: b.length * size, role: "group", "aria-label": say("Pages of {a} from left to right, pages of {b} from above", { a: first.value, b: second.value }) },
      make("rect", { class: "sea", x: 0, y: 0, width: a.length * size, height: b.length * size }),
      ...kept.map(([i, j, similarity, relation]) => link({ href: `/pairs/two.html?${new URLSearchParams({ a: a[i], b: b[j] })}`, "aria-label": word(i, j, similarity, relation) },
        make("rect", { class: relation === "same table" || relation === "part of" ? "same" : "alike", "fill-opacity": Math.max(0.12, (similarity - 0.5) * 2).toFixed(2), x: i * size, y: j * size, width: size - 0.5, height: size - 0.5 },
          make("title", {}, word(i, j, similarity, relation)))))));
    under.textContent = say("Pairs so alike: {n}, of {a} by {b} pages; shown to carry the same table (dark blue): {same}.", { n: kept.length, same: kept.filter(([, , , relation]) => relation === "same table" || relation === "part of").length, a: a.length, b: b.length });
    history.replaceState(null, "", `?${new URLSearchParams({ a: first.value, b: second.value, least: least.value })}`);
  }
  const load = () => tried(async () => {
    tell("");
    shown = await ask("/api/book-pair", { a: first.value, b: second.value });
    paint();
  });
  save.addEventListener("click", () => {
    const { pages_a: a, pages_b: b, cells } = shown;
    const lines = [["page_a", "page_b", "similarity", "relation"], ...cells.filter(([, , similarity]) => similarity >= Number(least.value)).map(([i, j, similarity, relation]) => [a[i], b[j], similarity, relation || ""])];
    saveCsv("books.csv", lines);
  });
  least.addEventListener("input", paint);
  for (const one of [first, second]) one.addEventListener("change", load);
  await load();
  return load;
}
