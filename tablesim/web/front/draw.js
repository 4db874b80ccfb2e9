// A box drawn over the scan, in upright pixels; and the box of a number that is not there yet, shown in broken lines.
import { make } from "./dom.js";

const LEAST = 4;

export class Drawing {
  // `done` gets the box that was drawn.
  constructor(svg, done) {
    this.svg = svg;
    this.done = done;
    this.from = null;
    this.shape = make("rect", { class: "drawn", "data-keep": "" });
    this.on = false;
    svg.addEventListener("pointerdown", (event) => this.#begin(event));
    svg.addEventListener("pointermove", (event) => this.#go(event));
    svg.addEventListener("pointerup", (event) => this.#end(event));
  }

  // Whether boxes are drawn now; else the scan is moved and numbers are chosen as before.
  set(on) {
    this.on = on;
    this.svg.classList.toggle("drawing", on);
    dispatchEvent(new CustomEvent("tablesim:drawing", { detail: on }));
  }

  #at(event) {
    if (this.svg.pageAt) return this.svg.pageAt(event.clientX, event.clientY);
    const over = this.svg.querySelector(".over");
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(over.getScreenCTM().inverse());
    return [x, y];
  }

  #begin(event) {
    if (!this.on || event.button) return;
    event.preventDefault();
    event.stopPropagation();
    this.svg.setPointerCapture(event.pointerId);
    this.from = this.#at(event);
  }

  #box(event) {
    const [x, y] = this.#at(event);
    const [x0, y0] = this.from;
    return { x: Math.min(x, x0), y: Math.min(y, y0), width: Math.abs(x - x0), height: Math.abs(y - y0) };
  }

  #go(event) {
    if (this.from) this.show(this.#box(event));
  }

  #end(event) {
    if (!this.from) return;
    const box = this.#box(event);
    this.from = null;
    this.set(false);
    if (box.width < LEAST || box.height < LEAST) this.hide();
    else this.done(box);
  }

  show(box) {
    for (const [name, value] of Object.entries(box)) this.shape.setAttribute(name, value);
    this.svg.querySelector(".over").append(this.shape);
  }

  hide() {
    this.shape.remove();
  }
}
