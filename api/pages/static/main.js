/** The page: creates its parts and connects them. */

import { codeCard } from "./code.js";
import * as errors from "./errors.js";
import { ParameterForm } from "./form.js";
import { carrier, placement } from "./geometry.js";
import { centred, fitted, handles } from "./handles.js";
import { keyField } from "./key.js";
import { keepFocusInView, showHelp } from "./panel.js";
import { notes, previewer } from "./preview.js";
import { Recent } from "./recent.js";
import { ResultView, ratio } from "./result.js";
import { Run } from "./run.js";
import { Slots } from "./slots.js";

const { origin, maxInputBytes } = document.documentElement.dataset;
const SAMPLE_PLACEMENT = { rescale_factor: 0.33, x_offset: 430, y_offset: 235 };
const QUIET_MS = 400; // after the last change, before it is announced to screen readers

const part = (id) => document.getElementById(id);
const key = keyField();
const form = new ParameterForm(part("parameters"));
const sources = new Slots(origin, Number(maxInputBytes), {
  changed: pictureChanged,
  loading: errors.clear,
  failed: marked,
  typed: marked,
});
const draw = previewer();
const carry = carrier();
const code = codeCard(origin);
const results = new ResultView();
const recents = new Recent(key.fingerprint, showAgain);
const runs = new Run({ recent: recents, results, accepted: key.accepted, ended: learnSize });
const parts = Object.fromEntries(["board", "frame", "bounds", "mover", "scaler", "rotator"].map((id) => [id, part(id)]));
const frame = handles(parts, scene, (changes) => form.set(changes));
const tools = {
  centre: () => drawable() && form.set(centred(scene())),
  fit: () => drawable() && form.set(fitted(scene())),
  reset: () => form.replace(SAMPLE_PLACEMENT),
};

let drawing = 0;
let quiet = 0;

function drawable() {
  return Boolean(sources.pictures.base_image && sources.pictures.overlay_image);
}

/** The present parameters and the placement they give. */
function scene() {
  const params = form.values();
  const { overlay_image: overlay, base_image: base } = sources.pictures;
  return { params, placed: placement(params, overlay, base) };
}

function redraw() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(redrawNow);
}

function redrawNow() {
  if (!drawable()) return;
  const { pictures } = sources;
  const params = form.values();
  const placed = draw(part("preview"), pictures, params);
  ratio("board", pictures.base_image);
  frame.show(placed, params);
  part("preview-facts").textContent = facts(placed);
  part("notes").textContent = notes(pictures, params, placed);
  code.show(asCode());
}

function facts({ base, size, corner }) {
  return `${base.width} × ${base.height} · overlay ${size.width} × ${size.height} at ${corner.x}, ${corner.y}`;
}

/** The request for the code card: files by their names. */
function asCode() {
  const named = Object.entries(sources.pictures).filter(([, picture]) => picture);
  return { ...Object.fromEntries(named.map(([name, { url, name: file }]) => [name, url ?? { file }])), ...form.given() };
}

/** On another base whose size is known the overlay keeps its relative place and size. */
function pictureChanged(name) {
  const { base_image: base, overlay_image: overlay } = sources.pictures;
  if (name === "base_image" && base && !base.guessed) form.set(carry(form.values(), overlay?.guessed ? null : overlay, base));
  results.endComparison();
  redraw();
}

/** A result has the size of its base, which this page could only guess if the base is on another site. */
function learnSize({ pictures: { base_image: base } }, { width, height }) {
  if (!base.guessed) return;
  Object.assign(base, { width, height, guessed: false });
  if (sources.pictures.base_image !== base) return;
  carry(form.values(), null, base);
  sources.show("base_image");
  redraw();
}

function marked(field, message) {
  errors.clear(field);
  if (message) errors.mark([{ field, message }]);
}

function parametersChanged(names) {
  [...names, ...form.off()].forEach(errors.clear);
  errors.mark(form.faults().filter(({ field }) => names.includes(field) && !form.isUnfinished(field)));
  results.outdate();
  redraw();
  clearTimeout(quiet);
  quiet = setTimeout(announce, QUIET_MS);
}

function announce() {
  if (!drawable()) return;
  const { params, placed } = scene();
  const { corner, size } = placed;
  part("announcer").textContent = `Overlay at ${corner.x}, ${corner.y}, ${size.width} by ${size.height} pixels, turned by ${params.rotation} degrees`;
}

function submitted(event) {
  event.preventDefault();
  return runs.start(order);
}

/** What to submit, once all pictures are loaded; null if there are faults. */
async function order() {
  const faults = [...(await sources.faults()), ...form.faults()];
  if (!key.value()) faults.unshift({ field: "key", message: "Type your API key: `superimpose up` prints one." });
  errors.clearAll();
  errors.show(faults);
  if (faults.length) return null;
  redrawNow();
  results.expect();
  return { key: key.value(), pictures: { ...sources.pictures }, params: form.given(), preview: copyOf(part("preview")) };
}

function copyOf(canvas) {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

/** Restores the parameters and the picture of a recent request. */
function showAgain({ params, result }) {
  form.replace(params);
  results.expect();
  if (result) results.show(result, null);
}

form.onChange(parametersChanged);
part("parameters").addEventListener("submit", submitted);
for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", tools[button.dataset.tool]);
showHelp(part("parameters"), part("help"));
keepFocusInView(part("parameters"), { top: part("work"), bottom: part("foot") });
key.onChange(() => recents.reload());
form.replace(SAMPLE_PLACEMENT);
sources.takeSamples();
runs.resume(key.value());
