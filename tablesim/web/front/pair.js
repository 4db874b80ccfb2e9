// The page of two pages shown anew in place: its figures, its cells, its matches; what is looked at stays.
import { all } from "./dom.js";
import { renew } from "./renew.js";

const PARTS = ["header", "#decisions", "#cells .cells", "#differences", "#why", "#citation"];
const cells = () => all(document, "#cells td[data-cell]");

/* global data, matches */
export async function refreshPair() {
  const before = cells().map((cell) => [cell, cell.dataset.cell]);
  await renew(PARTS, location.href, (fresh) => {
    Object.assign(data, JSON.parse(fresh.getElementById("data").textContent));
    const [old, now] = [document, fresh].map((page) => page.querySelector("#matches .pair"));
    const figure = document.importNode(now, true);
    for (const controls of all(figure, ".controls")) controls.hidden = false;
    old.replaceWith(figure);
    if (figure.querySelector("input[type=range]")) matches(figure);
  });
  // Where cells come and go, what listens to them does not fit any more.
  const after = cells();
  if (after.length !== before.length || before.some(([cell, anchor], at) => after[at] !== cell || cell.dataset.cell !== anchor)) location.reload();
}
