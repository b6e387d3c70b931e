import { set } from "./dom.js";

const space = "http://www.w3.org/2000/svg";
const seconds = 60;

// A Curve is what a figure was over the last minute.
export class Curve {
  values = [];

  constructor() {
    this.root = document.createElementNS(space, "svg");
    this.line = document.createElementNS(space, "polyline");
    this.root.append(this.line);
    set(this.root, "class", "curve");
    set(this.root, "viewBox", "0 0 120 28");
    set(this.root, "preserveAspectRatio", "none");
    set(this.root, "aria-hidden", "true"); // the figure beside it is read
  }

  add(value) {
    this.values = [...this.values, value].slice(-seconds);
    const top = Math.max(1, ...this.values);
    const first = seconds - this.values.length;
    const points = this.values.map((v, i) => `${((first + i) * 120) / (seconds - 1)},${(27 - (25 * v) / top).toFixed(1)}`);
    set(this.line, "points", points.join(" "));
  }
}
