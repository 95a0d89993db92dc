/** The page: creates its parts and connects them. */

import { Unreachable } from "./api.js";
import { codeCard } from "./code.js";
import * as errors from "./requests/errors.js";
import { ParameterForm } from "./scene/form.js";
import { centred, fitted, handles } from "./canvas/handles.js";
import { keyField } from "./key.js";
import { LayerList, nameOf } from "./scene/layer-list.js";
import { keepFocusInView, showHelp } from "./scene/panel.js";
import { movingFormat } from "./scene/parameters.js";
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
const QUIET_MS = 400; // after the last change, before it is announced to screen readers
const NOT_DRAWN = "Only the base is shown: what this model makes of it comes with the result.";
const NEW = {
  picture: { params: { gravity: "center", scale_to: 0.4 }, first: "f-overlay_image", said: "Picture layer added" },
  colour: { params: { color: "#c02030", blend_mode: "multiply" }, first: "p-color", said: "Colour layer added" },
};

const part = (id) => document.getElementById(id);
const tool = (name) => document.querySelector(`[data-tool="${name}"]`);

/** To screen readers, in place of what was to be said of a change before. */
function say(text) {
  clearTimeout(quiet);
  part("announcer").textContent = text;
}

const key = keyField();
const form = new ParameterForm(part("parameters"), part("fields"));
const told = { loading: pictureLoading, changed: pictureChanged, failed: pictureRefused, listed: showLayer };
const scene = new Scene(told);
const { base, layers } = scene;
const list = new LayerList(layers, say);
const slots = new Slots(origin, Number(maxInputBytes), { typed: marked, onStage: stageChoice, many: (items) => base.take(async () => (await many()).choose(items)) });
const draw = previewer();
const code = codeCard();
const results = new ResultView();
const recents = new Recent(key, showAgain, async ({ id }) => (await many()).open(key.value(), id));
const runs = new Run({ recent: recents, results, accepted: key.accepted, ended: learnSize, failed: showFaults });
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

let drawing = 0;
let quiet = 0;
const files = new Map(); // pictures that a recent request has only the name of
let settled = () => {}; // a picture has loaded, or not
/** @type {import("./batches/batch.js").Batch | null} */
let batch = null; // once there are many bases

const isOfBatch = () => batch?.has(base.picture);
const isFramed = () => scene.isShown(layers.selected);

function redraw() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(redrawNow);
}

function redrawNow() {
  list.show(errors.layersAtFault());
  part("layer-title").textContent = `Layer: ${nameOf(layers.selected)}`;
  if (!base.picture) return;
  const shown = scene.drawables();
  const { params: answer } = scene.effectOfAnswer();
  draw(part("preview"), base.picture, shown, answer);
  ratio("board", base.picture);
  showFrame(isFramed() ? selected() : null);
  part("notes").textContent = scene.isDrawn() ? notes(base.picture, shown, answer) : NOT_DRAWN;
  if (!layers.visible().length) return;
  const body = bodyOf(scene.request(), ({ url, name }) => url ?? { file: name });
  code.show((isOfBatch() ? batch.code : requestCode)(origin, scene.model.name, body));
}

/** Round the selected layer, if it shows. */
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

function announce() {
  if (!isFramed()) return;
  const { params, placed } = selected();
  const { corner, size } = placed;
  const at = params.corners?.map((point) => point.map((value) => Math.round(value * 100)).join(", "));
  say(at ? `Corners at ${at.join("; ")} percent` : `Overlay at ${corner.x}, ${corner.y}, ${size.width} by ${size.height} pixels, turned by ${params.rotation} degrees`);
}

/** In the form and the slots. */
function showLayer() {
  const layer = layers.selected;
  form.write({ ...layer.params, ...scene.answer });
  disableFields();
  slots.show({ base_image: base, ...layer.pictures });
  part("layer").dataset.layer = layer.kind;
  errors.showLayer(layer.id);
  results.outdate();
  redraw();
}

/** Those without effect; returns their names. */
function disableFields() {
  const off = new Set([...scene.effectOf(layers.selected).off, ...scene.effectOfAnswer().off]);
  form.disable(off);
  return off;
}

function parametersChanged(names) {
  const { layer, answer } = form.typed();
  const format = names.includes("animation") && movingFormat(answer);
  if (format) {
    say(`image_format is ${format} now, which holds animations`);
    return form.set({ animation: answer.animation, image_format: format });
  }
  Object.assign(layers.selected.params, layer);
  Object.assign(scene.answer, answer);
  for (const name of [...names, ...disableFields()]) errors.clear(name);
  errors.mark(formFaults().filter(({ field }) => names.includes(field) && !form.isUnfinished(field)));
  results.outdate();
  redraw();
  clearTimeout(quiet);
  quiet = setTimeout(announce, QUIET_MS);
}

const formFaults = () => form.faults().map((fault) => (form.isOfLayer(fault.field) ? { ...fault, layer: layers.selected.id } : fault));

function marked({ name, layer }, message) {
  errors.clear(name, layer?.id);
  if (message) errors.mark([{ field: name, layer: layer?.id, message }]);
}

function pictureLoading(choice) {
  marked(choice, "");
  slots.update(choice);
}

function pictureRefused(choice) {
  marked(choice, choice.error);
  slots.update(choice);
  settled();
}

function pictureChanged({ name, layer, picture }) {
  if (name === "base_image") batch?.mark(picture) ? scene.stayAll() : scene.carryAll();
  if (picture && kept(picture).name && !isOfBatch()) files.set(picture.name, picture);
  if (name === "displacement_map" && picture) scene.displaceByDefault(layer);
  showLayer();
  results.endComparison();
  settled();
}

/** The part of the page for many bases, which is loaded when there are some. */
async function many() {
  const { Batch } = await import("./batches/batch.js").catch(() => {
    throw new Unreachable();
  });
  return (batch ??= new Batch({ base, saved: () => scene.saved(kept), runs, recents, results, redraw, snapshot, failed: showFaults }));
}

/** A result has the size of its base, which this page could only guess if the base is on another site. */
function learnSize({ request }, size) {
  if (!request.base.guessed || base.picture !== request.base) return;
  scene.learnSize(size);
  slots.update(base);
  redraw();
}

function add(kind) {
  const { params, first, said } = NEW[kind];
  scene.add(kind, params);
  say(said);
  part(first).focus();
}

/** The choice that a file dropped on the preview is for. */
function stageChoice() {
  if (isColour(layers.selected)) add("picture");
  return layers.selected.pictures.overlay_image;
}

/** The form for a model, and what it shows of layers. */
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
  if (!isOfBatch()) return runs.start(order);
  runs.hide();
  return batch.start(order);
}

/** What to submit, once all pictures are loaded; null if there are faults. */
async function order() {
  while (scene.choices().some(({ isLoading }) => isLoading)) await new Promise((resolve) => (settled = resolve));
  const faults = [...scene.faults(), ...formFaults()];
  if (!key.value()) faults.unshift({ field: "key", message: "Type your API key: `superimpose up` prints one." });
  errors.clearAll();
  showFaults(faults);
  if (faults.length) return null;
  results.expect();
  const ids = layers.visible().map(({ id }) => id);
  return { key: key.value(), request: scene.request(), ids, saved: scene.saved(kept), preview: snapshot() };
}

/** Selects the first layer that is at fault. */
function showFaults(faults) {
  const layer = layers.byId(faults.find(({ field }) => field)?.layer);
  if (layer) layers.select(layer);
  errors.show(faults);
}

/** The preview as it is now. */
function snapshot() {
  redrawNow();
  const canvas = part("preview");
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

/** A picture as a recent request names it: files, and what is as long, only by their names. */
const kept = ({ url, name }) => (url && !/^data:/i.test(url) ? { url } : { name });

/** Restores the scene and the picture of a recent request; of files, those that the page still has. */
function showAgain({ scene: { model, base: file, ...rest }, result }) {
  const loader = ({ url, name }) => async () => {
    if (url) return fromUrl(url, origin);
    if (files.has(name)) return files.get(name);
    throw new Error(`${name} was a file: choose it again`);
  };
  if (model !== scene.model.name) useModel(model);
  if (file.url && file.url !== base.picture?.url) scene.restoreBase(loader(file));
  scene.restore(rest, loader);
  results.expect();
  if (result) results.show(result, null);
}

form.onChange(parametersChanged);
errors.onChange(redraw);
part("parameters").addEventListener("submit", submitted);
for (const [name, act] of Object.entries(tools)) tool(name).addEventListener("click", act);
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
