// A collation that takes a while: its witnesses are named, and it is shown as soon as it is made.
import { desk as head } from "./desk.js";
import { make } from "./dom.js";
import { say } from "./words.js";

export function start() {
  const desk = head();
  const here = new URLSearchParams(location.search);
  desk.append(make("progress", { "aria-label": say("The witnesses are being collated …") }), make("ul", {}, ...here.getAll("w").map((witness) => make("li", {}, witness))));
  here.set("wait", "yes");
  // This page stays until the other one is there.
  location.replace(`/collation.html?${here}${location.hash}`);
  return () => {};
}
