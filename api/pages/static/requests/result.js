/** The result beside the preview, and the difference between the two. */

import { megabytes } from "../pictures.js";

/** @typedef {{path: string, name: string, width: number, height: number, bytes: number, type: string}} Result */

export class ResultView {
  #image = document.getElementById("result");
  #canvas = document.getElementById("difference");
  #isCurrent = false;
  #buttons = [...document.querySelectorAll("button[data-view]")];

  constructor() {
    for (const button of this.#buttons) button.addEventListener("click", () => this.view(button.dataset.view));
    document.getElementById("amplify").addEventListener("change", ({ target }) => this.#amplify(target.checked));
    this.#amplify(true);
  }

  /** The next result belongs to the current parameters. */
  expect() {
    this.#isCurrent = true;
  }

  /** `preview`: a copy from the time of the submit, or null. */
  async show(result, preview) {
    this.#image.src = result.path;
    await this.#image.decode();
    ratio("result-board", result);
    document.getElementById("result-name").textContent = this.#isCurrent ? "Result" : "Earlier result";
    document.getElementById("result-facts").textContent = facts(result);
    const download = document.getElementById("download");
    [download.href, download.download] = [result.path, result.name];
    this.#enable(preview !== null);
    if (preview) this.#compare(preview);
    this.view("beside");
    document.getElementById("result-pane").scrollIntoView({ block: "nearest" });
  }

  /** The parameters have changed since the submit. */
  outdate() {
    this.#isCurrent = false;
    document.getElementById("result-name").textContent = "Earlier result";
  }

  /** The pictures have changed: the difference no longer applies. */
  endComparison() {
    this.outdate();
    const difference = this.#buttons.find(({ dataset }) => dataset.view === "difference");
    if (difference.getAttribute("aria-pressed") === "true") this.view("edit");
    difference.disabled = true;
  }

  view(name) {
    document.getElementById("stage").dataset.view = name;
    document.getElementById("preview-pane").hidden = name === "difference";
    document.getElementById("result-pane").hidden = name !== "beside";
    document.getElementById("difference-pane").hidden = name !== "difference";
    for (const button of this.#buttons) button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }

  #enable(comparable) {
    for (const button of this.#buttons) button.disabled = button.dataset.view === "difference" && !comparable;
  }

  #compare(preview) {
    const context = drawn(this.#canvas, preview);
    context.globalCompositeOperation = "difference";
    context.drawImage(drawn(new OffscreenCanvas(1, 1), this.#image, preview).canvas, 0, 0);
    ratio("difference-board", preview);
    document.getElementById("difference-facts").textContent = levels(context);
  }

  #amplify(on) {
    this.#canvas.classList.toggle("amplified", on);
  }
}

export function ratio(id, { width, height }) {
  document.getElementById(id).style.setProperty("--ratio", String(width / height));
}

/** Draws `image` on black, at the size of `reference`. */
function drawn(canvas, image, reference = image) {
  [canvas.width, canvas.height] = [reference.width, reference.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return context;
}

function facts({ width, height, bytes, type }) {
  return `${width} × ${height} · ${type.replace("image/", "").toUpperCase()} · ${megabytes(bytes)}`;
}

function levels(context) {
  const { data } = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  let [sum, max] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    const level = Math.max(data[i], data[i + 1], data[i + 2]);
    sum += level;
    max = Math.max(max, level);
  }
  return `Preview − result: mean ${((sum * 4) / data.length).toFixed(1)}, max ${max} of 255 levels`;
}
