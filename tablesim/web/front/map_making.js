// Time, places, likeness: a map that is not there yet is made, while the seconds are told.
import { button, tried } from "./bar.js";
import { make } from "./dom.js";
import { ask, send } from "./talk.js";
import { say } from "./words.js";

const AGAIN = 700; // milliseconds until it is asked again how far the map is

export function start({ mayWrite }) {
  const part = document.getElementById("map");
  if (!mayWrite || part.dataset.mapped !== "0") return null;
  const said = make("output", { "aria-live": "polite" });
  const bar = make("progress", { hidden: true, "aria-label": say("The map is being made") });
  const go = button(say("Make the map"), "", () => tried(async () => {
    go.disabled = true;
    bar.hidden = false;
    let state = await send("/api/map", {});
    while (state.making) {
      said.textContent = say("made for {n} s; ten thousand pages take a minute or two", { n: Math.round(state.seconds) });
      await new Promise((done) => { setTimeout(done, AGAIN); });
      state = await ask("/api/map");
    }
    go.disabled = false;
    bar.hidden = true;
    said.textContent = state.problem;
    if (state.there) { location.hash = "#map"; location.reload(); }
  }));
  part.append(make("p", { class: "controls" }, go, bar, said));
  // The map that comes is not taken for a change by somebody else while it is waited for.
  return () => { if (!go.disabled) location.reload(); };
}
