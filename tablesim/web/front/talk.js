// Talks to the server: what is asked, what is sent, and that something changed, by whomever.
import { say } from "./words.js";

// The state of the run that is shown here. What this window writes is seen when it is answered, so what is heard of
// meanwhile waits until then.
let seen = 0;
let heard = 0;
let sending = 0;
let changed = () => {};
export const setSeen = (version) => { seen = Math.max(seen, version); };

function look() {
  if (sending || heard <= seen) return;
  const before = seen;
  seen = heard;
  if (before) changed();
}

async function answered(asking) {
  let answer;
  try {
    answer = await asking;
  } catch {
    throw new Error(say("The workbench does not answer; nothing was written. Start it again with `tablesim view`."));
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

export const ask = (path, values = {}) => answered(fetch(`${path}?${new URLSearchParams(values)}`));

export async function send(path, body) {
  const headers = { "content-type": "application/json" };
  sending += 1;
  try {
    const told = await answered(fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
    if (told.version) setSeen(told.version);
    return told;
  } finally {
    sending -= 1;
    look();
  }
}

// Calls `act` when the run is another one than what is shown.
export function listen(act) {
  changed = act;
  new EventSource("/api/events").onmessage = ({ data }) => {
    heard = Number(data);
    look();
  };
}
