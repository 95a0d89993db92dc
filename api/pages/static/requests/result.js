/** The result beside the preview, and the difference between the two. */

import { all, byId, onClick, press } from "../dom.js";
import { megabytes } from "../pictures.js";

const buttons = all("button[data-view]");
let isCurrent = false;

/** The next result belongs to the current parameters. */
export function expect() {
  isCurrent = true;
}

/** `result`: as `resultIn` returns it; `preview`: a copy from the time of the submit, or null. */
export async function show(result, preview) {
  const image = byId("result");
  image.src = result.path;
  await image.decode();
  ratio("result-board", result);
  byId("result-name").textContent = isCurrent ? "Result" : "Earlier result";
  byId("result-facts").textContent = facts(result);
  Object.assign(byId("download"), { href: result.path, download: result.name });
  for (const button of buttons) button.disabled = button.dataset.view === "difference" && !preview;
  if (preview) compare(preview, image);
  view("beside");
  byId("result-pane").scrollIntoView({ block: "nearest" });
}

/** The parameters have changed since the submit. */
export function outdate() {
  isCurrent = false;
  byId("result-name").textContent = "Earlier result";
}

/** The pictures have changed: the difference no longer applies. */
export function endComparison() {
  outdate();
  const difference = buttons.find(({ dataset }) => dataset.view === "difference");
  if (difference.ariaPressed === "true") view("edit");
  difference.disabled = true;
}

export function view(name) {
  byId("stage").dataset.view = name;
  byId("preview-pane").hidden = name === "difference";
  byId("result-pane").hidden = name !== "beside";
  byId("difference-pane").hidden = name !== "difference";
  press(buttons, ({ dataset }) => dataset.view === name);
}

for (const button of buttons) onClick(button, () => view(button.dataset.view));

function compare(preview, image) {
  const context = drawn(byId("difference"), preview);
  context.globalCompositeOperation = "difference";
  context.drawImage(drawn(new OffscreenCanvas(1, 1), image, preview).canvas, 0, 0);
  ratio("difference-board", preview);
  byId("difference-facts").textContent = levels(context);
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
