// The matches of two pages as lines between their windows, and as heat on each; what is hovered is told.
import { make } from "./dom.js";

export class Lines {
  constructor({ desk, panes, sides, links, score, tell }) {
    Object.assign(this, { desk, panes, sides, tell, shown: [], wants: {} });
    this.svg = make("svg", { class: "deep-lines", "aria-hidden": "true" });
    desk.append(this.svg);
    panes.forEach((pane, at) => {
      pane.addEventListener("pointermove", (event) => this.#hover(at, event));
      // A finger that was lifted leaves what it touched.
      pane.addEventListener("pointerdown", (event) => this.#hover(at, event));
      pane.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && this.#mark(null));
    });
    this.load(links, score);
  }

  // The matches to draw, strongest first, and the score that they bring together.
  load(links, score) {
    Object.assign(this, { links, score, hot: null });
    this.strongest = Math.max(...links.map((link) => link.relevance), 1e-9);
    this.heatOf = ["a", "b"].map((side) => {
      const sums = new Map();
      for (const link of links) {
        const key = Object.values(link[side]).join();
        const known = sums.get(key) || { box: link[side], sum: 0 };
        known.sum += link.relevance;
        sums.set(key, known);
      }
      return [...sums.values()];
    });
  }

  set(wants) {
    this.wants = wants;
    this.shown = this.links.filter((link) => link.relevance >= wants.least);
    this.lay();
  }

  get n() { return this.shown.length; }

  get total() { return this.shown.reduce((sum, link) => sum + link.relevance, 0); }

  // The box of a match in pixels of the desk; null where it is out of its window.
  #place(at, box) {
    const side = this.sides[at];
    const [x0, y0] = side.toWindow([box.x, box.y]);
    const [x1, y1] = side.toWindow([box.x + box.width, box.y + box.height]);
    const pane = this.panes[at];
    const [x, y] = [Math.min(x0, x1), Math.min(y0, y1)];
    const [width, height] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
    const inside = x + width > 0 && y + height > 0 && x < pane.clientWidth && y < pane.clientHeight;
    return inside ? { x: x + pane.offsetLeft, y: y + pane.offsetTop, width, height } : null;
  }

  lay() {
    const parts = [];
    if (this.wants.heat) {
      this.heatOf.forEach((spots, at) => {
        const most = Math.max(...spots.map(({ sum }) => sum));
        for (const { box, sum } of spots) {
          const place = this.#place(at, box);
          if (place) parts.push(make("rect", { ...place, class: "heat", "fill-opacity": (0.75 * sum / most).toFixed(2) }));
        }
      });
    }
    if (this.wants.lines) {
      for (const link of this.shown) {
        const [a, b] = [this.#place(0, link.a), this.#place(1, link.b)];
        if (!a || !b) continue;
        const [x0, y0, x1, y1] = [a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2];
        const bend = (x1 - x0) / 2;
        const kind = `match${link.supported ? "" : " loose"}${link === this.hot ? " hot" : ""}`;
        const path = make("path", { class: kind, d: `M${x0} ${y0}C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${y1}`, "stroke-width": (0.6 + 2.4 * link.relevance / this.strongest).toFixed(2) });
        parts.push(path);
        if (link === this.hot) parts.push(make("rect", { ...a, class: "hot" }), make("rect", { ...b, class: "hot" }));
      }
    }
    this.svg.replaceChildren(...parts);
  }

  #hover(at, event) {
    const frame = this.panes[at].getBoundingClientRect();
    const [x, y] = this.sides[at].toSource([event.clientX - frame.left, event.clientY - frame.top]);
    const inside = (box) => x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
    this.#mark(this.shown.find((link) => inside(link["ab"[at]])) || null);
  }

  #mark(link) {
    if (link === this.hot) return;
    this.hot = link;
    this.tell(link);
    this.lay();
  }
}
