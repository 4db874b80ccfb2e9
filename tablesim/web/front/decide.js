// Two pages: the same table, the same kind, another, unsure; one key each, with a reason.
import { bar, button, name, named, tell, tried } from "./bar.js";
import { isTyping, make } from "./dom.js";
import { refreshPair } from "./pair.js";
import { nextQuestion, start as startQuestions } from "./questions.js";
import { send } from "./talk.js";
import { say } from "./words.js";

export function start({ mayWrite }) {
  if (!mayWrite) return;
  const here = new URLSearchParams(location.search);
  const why = make("input", { name: "reason", "aria-label": say("Why (may stay empty)"), placeholder: say("Why (may stay empty)"), maxlength: "400" });
  const decide = (decision) => async () => {
    if (!named()) return;
    await tried(async () => {
      await send("/api/verdict", { page: here.get("a"), other: here.get("b"), decision, who: name(), reason: why.value.trim() });
      tell(say("written"));
      if (here.has("queue")) await nextQuestion();
      else await refreshPair();
    });
  };
  const keys = { s: decide("accept"), k: decide("kind"), o: decide("reject"), u: decide("unsure") };
  bar.append(why, button(say("same table"), "s", keys.s), button(say("same kind"), "k", keys.k), button(say("another"), "o", keys.o), button(say("unsure"), "u", keys.u));
  addEventListener("keydown", (event) => {
    const act = isTyping(event) ? null : keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  startQuestions({ mayWrite });
}
