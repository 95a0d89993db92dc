/** The playground: creates its parts and connects them. */

import { Unreachable } from "./api.js";
import { codeCard } from "./code.js";
import * as errors from "./requests/errors.js";
import { ParameterForm } from "./scene/form.js";
import { centred, fitted, handles } from "./canvas/handles.js";
import { keyField } from "./key.js";
import { LayerList, nameOf } from "./scene/layer-list.js";
import { keepFocusInView, showHelp } from "./scene/panel.js";
import { animatedFormat } from "./scene/parameters.js";
import { fromUrl, sampleAt } from "./pictures.js";
import { pins } from "./canvas/pins.js";
import { notes, previewer } from "./canvas/preview.js";
import { cornersOf } from "./canvas/quad.js";
import { Recent } from "./requests/recent.js";
import { regionTool } from "./canvas/region.js";
import { bodyOf } from "./requests/submission.js";
import { ResultView, ratio } from "./requests/result.js";
import { Run } from "./requests/run.js";
import { Scene, isColour } from "./scene/scene.js";
import { SCENES } from "./scene/examples.js";
import { Slots } from "./scene/slots.js";
import { requestCode } from "./snippets.js";

const { origin, maxInputBytes } = document.documentElement.dataset;
const ANNOUNCE_DELAY_MS = 400; // from the last change to its announcement to screen readers
const NO_PREVIEW = "Only the base is shown: this model has no preview.";
const NEW_LAYERS = {
  picture: { params: { gravity: "center", scale_to: 0.4 }, first: "f-overlay_image", announcement: "Picture layer added" },
  colour: { params: { color: "#c02030", blend_mode: "multiply" }, first: "p-color", announcement: "Colour layer added" },
};

const part = (id) => document.getElementById(id);
const tool = (name) => document.querySelector(`[data-tool="${name}"]`);

/** Announces a text to screen readers, instead of a pending announcement. */
function say(text) {
  clearTimeout(announcement);
  part("announcer").textContent = text;
}

const key = keyField();
const form = new ParameterForm(part("parameters"), part("fields"));
const scene = new Scene({ onLoading: pictureLoading, onChanged: pictureChanged, onFailed: pictureRefused, onListChanged: showLayer });
const { base, layers } = scene;
const list = new LayerList(layers, say);
const chooseMany = (items) => base.take(async () => (await loadBatch()).choose(items));
const slots = new Slots(origin, Number(maxInputBytes), { onTyped: markChoice, onMany: chooseMany, stageChoice });
const draw = previewer();
const code = codeCard();
const results = new ResultView();
const recents = new Recent(key, restoreEntry, async ({ id }) => (await loadBatch()).open(key.value(), id));
const runs = new Run({ recent: recents, results, onCredits: key.showCredits, onCompleted: correctBaseSize, onFailed: showFaults });
const parts = Object.fromEntries(["board", "frame", "bounds", "mover", "scaler", "rotator", "quad", "inside"].map((id) => [id, part(id)]));
parts.pins = [...document.querySelectorAll(".pin")];
const selected = () => scene.selected();
const frame = handles(parts, selected, (changes) => form.set(changes));
const corners = pins(parts, selected, (changes) => form.set(changes));
const tools = {
  centre: () => form.set(centred(selected())),
  fit: () => form.set(fitted(selected())),
  reset: () => form.set(layers.selected.start),
  warp: () => form.set({ corners: selected().params.corners ? null : cornersOf(selected().params, selected().placed) }),
};

let frameRequest = 0;
let announcement = 0; // timer
const files = new Map(); // pictures by name, for recent requests
let pictureSettled = () => {}; // called when a picture has loaded or failed
/** @type {import("./batches/batch.js").Batch | null} */
let batch = null; // once several bases are chosen

const isInBatch = () => batch?.has(base.picture);
const isFramed = () => scene.isShown(layers.selected);

function redraw() {
  cancelAnimationFrame(frameRequest);
  frameRequest = requestAnimationFrame(redrawNow);
}

function redrawNow() {
  list.show(errors.layersAtFault());
  part("layer-title").textContent = `Layer: ${nameOf(layers.selected)}`;
  if (!base.picture) return;
  const shown = scene.drawables();
  const { params: output } = scene.effectOfOutput();
  draw(part("preview"), base.picture, shown, output);
  ratio("board", base.picture);
  showFrame(isFramed() ? selected() : null);
  part("notes").textContent = scene.hasPreview() ? notes(base.picture, shown, output) : NO_PREVIEW;
  if (!layers.visible().length) return;
  const body = bodyOf(scene.request(), ({ url, name }) => url ?? { file: name });
  code.show((isInBatch() ? batch.code : requestCode)(origin, scene.model.name, body));
}

/** Shows the frame around the selected layer, or hides it for null. */
function showFrame(shown) {
  const isWarped = Boolean(shown?.params.corners);
  part("frame").hidden = !shown || isWarped;
  part("quad-frame").hidden = !isWarped;
  if (isWarped || !shown) part("bounds").hidden = true;
  if (shown) (isWarped ? corners : frame).show(shown);
  for (const name of ["centre", "fit"]) tool(name).disabled = !shown || isWarped;
  tool("warp").disabled = !shown;
  tool("warp").setAttribute("aria-pressed", String(isWarped));
  const { width, height } = base.picture;
  part("preview-facts").textContent = [`${width} × ${height}`, shown && facts(shown)].filter(Boolean).join(" · ");
}

function facts({ params, placed: { size, corner }, isColour }) {
  if (params.corners) return "warped to four corners";
  return `${isColour ? "colour" : "overlay"} ${size.width} × ${size.height} at ${corner.x}, ${corner.y}`;
}

function announcePlacement() {
  if (!isFramed()) return;
  const { params, placed } = selected();
  const { corner, size } = placed;
  const points = params.corners?.map((point) => point.map((value) => Math.round(value * 100)).join(", "));
  say(points ? `Corners at ${points.join("; ")} percent` : `Overlay at ${corner.x}, ${corner.y}, ${size.width} by ${size.height} pixels, rotated by ${params.rotation} degrees`);
}

/** Shows the selected layer in the form and the slots. */
function showLayer() {
  const layer = layers.selected;
  form.write({ ...layer.params, ...scene.output });
  disableFields();
  slots.show({ base_image: base, ...layer.pictures });
  part("layer").dataset.layer = layer.kind;
  errors.showLayer(layer.id);
  results.outdate();
  redraw();
}

/** Disables the fields of parameters without effect; returns their names. */
function disableFields() {
  const unused = new Set([...scene.effectOf(layers.selected).unused, ...scene.effectOfOutput().unused]);
  form.disable(unused);
  return unused;
}

function parametersChanged(names) {
  const { layer, output } = form.values();
  const format = names.includes("animation") && animatedFormat(output);
  if (format) {
    say(`image_format is now ${format}, which supports animations`);
    return form.set({ animation: output.animation, image_format: format });
  }
  Object.assign(layers.selected.params, layer);
  Object.assign(scene.output, output);
  for (const name of [...names, ...disableFields()]) errors.clear(name);
  errors.mark(formFaults().filter(({ field }) => names.includes(field) && !form.isUnfinished(field)));
  results.outdate();
  redraw();
  clearTimeout(announcement);
  announcement = setTimeout(announcePlacement, ANNOUNCE_DELAY_MS);
}

const formFaults = () => form.faults().map((fault) => (form.isLayerParameter(fault.field) ? { ...fault, layer: layers.selected.id } : fault));

/** Shows an error at a picture's slot; "" clears it. */
function markChoice({ name, layer }, message) {
  errors.clear(name, layer?.id);
  if (message) errors.mark([{ field: name, layer: layer?.id, message }]);
}

function pictureLoading(choice) {
  markChoice(choice, "");
  slots.update(choice);
}

function pictureRefused(choice) {
  markChoice(choice, choice.error);
  slots.update(choice);
  pictureSettled();
}

function pictureChanged({ name, layer, picture }) {
  if (name === "base_image") batch?.mark(picture) ? scene.stayAll() : scene.carryAll();
  if (picture && toSaved(picture).name && !isInBatch()) files.set(picture.name, picture);
  if (name === "displacement_map" && picture) scene.setDefaultDisplacement(layer);
  showLayer();
  results.endComparison();
  pictureSettled();
}

/** Loads the code for batches when it is first needed. */
async function loadBatch() {
  const { Batch } = await import("./batches/batch.js").catch(() => {
    throw new Unreachable();
  });
  return (batch ??= new Batch({ base, saved: () => scene.saved(toSaved), runs, recents, results, redraw, snapshot, onFailed: showFaults }));
}

/** The size of a base on another site is a guess until a result, which has the same size, shows it. */
function correctBaseSize({ request }, size) {
  if (!request.base.guessed || base.picture !== request.base) return;
  scene.setBaseSize(size);
  slots.update(base);
  redraw();
}

function add(kind) {
  const { params, first, announcement } = NEW_LAYERS[kind];
  scene.add(kind, params);
  say(announcement);
  part(first).focus();
}

/** The choice for a file dropped on the preview. */
function stageChoice() {
  if (isColour(layers.selected)) add("picture");
  return layers.selected.pictures.overlay_image;
}

function useModel(name) {
  const model = form.use(name);
  slots.use(part("fields"));
  sketch.end();
  for (const each of document.querySelectorAll("[data-of-layers]")) each.hidden = !model.isLayered;
  part("model").value = name;
  scene.use(model);
}

function showExample(name) {
  for (const button of document.querySelectorAll("[data-scene]")) button.setAttribute("aria-pressed", String(button.dataset.scene === name));
  const { base: sample, ...example } = SCENES[name];
  const loader = (file) => sampleAt(origin, file);
  scene.restoreBase(loader(sample));
  scene.restore(example, loader);
}

function submitted(event) {
  event.preventDefault();
  if (!isInBatch()) return runs.start(prepareSubmission);
  runs.hide();
  return batch.start(prepareSubmission);
}

/** Waits until all pictures are loaded. Resolves to a `Submission`, or to null if there are faults. */
async function prepareSubmission() {
  while (scene.choices().some(({ isLoading }) => isLoading)) await new Promise((resolve) => (pictureSettled = resolve));
  const faults = [...scene.faults(), ...formFaults()];
  if (!key.value()) faults.unshift({ field: "key", message: "Type your API key: `superimpose up` prints one." });
  errors.clearAll();
  showFaults(faults);
  if (faults.length) return null;
  results.expect();
  const layerIds = layers.visible().map(({ id }) => id);
  return { key: key.value(), request: scene.request(), layerIds, saved: scene.saved(toSaved), preview: snapshot() };
}

/** Shows faults, and selects the first layer that has some. */
function showFaults(faults) {
  const layer = layers.byId(faults.find(({ field }) => field)?.layer);
  if (layer) layers.select(layer);
  errors.show(faults);
}

/** A copy of the current preview. */
function snapshot() {
  redrawNow();
  const canvas = part("preview");
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

/** The stored form of a picture: its URL, or only the name for files and data: URIs, which are too large. */
const toSaved = ({ url, name }) => (url && !/^data:/i.test(url) ? { url } : { name });

/** Restores the scene and the result of a recent request. Files must still be in this page's memory. */
function restoreEntry({ scene: { model, base: savedBase, ...rest }, result }) {
  const loader = ({ url, name }) => async () => {
    if (url) return fromUrl(url, origin);
    if (files.has(name)) return files.get(name);
    throw new Error(`${name} was a local file: choose it again`);
  };
  if (model !== scene.model.name) useModel(model);
  if (savedBase.url && savedBase.url !== base.picture?.url) scene.restoreBase(loader(savedBase));
  scene.restore(rest, loader);
  results.expect();
  if (result) results.show(result, null);
}

form.onChange(parametersChanged);
errors.onChange(redraw);
part("parameters").addEventListener("submit", submitted);
for (const [name, action] of Object.entries(tools)) tool(name).addEventListener("click", action);
for (const button of document.querySelectorAll("[data-add]")) button.addEventListener("click", () => add(button.dataset.add));
for (const button of document.querySelectorAll("[data-scene]")) button.addEventListener("click", () => showExample(button.dataset.scene));
part("model").addEventListener("change", ({ target }) => useModel(target.value));
const sketch = regionTool({ board: part("board"), sheet: part("sketch"), button: part("region-tool") }, (region) => form.set({ region, corners: null, gravity: "center" }));
showHelp(part("parameters"), part("help"));
keepFocusInView(part("parameters"));
key.onChange(() => recents.reload());
useModel(part("model").value);
showExample("cup");
runs.resume(key.value());
