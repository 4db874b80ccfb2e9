// Cluster again: what would move, which clusters would join or split, and why; kept only when somebody says so.
import { desk as head } from "./desk.js";
import { button, named, tell, tried } from "./bar.js";
import { make } from "./dom.js";
import { saveCsv } from "./download.js";
import { send } from "./talk.js";
import { say } from "./words.js";

export async function start({ mayWrite }) {
  const desk = head();
  if (!mayWrite) { desk.append(make("p", {}, say("This run is shared for reading."))); return () => {}; }
  let shown = null;
  const asked = make("input", { name: "clusters", value: "auto", size: "5", "aria-label": say("How many clusters") });
  const keep = button(say("keep it"), "", () => tried(async () => {
    if (!named()) return;
    const { clusters } = await send("/api/keep", { version: shown.version });
    keep.disabled = true;
    tell(say("kept; clusters: {n}", { n: clusters }));
    body.append(make("p", {}, make("a", { href: "groups.html" }, say("All groups"))));
  }));
  const side = (title, what) => make("div", {}, make("h3", {}, title), what ? make("p", { class: "lining" }, say("Clusters: {n}.", { n: what.clusters }), make("br"), what.groups) : make("p", {}, say("none yet")));

  const look = () => tried(async () => {
    tell(say("clustering …"));
    keep.disabled = true;
    shown = await send("/api/cluster", { clusters: asked.value.trim() || "auto" });
    tell("");
    keep.disabled = false;
    save.disabled = false;
    history.replaceState(null, "", `?${new URLSearchParams({ clusters: asked.value.trim() || "auto" })}`);
    body.replaceChildren(
      make("div", { class: "two-panes" }, side(say("before"), shown.before), side(say("after"), shown.after)),
      make("h2", {}, shown.changes.length ? say("Changes: {n}; pages in another cluster: {pages}", { n: shown.changes.length, pages: shown.n_moves }) : say("Nothing would change.")),
      make("ol", { class: "changes" }, ...shown.changes.map((one) => make("li", { class: one.what }, make("p", {}, make("b", {}, one.sentence)),
        make("ul", {}, ...one.why.map((why) => make("li", {}, why)))))),
      ...(shown.moves.length ? [make("details", {}, make("summary", {}, say("The pages that move")), make("div", { class: "wrap" }, make("table", {},
        make("thead", {}, make("tr", {}, ...[say("page"), say("before"), say("after")].map((one) => make("th", { scope: "col" }, one)))),
        make("tbody", {}, ...shown.moves.map((move) => make("tr", {}, make("td", {}, move.page),
          make("td", {}, move.before === null ? "–" : `${move.before}: ${move.with_before.join(", ")}`),
          make("td", {}, move.after === null ? "–" : `${move.after}: ${move.with_after.join(", ")}`)))))))] : []),
      ...shown.remarks.map((remark) => make("p", { class: "soft" }, remark)));
  });
  const here = new URLSearchParams(location.search);
  const save = button(say("download as CSV"), "", () => saveCsv("changes.csv", [["page", "cluster before", "with", "cluster after", "with"],
    ...shown.moves.map((move) => [move.page, move.before, move.with_before.join(" "), move.after, move.with_after.join(" ")])]));
  save.disabled = true;
  keep.disabled = true;
  const body = make("div", {}, make("p", {}, say("“look” makes the clusters anew and shows what would be other, and which verdict asked for it. They become those of the run when you keep them.")));
  desk.append(make("div", { class: "controls tools" }, make("label", {}, `${say("How many clusters")} `, asked), button(say("look"), "", look), keep, save), body);
  // An address that says how many was looked at: it shows the same again.
  if (here.has("clusters")) {
    asked.value = here.get("clusters");
    look();
  }
  return () => { keep.disabled = true; if (shown) tell(say("The run was changed; look again.")); };
}
