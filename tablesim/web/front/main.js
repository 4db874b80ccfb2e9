// The beginning: which screen this is, what of the workbench belongs to it, and that it is shown anew when the run changes.
import { bar, show, tell } from "./bar.js";
import { start as listKeys } from "./keys.js";
import { listen } from "./talk.js";
import { say } from "./words.js";

const { screen, may } = document.body.dataset;
const mayWrite = may === "write";

const parts = {
  page: async () => [await import("./numbers.js"), await import("./scan.js"), await import("./notes.js")],
  doubts: async () => [await import("./grid.js")],
  pair: async () => [await import("./decide.js"), await import("./cells.js"), await import("./compare.js")],
  cluster: async () => [await import("./cluster.js")],
  pages: async () => [await import("./corpus.js")],
  history: async () => [await import("./history.js")],
  queue: async () => [await import("./queue.js")],
  again: async () => [await import("./again.js")],
  books: async () => [await import("./books.js")],
  collation: async () => [await import("./collation.js")],
  collating: async () => [await import("./collating.js")],
  map: async () => [await import("./questions.js"), await import("./map_making.js")],
  genealogy: async () => [await import("./genealogy.js")],
};

show({ mayWrite });
// What a screen does when the run changed elsewhere; without its own way it is loaded again.
let changed = () => location.reload();
try {
  for (const part of await (parts[screen] || (async () => [await import("./questions.js")]))()) {
    changed = (await part.start({ mayWrite })) || changed;
  }
} catch (error) {
  tell(error.message, true);
}
listKeys({ screen, mayWrite });
listen(() => (document.querySelector(".entry") ? tell(say("The run was changed elsewhere; it is shown here when you have finished.")) : changed()));
bar.dataset.ready = "yes";
