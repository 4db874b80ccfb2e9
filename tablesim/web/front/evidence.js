// Evidence in the reader's language: the sentences that Python makes, phrase by phrase, with the figures that stand in
// them (words/evidence.*.json). A phrase that no file has stays in English.
import { language } from "./words.js";

const PARTS = ".lede, .counts, .verdict, .lining, .why, [data-evidence]";
const FIGURES = "[0-9][0-9.,\u202f]*(?<![.,])|[0-9]";

const escaped = (text) => text.replace(/[.*+?^$()|[\]\\/]/g, "\\$&");

// A phrase such as "{n} of {m} cells agree" as an expression whose groups are its figures.
const expression = (phrase) => new RegExp(`(?<![\\p{L}\\d])${escaped(phrase).replace(/\{(\w+)\}/g, (_, name) => `(?<${name}>${FIGURES})`)}(?![\\p{L}\\d])`, "gu");

async function load() {
  if (language === "en") return [];
  const phrases = await (await fetch(new URL(`words/evidence.${language}.json`, import.meta.url))).json();
  // Longer ones first: a part of them may be a phrase too.
  return Object.entries(phrases).sort((a, b) => b[0].length - a[0].length).map(([phrase, told]) => [expression(phrase), told]);
}
const phrases = await load();

function translate(part) {
  const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    let text = node.data;
    for (const [phrase, told] of phrases) {
      text = text.replace(phrase, (...match) => told.replace(/\{(\w+)\}/g, (_, name) => match.at(-1)[name]));
    }
    if (text !== node.data) {
      node.data = text;
      part.lang = language;
    }
  }
}

export function speak(within = document) {
  if (phrases.length) for (const part of within.querySelectorAll(PARTS)) translate(part);
}

addEventListener("tablesim:renewed", () => speak());
