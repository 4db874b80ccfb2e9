// The walk from question to question: the next one about which a verdict would change most.
import { bar, button, name, tell, tried } from "./bar.js";
import { isTyping, make } from "./dom.js";
import { ask } from "./talk.js";
import { say } from "./words.js";

export const nextQuestion = () => tried(async () => {
  const { questions } = await ask("/api/questions", { top: "2", who: name(), blind: name() ? "yes" : "" });
  const here = new URLSearchParams(location.search);
  const question = questions.find(({ page, other }) => !(here.get("a") === page && here.get("b") === other)) || questions[0];
  if (question) location.assign(`/pairs/two.html?${new URLSearchParams({ a: question.page, b: question.other, queue: "yes" })}`);
  else tell(say("No question is open."));
});

export function start({ mayWrite }) {
  if (!mayWrite) return;
  bar.append(button(say("next question"), "n", nextQuestion));
  addEventListener("keydown", (event) => {
    if (event.key === "n" && !isTyping(event)) { event.preventDefault(); nextQuestion(); }
  });
}
