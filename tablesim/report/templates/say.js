// Messages of scripts by their English, in the language of the page; catalogue-de.js and its like have them (tablesim/language).
"use strict";
function say(message, values = {}) {
  const told = (globalThis.tablesimMessages || {})[message] ?? message;
  return told.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// A message with a count, `one` for 1 and `many` for all others; {n} in it is the count.
function sayN(n, one, many, values = {}) {
  const [first, others] = (globalThis.tablesimMessages || {})[`${one}|${many}`] ?? [one, many];
  return say(n === 1 ? first : others, { n, ...values });
}

// The message as it is: it is in the catalogues, and said where it is shown.
function toSay(message) {
  return message;
}
