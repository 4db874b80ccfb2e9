// What the workbench says, in the language of the browser or the one that was chosen: words/*.json, one file a language.
export const LANGUAGES = { en: "English", de: "Deutsch", it: "Italiano" };

function chosen() {
  const kept = localStorage.getItem("tablesim.language");
  if (kept in LANGUAGES) return kept;
  return navigator.languages.map((name) => name.slice(0, 2).toLowerCase()).find((name) => name in LANGUAGES) || "en";
}

export const language = chosen();
const catalogue = await (await fetch(new URL(`words/${language}.json`, import.meta.url))).json();

// A sentence of the catalogue with its values put in.
export function say(key, values = {}) {
  return catalogue[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export function choose(name) {
  localStorage.setItem("tablesim.language", name);
  location.reload();
}
