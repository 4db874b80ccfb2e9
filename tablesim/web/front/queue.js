// The questions, the most pressing first: two pages, what the machine says of them, one key an answer, with a reason.
import { desk as head } from "./desk.js";
import { button, name, named, tell, tried } from "./bar.js";
import { isTyping, make } from "./dom.js";
import { saveCsv } from "./download.js";
import { ask, send } from "./talk.js";
import { say, toSay } from "./words.js";

const DECISIONS = { s: "accept", k: "kind", o: "reject", u: "unsure" };
const LABELS = { s: toSay("same table"), k: toSay("same kind"), o: toSay("another"), u: toSay("unsure") };

export async function start({ mayWrite }) {
  const desk = head();
  const here = new URLSearchParams(location.search);
  const blind = make("input", { type: "checkbox", name: "blind", checked: here.has("blind") });
  const why = make("input", { name: "reason", "aria-label": say("Why (may stay empty)"), placeholder: say("Why (may stay empty)"), maxlength: "400" });
  const save = button(say("download as CSV"), "", () => tried(async () => {
    const { questions } = await ask("/api/questions", asked());
    const columns = ["page", "other", "kind", "cluster", "doubt", "moves", "similarity", "strength", "stability", "why"];
    saveCsv("questions.csv", [columns, ...questions.map((one) => columns.map((column) => one[column] ?? ""))]);
  }));
  let shown = null;
  let skipped = new Set();
  const last = [];

  const thumb = (page) => make("a", { href: `/go?page=${encodeURIComponent(page)}` },
    make("img", { src: `/thumb?page=${encodeURIComponent(page)}&side=page`, alt: say("Scan of page {page}", { page }) }));
  const figure = (page) => make("figure", {}, thumb(page), make("figcaption", {}, page));

  const asked = () => ({ top: "50", who: name(), ...(blind.checked && name() ? { blind: "yes" } : {}) });

  // The question that the address names comes first, so that it can be cited.
  function address() {
    const values = { ...(blind.checked && { blind: "yes" }), ...(shown && { page: shown.page, other: shown.other }) };
    history.replaceState(null, "", `${location.pathname}?${new URLSearchParams(values)}`);
  }

  async function load() {
    const { questions, open, agreement } = await ask("/api/questions", asked());
    const left = questions.filter((one) => !skipped.has(`${one.page}\n${one.other}`));
    const named = left.find((one) => one.page === here.get("page") && one.other === here.get("other"));
    shown = named || left[0] || null;
    here.delete("page");
    address();
    const parts = [];
    if (shown) {
      const q = shown;
      const compare = `/pairs/two.html?${new URLSearchParams({ a: q.page, b: q.other, queue: "yes" })}`;
      parts.push(
        make("h2", {}, q.kind === "merge" ? say("Are the clusters of {page} and {other} one table?", q) : say("Does {page} carry the table of {other}, the middle of cluster {cluster}?", q)),
        make("div", { class: "question" }, figure(q.page), figure(q.other)),
        make("p", { class: "lining" }, `${q.why}. `, make("a", { href: compare, accesskey: "c" }, say("Compare the two, match by match"))),
        make("table", { class: "machine" },
          make("caption", {}, say("What the machine says")),
          make("thead", {}, make("tr", {}, ...[say("doubt"), say("pages it would move"), say("similarity"), say("strength"), say("stability")].map((one) => make("th", { scope: "col" }, one)))),
          make("tbody", {}, make("tr", {}, ...[q.doubt.toFixed(2), q.moves, q.similarity.toFixed(4), q.strength?.toFixed(2) ?? "–", q.stability?.toFixed(2) ?? "–"].map((one) => make("td", { class: "n" }, String(one)))))));
    } else parts.push(make("p", {}, say("No question is open.")));
    parts.push(make("p", { class: "soft lining" }, say("Open questions: {n}.", { n: open })));
    if (left.length > 1) {
      parts.push(make("details", {}, make("summary", {}, say("What comes next")), make("ol", { class: "plain" },
        ...left.filter((one) => one !== shown).slice(0, 19).map((q) => make("li", {}, `${q.page} – ${q.other}: ${q.why}`)))));
    }
    if (agreement.length) {
      parts.push(make("table", { class: "agreement" }, make("caption", {}, say("How readers agree, on pairs that both judged")),
        make("thead", {}, make("tr", {}, ...[say("readers"), say("pairs"), say("agreeing"), say("Cohen’s kappa"), say("95 % interval")].map((one) => make("th", { scope: "col" }, one)))),
        make("tbody", {}, ...agreement.map((one) => make("tr", {}, make("th", { scope: "row" }, one.readers.join(", ")),
          make("td", { class: "n" }, String(one.pairs)), make("td", { class: "n" }, one.observed.toFixed(2)),
          make("td", { class: "n" }, one.kappa.toFixed(2)), make("td", { class: "n" }, `${one.low.toFixed(2)}–${one.high.toFixed(2)}`))))));
    }
    body.replaceChildren(...parts);
  }

  const decide = (key) => tried(async () => {
    if (!shown || !named(() => decide(key))) return;
    const { page, other } = shown;
    const { verdict } = await send("/api/verdict", { page, other, decision: DECISIONS[key], who: name(), reason: why.value.trim(), blind: blind.checked ? "yes" : "" });
    last.push(verdict.id);
    why.value = "";
    tell(say("written: {page} and {other}: {what}", { page, other, what: say(LABELS[key]) }));
    await load();
  });
  const skip = () => tried(async () => {
    if (shown) skipped.add(`${shown.page}\n${shown.other}`);
    await load();
  });
  const undo = () => tried(async () => {
    if (!last.length) { tell(say("Nothing to undo here; the history takes back any line.")); return; }
    if (!named(undo)) return;
    await send("/api/undo", { lines: [last.at(-1)], who: name(), reason: "" });
    last.pop();
    tell(say("taken back, as a new line"));
    await load();
  });

  blind.addEventListener("change", () => tried(async () => {
    if (blind.checked && !named()) { blind.checked = false; return; }
    skipped = new Set();
    await load();
  }));
  const tools = make("div", { class: "controls tools", role: "toolbar", "aria-label": say("Verdict") });
  const body = make("div", {});
  desk.append(tools, body);
  if (!mayWrite) tools.append(save);
  else {
    tools.append(why, ...Object.keys(DECISIONS).map((key) => button(say(LABELS[key]), key, () => decide(key))), button(say("skip"), "n", skip), button(say("undo"), "Ctrl+Z", undo),
      make("label", {}, blind, ` ${say("second reader, blind to the first")}`), save);
    addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.target.matches("input")) { event.preventDefault(); undo(); return; }
      if (isTyping(event)) return;
      if (DECISIONS[event.key]) { event.preventDefault(); decide(event.key); }
      else if (event.key === "n") { event.preventDefault(); skip(); }
    });
  }
  await load();
  return () => tried(load);
}
