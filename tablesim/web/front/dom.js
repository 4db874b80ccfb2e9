// Elements: found, made, and told apart from typing.
export const all = (part, selector) => [...part.querySelectorAll(selector)];

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = new Set(["svg", "g", "rect", "path", "line", "circle", "image", "text", "title"]);

// An element with its attributes; "on..." are listeners, null and false leave an attribute out, true sets it empty.
export function make(tag, values = {}, ...children) {
  const made = SHAPES.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Whether a key that was pressed belongs to something that is typed, or to the browser.
export const isTyping = (event) =>
  event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
