// All that is known of one number, and what can be said of it: printed, what it should be, its cell, why.
import { make } from "./dom.js";
import { language, say } from "./words.js";

const field = (name, label, values = {}) => {
  const input = make("input", { name, maxlength: "40", autocomplete: "off", ...values });
  return [make("label", {}, make("span", {}, label), input), input];
};

export class Card {
  // `write` gets the values when Enter is pressed, `acts` are named buttons with their keys.
  constructor({ write, leave, moved, acts }) {
    const [printedLabel, printed] = field("printed", say("printed"));
    const [emendationLabel, emendation] = field("emendation", say("should be"));
    const [tableLabel, table] = field("table", say("table"), { type: "number", min: "1", max: "99" });
    const [rowLabel, row] = field("row", say("row"), { type: "number", min: "1", max: "9999" });
    const [columnLabel, column] = field("column", say("column"), { type: "number", min: "1", max: "999" });
    const [reasonLabel, reason] = field("reason", say("why"), { maxlength: "400" });
    this.inputs = { printed, emendation, table, row, column, reason };
    this.tableLabel = tableLabel;
    this.about = make("p", { class: "about", "aria-live": "polite" });
    this.element = make("form", { class: "card", "data-keep": "", "aria-label": say("One number"), lang: language, },
      this.about,
      make("div", { class: "fields" }, printedLabel, emendationLabel, tableLabel, rowLabel, columnLabel, reasonLabel),
      make("div", { class: "acts" }, make("button", {}, say("write")),
        ...acts.map(([label, key, act]) => make("button", { type: "button", class: key === "d" ? "new" : null, "aria-keyshortcuts": key, onclick: act }, label, " ", make("kbd", {}, key)))));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      write(this.values());
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.preventDefault(); leave(); }
    });
    this.clear();
    for (const input of [table, row, column]) input.addEventListener("change", () => moved(this.values()));
  }

  values() {
    const { printed, emendation, table, row, column, reason } = this.inputs;
    const cell = row.value && column.value ? `t${table.value || 1}r${row.value}c${column.value}` : "";
    return { correct: printed.value.trim(), emendation: emendation.value.trim(), cell, reason: reason.value.trim() };
  }

  show({ about, isNew = false, printed, emendation, cell, tables }) {
    const [, table, row, column] = (cell || "").match(/^t(\d+)r(\d+)c(\d+)$/) || [];
    this.cell = cell || "";
    this.about.textContent = about;
    Object.entries({ printed, emendation, table, row, column, reason: "" }).forEach(([name, value]) => { this.inputs[name].value = value ?? ""; });
    this.tableLabel.hidden = tables < 2;
    this.element.classList.toggle("new", isNew);
    this.#enable(true);
  }

  // Always there, so that nothing moves when a number is chosen; without one there is nothing to fill in.
  #enable(on) {
    for (const part of this.element.querySelectorAll("input, button:not(.new)")) part.disabled = !on;
  }

  clear() {
    this.show({ about: say("Choose a number in the table or on the scan; type over it, Enter writes it."), tables: 1 });
    this.#enable(false);
  }

  focus(name) {
    this.inputs[name].focus();
    this.inputs[name].select();
  }
}
