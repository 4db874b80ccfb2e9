// The report works without this script; it adds the threshold, the highlighting and the enlargement.
"use strict";
for (const figure of document.querySelectorAll(".pair")) {
  const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const stage = figure.querySelector(".stage");
  const lines = [...figure.querySelectorAll(".link")];
  const reads = figure.querySelector(".reads");
  const slider = figure.querySelector("input[type=range]");
  const loose = figure.querySelector("input[type=checkbox]");
  const said = figure.querySelector("output");
  const visible = () => lines.filter((line) => !line.classList.contains("below") &&
    !(line.classList.contains("loose") && stage.classList.contains("hide-loose")));
  let hot = null;

  const name = (bigram) => bigram.length === 1 ? `the single figure ${bigram}` : `${bigram[0]} beside ${bigram[1]}`;
  function highlight(line) {
    if (hot) hot.classList.remove("hot");
    hot = line;
    stage.classList.toggle("has-hot", Boolean(line));
    reads.replaceChildren();
    if (!line) return;
    line.classList.add("hot");
    line.parentNode.append(line);
    const link = data.links[Number(line.dataset.line)];
    const strong = document.createElement("b");
    strong.textContent = link.bigram;
    const share = (100 * link.relevance / data.score).toFixed(2);
    reads.append(strong, ` (${name(link.bigram)}) brings ${link.relevance.toFixed(3)}, ${share} % of the score` +
      (link.supported ? "; both stand at matching places" : "; their places do not match"));
  }
  function filter() {
    const least = Number(slider.value);
    for (const line of lines) line.classList.toggle("below", data.links[Number(line.dataset.line)].relevance < least);
    if (loose) stage.classList.toggle("hide-loose", !loose.checked);
    const shown = visible();
    const sum = shown.reduce((total, line) => total + data.links[Number(line.dataset.line)].relevance, 0);
    const share = data.score > 0 ? (100 * sum / data.score).toFixed(0) : "0";
    said.textContent = `≥ ${least.toFixed(2)}: ${shown.length} lines, together ${sum.toFixed(2)} (${share} % of the score)`;
    if (hot && !shown.includes(hot)) highlight(null);
  }
  if (slider) {
    figure.querySelector(".controls").hidden = false;
    slider.addEventListener("input", filter);
    if (loose) loose.addEventListener("change", filter);
    filter();
  }
  for (const line of lines) {
    line.addEventListener("pointerenter", () => highlight(line));
    line.addEventListener("pointerleave", () => highlight(null));
  }
  // With the keyboard: arrows step through the lines in the order of what they bring.
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") return highlight(null);
    if (!step) return;
    const order = visible().sort((a, b) => Number(a.dataset.line) - Number(b.dataset.line));
    if (!order.length) return;
    event.preventDefault();
    const at = hot ? order.indexOf(hot) + step : step > 0 ? 0 : -1;
    highlight(order.at(at % order.length));
  });
  stage.addEventListener("blur", () => highlight(null));
  for (const row of figure.querySelectorAll("tr[data-line]")) {
    const line = () => lines.find((other) => other.dataset.line === row.dataset.line);
    for (const kind of ["pointerenter", "focus"]) row.addEventListener(kind, () => highlight(line()));
    for (const kind of ["pointerleave", "blur"]) row.addEventListener(kind, () => highlight(null));
  }
  for (const button of figure.querySelectorAll("button[data-zoom]")) {
    button.addEventListener("click", () => {
      for (const other of figure.querySelectorAll("button[data-zoom]")) other.setAttribute("aria-pressed", String(other === button));
      for (const part of figure.querySelectorAll(".stage, .names")) part.style.width = `${100 * Number(button.dataset.zoom)}%`;
    });
  }
}
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const part of opened) part.open = true;
});
addEventListener("afterprint", () => { for (const part of opened) part.open = false; });
