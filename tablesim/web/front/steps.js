// Undo and redo: what was done on this page, kept in this window also when it is loaded again.
// A step is where a number is, what stood there before, and what stands there after.
const KEPT = 200;

export class Steps {
  constructor(name) {
    this.key = `tablesim.steps.${name}`;
    const kept = JSON.parse(sessionStorage.getItem(this.key) || "null");
    [this.done, this.undone] = kept || [[], []];
  }

  #keep() {
    sessionStorage.setItem(this.key, JSON.stringify([this.done, this.undone]));
  }

  add(step) {
    this.done = [...this.done, step].slice(-KEPT);
    this.undone = [];
    this.#keep();
  }

  // Takes the last step back, or the last one taken back again, by `write(box, to, from)`.
  async turn(back, write) {
    const [from, to] = back ? [this.done, this.undone] : [this.undone, this.done];
    const step = from.at(-1);
    if (!step) return null;
    await write(step.box, back ? step.before : step.after, back ? step.after : step.before);
    from.pop();
    to.push(step);
    this.#keep();
    return step;
  }
}

// What stands at a number as a correction says it; "as read" is what the machine left, with its doubt.
export const AS_READ = "as read";
export const stateOf = (number) => number.person
  ? { correct: number.text, emendation: number.emendation || "", shown: number.text }
  : { correct: AS_READ, emendation: "", shown: number.text };
export const stateOfNothing = (person) => ({ correct: person ? "" : AS_READ, emendation: "", shown: "" });
