/** The result beside the preview, and the difference between the two. */

import { all, byId, onClick, press } from "../dom.js";
import { megabytes } from "../pictures.js";

export class ResultView {
  #image = byId("result");
  #isCurrent = false;
  #buttons = all("button[data-view]");

  constructor() {
    for (const button of this.#buttons) onClick(button, () => this.view(button.dataset.view));
  }

  /** The next result belongs to the current parameters. */
  expect() {
    this.#isCurrent = true;
  }

  /** `result`: as `resultIn` returns it; `preview`: a copy from the time of the submit, or null. */
  async show(result, preview) {
    this.#image.src = result.path;
    await this.#image.decode();
    ratio("result-board", result);
    byId("result-name").textContent = this.#isCurrent ? "Result" : "Earlier result";
    byId("result-facts").textContent = facts(result);
    Object.assign(byId("download"), { href: result.path, download: result.name });
    for (const button of this.#buttons) button.disabled = button.dataset.view === "difference" && !preview;
    if (preview) this.#compare(preview);
    this.view("beside");
    byId("result-pane").scrollIntoView({ block: "nearest" });
  }

  /** The parameters have changed since the submit. */
  outdate() {
    this.#isCurrent = false;
    byId("result-name").textContent = "Earlier result";
  }

  /** The pictures have changed: the difference no longer applies. */
  endComparison() {
    this.outdate();
    const difference = this.#buttons.find(({ dataset }) => dataset.view === "difference");
    if (difference.ariaPressed === "true") this.view("edit");
    difference.disabled = true;
  }

  view(name) {
    byId("stage").dataset.view = name;
    byId("preview-pane").hidden = name === "difference";
    byId("result-pane").hidden = name !== "beside";
    byId("difference-pane").hidden = name !== "difference";
    press(this.#buttons, ({ dataset }) => dataset.view === name);
  }

  #compare(preview) {
    const context = drawn(byId("difference"), preview);
    context.globalCompositeOperation = "difference";
    context.drawImage(drawn(new OffscreenCanvas(1, 1), this.#image, preview).canvas, 0, 0);
    ratio("difference-board", preview);
    byId("difference-facts").textContent = levels(context);
  }
}

export function ratio(id, { width, height }) {
  byId(id).style.setProperty("--ratio", String(width / height));
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
