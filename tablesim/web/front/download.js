// A table saved as CSV from what is shown.
import { make } from "./dom.js";

// Spreadsheets take what begins with a sign for a formula.
function field(text) {
  const safe = /^[=@\t\r]/.test(text) || (/^[+-]/.test(text) && !/^[+-]?[\d.,]+$/.test(text)) ? `'${text}` : text;
  return /[",\n\r;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function saveCsv(name, lines) {
  const text = lines.map((line) => line.map((value) => field(String(value ?? ""))).join(",")).join("\r\n");
  // The mark in front tells spreadsheets that it is UTF-8.
  const href = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}
