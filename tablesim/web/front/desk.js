// A screen that the workbench alone has: its heading in the language that was chosen, and the part that it fills.
export function desk(title, lede) {
  document.querySelector("h1").textContent = title;
  document.querySelector("header .lede").textContent = lede;
  return document.getElementById("screen");
}
