/** The playground: creates its parts and connects them. */

import { Unreachable } from "./api.js";
import { handles } from "./canvas/handles.js";
import { notes, previewer } from "./canvas/preview.js";
import { regionTool } from "./canvas/region.js";
import { codeCard } from "./code.js";
import { all, byId, onClick, press, sheet } from "./dom.js";
import { keyField } from "./key.js";
import { fromUrl, sampleAt } from "./pictures.js";
import * as errors from "./requests/errors.js";
import { Recent } from "./requests/recent.js";
import * as results from "./requests/result.js";
import { Run } from "./requests/run.js";
import { bodyOf } from "./requests/submission.js";
import { SCENES } from "./scene/examples.js";
import { ParameterForm, keepFocusInView, showHelp } from "./scene/form.js";
import { LayerList, nameOf } from "./scene/layer-list.js";
import { animatedFormat } from "./scene/parameters.js";
import { Scene, isColour } from "./scene/scene.js";
import { Slots } from "./scene/slots.js";
import { requestCode } from "./snippets.js";

const { origin, maxInputBytes } = document.documentElement.dataset;
const ANNOUNCE_DELAY_MS = 400; // from the last change to its announcement to screen readers
const NO_PREVIEW = "Only the base is shown: this model has no preview.";
const NEW_LAYERS = {
  picture: { params: { gravity: "center", scale_to: 0.4 }, first: "f-overlay_image", announcement: "Picture layer added" },
  colour: { params: { color: "#c02030", blend_mode: "multiply" }, first: "p-color", announcement: "Colour layer added" },
};

/** Announces a text to screen readers, instead of a pending announcement. */
function say(text) {
  clearTimeout(announcement);
  byId("announcer").textContent = text;
}

const key = keyField();
const form = new ParameterForm(byId("parameters"), parametersChanged);
const scene = new Scene({ onUpdated: choiceUpdated, onChanged: pictureChanged, onListChanged: showLayer });
const { base, layers } = scene;
const list = new LayerList(layers, say);
const chooseMany = (items) => base.take(async () => (await loadBatch()).choose(items));
const slots = new Slots(origin, Number(maxInputBytes), { onTyped: markChoice, onMany: chooseMany, stageChoice });
const draw = previewer();
const showCode = codeCard();
const recents = new Recent(key, restoreEntry, async ({ id }) => (await loadBatch()).open(key.value(), id));
const runs = new Run({ recent: recents, onCredits: key.showCredits, onCompleted: correctBaseSize, onFailed: showFaults });
const showFrame = handles(() => scene.selected(), (changes) => form.set(changes));
const endSketch = regionTool((region) => form.set({ region, corners: null, gravity: "center" }));

let frameRequest = 0;
let announcement = 0; // timer
const files = new Map(); // pictures by name, for recent requests
let pictureSettled = () => {}; // called when a picture has loaded or failed
let batch = null; // a `Batch` once several bases are chosen

const isInBatch = () => batch?.has(base.picture);

function redraw() {
  cancelAnimationFrame(frameRequest);
  frameRequest = requestAnimationFrame(redrawNow);
}

function redrawNow() {
  list.show(errors.layersAtFault());
  byId("layer-title").textContent = `Layer: ${nameOf(layers.selected)}`;
  if (!base.picture) return;
  const shown = scene.drawables();
  const { params: output } = scene.effectOfOutput();
  draw(byId("preview"), base.picture, shown, output);
  results.ratio("board", base.picture);
  const framed = scene.selected();
  showFrame(framed);
  const { width, height } = base.picture;
  byId("preview-facts").textContent = [`${width} × ${height}`, framed && facts(framed)].filter(Boolean).join(" · ");
  byId("notes").textContent = scene.hasPreview() ? notes(base.picture, shown, output) : NO_PREVIEW;
  if (!layers.visible().length) return;
  const body = bodyOf(scene.request(), ({ url, name }) => url ?? { file: name });
  showCode((isInBatch() ? batch.code : requestCode)(origin, scene.model.name, body));
}

function facts({ params, placed: { size, corner }, isColour }) {
  if (params.corners) return "warped to four corners";
  return `${isColour ? "colour" : "overlay"} ${size.width} × ${size.height} at ${corner.x}, ${corner.y}`;
}

function announcePlacement() {
  const framed = scene.selected();
  if (!framed) return;
  const { params, placed: { corner, size } } = framed;
  const points = params.corners?.map((point) => point.map((value) => Math.round(value * 100)).join(", "));
  say(points ? `Corners at ${points.join("; ")} percent` : `Overlay at ${corner.x}, ${corner.y}, ${size.width} by ${size.height} pixels, rotated by ${params.rotation} degrees`);
}

function showLayer() {
  const layer = layers.selected;
  form.write({ ...layer.params, ...scene.output });
  disableFields();
  slots.show({ base_image: base, ...layer.pictures });
  byId("layer").dataset.layer = layer.kind;
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

/** A picture is loading, or was refused. */
function choiceUpdated(choice) {
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

async function loadBatch() {
  const { Batch } = await import("./batches/batch.js").catch(() => {
    throw new Unreachable();
  });
  return (batch ??= new Batch({ base, saved: () => scene.saved(toSaved), runs, recents, redraw, snapshot, onFailed: showFaults }));
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
  byId(first).focus();
}

function stageChoice() {
  if (isColour(layers.selected)) add("picture");
  return layers.selected.pictures.overlay_image;
}

function useModel(name) {
  const model = form.use(name);
  slots.use(byId("fields"));
  endSketch();
  for (const each of all("[data-of-layers]")) each.hidden = !model.isLayered;
  byId("model").value = name;
  scene.use(model);
}

function showExample(name) {
  press(all("[data-scene]"), ({ dataset }) => dataset.scene === name);
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

/** Waits until all pictures are loaded. Resolves to a submission (see `run.js`), or to null if there are faults. */
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

function snapshot() {
  redrawNow();
  const canvas = byId("preview");
  const copy = sheet(canvas.width, canvas.height);
  copy.drawImage(canvas, 0, 0);
  return copy.canvas;
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

errors.onChange(redraw);
byId("parameters").addEventListener("submit", submitted);
onClick(byId("reset"), () => form.set(layers.selected.start));
for (const button of all("[data-add]")) onClick(button, () => add(button.dataset.add));
for (const button of all("[data-scene]")) onClick(button, () => showExample(button.dataset.scene));
byId("model").addEventListener("change", ({ target }) => useModel(target.value));
showHelp(byId("parameters"), byId("help"));
keepFocusInView(byId("parameters"));
key.onChange(() => recents.reload());
useModel(byId("model").value);
showExample("cup");
runs.resume(key.value());
