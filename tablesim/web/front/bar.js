// The bar in the corner: who says so, what was said last, the language; screens add their buttons.
import { make } from "./dom.js";
import { choose, language, LANGUAGES, say } from "./words.js";

export const bar = make("form", { class: "pen", "aria-label": say("Pen"), autocomplete: "off", lang: language });
const who = make("input", { name: "who", "aria-label": say("Your name"), placeholder: say("Your name"), maxlength: "80" });
const told = make("output", { "aria-live": "polite" });
const languages = make("select", { name: "language", "aria-label": say("Language"), onchange: () => choose(languages.value) },
  ...Object.entries(LANGUAGES).map(([value, name]) => make("option", { value, lang: value, selected: value === language }, name)));

let waiting = null;
who.value = localStorage.getItem("tablesim.who") || "";
who.addEventListener("change", () => localStorage.setItem("tablesim.who", who.value.trim()));
bar.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!waiting || !name()) return;
  localStorage.setItem("tablesim.who", name());
  tell("");
  const go = waiting;
  waiting = null;
  go();
});

export const name = () => who.value.trim();

export function tell(text, bad = false) {
  told.textContent = text;
  told.classList.toggle("bad", bad);
}

// Whether a name is given; if not it is asked for, and Enter goes on with `then`.
export function named(then = null) {
  if (name()) return true;
  waiting = then;
  tell(say("Give your name, then Enter: it stands beside what you decide."), true);
  who.focus();
  return false;
}

export const button = (label, key, act) =>
  make("button", { type: "button", onclick: act, "aria-keyshortcuts": key || null }, label, ...(key ? [" ", make("kbd", {}, key)] : []));

// Runs something that may fail; what went wrong is said.
export async function tried(act) {
  try {
    return await act();
  } catch (error) {
    tell(error.message, true);
    return null;
  }
}

export function show({ mayWrite }) {
  if (mayWrite) bar.prepend(who);
  bar.append(languages, told);
  document.body.append(bar);
}
