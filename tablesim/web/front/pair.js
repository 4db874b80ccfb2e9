// The page of two pages shown anew in place: its figures, its cells, its matches; what is looked at stays.
import { all } from "./dom.js";
import { renew } from "./renew.js";

const PARTS = ["header", "#cells .cells", "#differences", "#why", "#citation"];

/* global data, matches */
export function refreshPair() {
  return renew(PARTS, location.href, (fresh) => {
    Object.assign(data, JSON.parse(fresh.getElementById("data").textContent));
    const [old, now] = [document, fresh].map((page) => page.querySelector("#matches .pair"));
    const figure = document.importNode(now, true);
    for (const controls of all(figure, ".controls")) controls.hidden = false;
    old.replaceWith(figure);
    if (figure.querySelector("input[type=range]")) matches(figure);
  });
}

// Where cells come and go, what listens to them does not fit any more.
addEventListener("tablesim:renewed", ({ detail }) => {
  if (detail.replaced.includes("#cells .cells")) location.reload();
});
