// Messages by their English, in the language of the page: it brings say.js and the catalogue of its language.
export const { say, sayN, toSay } = globalThis;
export const LANGUAGES = { en: "English", de: "Deutsch", it: "Italiano" };
export const language = document.documentElement.lang;

// The server writes the page in the language of this cookie, else in that of the browser.
export function choose(name) {
  document.cookie = `tablesim-language=${name}; path=/; max-age=31536000; samesite=strict`;
  location.reload();
}
