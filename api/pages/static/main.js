/** The page: creates its parts and connects them. */

import { Choice } from "./choice.js";
import { codeCard } from "./code.js";
import * as errors from "./errors.js";
import { ParameterForm } from "./form.js";
import { placement } from "./geometry.js";
import { centred, fitted, handles } from "./handles.js";
import { keyField } from "./key.js";
import { LayerList, nameOf } from "./layer-list.js";
import { Layers } from "./layers.js";
import { keepFocusInView, showHelp } from "./panel.js";
import { effective, given } from "./parameters.js";
import { fromUrl, sampleAt } from "./pictures.js";
import { pins } from "./pins.js";
import { notes, previewer } from "./preview.js";
import { cornersOf } from "./quad.js";
import { Recent } from "./recent.js";
import { regionTool } from "./region.js";
import { bodyOf } from "./request.js";
import { ResultView, ratio } from "./result.js";
import { Run } from "./run.js";
import { SCENES } from "./scenes.js";
import { Slots } from "./slots.js";

const { origin, maxInputBytes } = document.documentElement.dataset;
const QUIET_MS = 400; // after the last change, before it is announced to screen readers
const NEW_COLOUR = "#c02030";
const SHIFT = 10; // pixels, of a displacement map that was just chosen
const ALL_HIDDEN = "Every layer is hidden: show one.";

const part = (id) => document.getElementById(id);
const key = keyField();
const form = new ParameterForm(part("parameters"));
const ofLayer = [...form.controls.keys()].filter((name) => form.controls.get(name).closest("#layer"));
const ofAnswer = [...form.controls.keys()].filter((name) => !ofLayer.includes(name));
const defaults = form.defaults;

const choosing = { loading: pictureLoading, changed: pictureChanged, failed: pictureRefused };
const base = new Choice("base_image", null, choosing);
const layers = new Layers({ ...choosing, listed: layersChanged });
const list = new LayerList(layers, (text) => (part("announcer").textContent = text));
const slots = new Slots(origin, Number(maxInputBytes), { typed: (choice, fault) => marked(choice, fault), onStage: stageChoice });
let settled = () => {}; // a picture has loaded, or not

const draw = previewer();
const code = codeCard(origin);
const results = new ResultView();
const recents = new Recent(key.fingerprint, showAgain);
const runs = new Run({ recent: recents, results, accepted: key.accepted, ended: learnSize, failed: showFaults });
const parts = Object.fromEntries(["board", "frame", "bounds", "mover", "scaler", "rotator", "quad", "inside"].map((id) => [id, part(id)]));
parts.pins = [...document.querySelectorAll(".pin")];
const frame = handles(parts, scene, (changes) => form.set(changes));
const corners = pins(parts, scene, (changes) => form.set(changes));
const tools = {
  centre: () => framed() && form.set(centred(scene())),
  fit: () => framed() && form.set(fitted(scene())),
  reset: () => form.set(layers.selected.start),
  warp: () => framed() && form.set({ corners: scene().params.corners ? null : cornersOf(scene().params, scene().placed) }),
};

let drawing = 0;
let quiet = 0;

/* The scene: a base, layers, an answer. */

const isColour = ({ kind }) => kind === "colour";

function traits(layer) {
  return { isColour: isColour(layer), has: (name) => Boolean(layer.pictures[name].picture) };
}

const effectOf = (layer) => effective(layer.params, traits(layer), defaults);

const answer = () => {
  const typed = form.typed();
  return effective(Object.fromEntries(ofAnswer.map((name) => [name, typed[name]])), traits(layers.selected), defaults);
};

function picturesOf(layer) {
  const names = isColour(layer) ? ["mask", "displacement_map"] : Object.keys(layer.pictures);
  return Object.fromEntries(names.map((name) => [name, layer.pictures[name].picture]).filter(([, picture]) => picture));
}

const choices = () => [base, ...layers.all.flatMap(({ pictures }) => Object.values(pictures))];

const isComplete = (layer) => (isColour(layer) ? layer.params.color !== null : Boolean(layer.pictures.overlay_image.picture));

/** The selected layer's parameters, and the placement they give. */
function scene() {
  return placedScene(layers.selected);
}

function placedScene(layer) {
  const { params } = effectOf(layer);
  const overlay = isColour(layer) ? null : layer.pictures.overlay_image.picture;
  return { params, placed: placement(params, overlay, base.picture), isColour: isColour(layer) };
}

/** Whether the selected layer can be drawn and framed. */
const framed = () => Boolean(base.picture) && isComplete(layers.selected) && !layers.selected.hidden;

function drawables() {
  const shown = layers.visible().filter(isComplete);
  return shown.map((layer) => ({ key: layer, pictures: picturesOf(layer), params: effectOf(layer).params }));
}

/** What a request is made of; see request.js. */
function request() {
  const shown = layers.visible().map((layer) => ({ pictures: picturesOf(layer), params: given(effectOf(layer).params, defaults) }));
  return { base: base.picture, layers: shown, answer: given(answer().params, defaults) };
}

/* What is shown of it. */

function redraw() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(redrawNow);
}

function redrawNow() {
  list.show(errors.layersAtFault());
  if (!base.picture) return;
  const shown = drawables();
  draw(part("preview"), base.picture, shown, answer().params);
  ratio("board", base.picture);
  showFrame();
  part("notes").textContent = notes(base.picture, shown, answer().params);
  if (layers.visible().length) code.show(bodyOf(request(), ({ url, name }) => url ?? { file: name }));
}

function showFrame() {
  const on = framed();
  const shown = on ? scene() : null;
  const isWarped = Boolean(shown?.params.corners);
  part("frame").hidden = !on || isWarped;
  part("bounds").hidden = !on || isWarped;
  part("quad-frame").hidden = !isWarped;
  if (on) (isWarped ? corners : frame).show(shown);
  for (const name of ["centre", "fit"]) tool(name).disabled = !on || isWarped;
  tool("warp").disabled = !on;
  tool("warp").setAttribute("aria-pressed", String(isWarped));
  part("preview-facts").textContent = facts(shown);
}

const tool = (name) => document.querySelector(`[data-tool="${name}"]`);

function facts(shown) {
  const { width, height } = base.picture;
  return [`${width} × ${height}`, shown && factsOf(shown)].filter(Boolean).join(" · ");
}

function factsOf({ params, placed: { size, corner }, isColour }) {
  if (params.corners) return "warped to four corners";
  return `${isColour ? "colour" : "overlay"} ${size.width} × ${size.height} at ${corner.x}, ${corner.y}`;
}

function announce() {
  if (!framed()) return;
  const { params, placed } = scene();
  const { corner, size } = placed;
  part("announcer").textContent = params.corners
    ? `Corners at ${params.corners.map(([x, y]) => `${Math.round(x * 100)}, ${Math.round(y * 100)}`).join("; ")} percent`
    : `Overlay at ${corner.x}, ${corner.y}, ${size.width} by ${size.height} pixels, turned by ${params.rotation} degrees`;
}

/** The form and the slots show the selected layer. */
function layersChanged() {
  const { selected } = layers;
  form.write(selected.params);
  switchFields();
  slots.show({ base_image: base, ...selected.pictures });
  part("layer").dataset.layer = selected.kind;
  part("layer-title").textContent = `Layer: ${nameOf(selected)}`;
  errors.showLayer(selected.id);
  results.outdate();
  redraw();
}

/** Disables fields without effect. */
function switchFields() {
  form.disable(new Set([...effectOf(layers.selected).off, ...answer().off]));
}

/* What changes it. */

function parametersChanged(names) {
  const typed = form.typed();
  for (const name of ofLayer) layers.selected.params[name] = typed[name];
  switchFields();
  const off = [...form.controls.keys()].filter((name) => form.controls.get(name).disabled);
  for (const name of [...names, ...off]) errors.clear(name);
  mark(form.faults().filter(({ field }) => names.includes(field) && !form.isUnfinished(field)));
  part("layer-title").textContent = `Layer: ${nameOf(layers.selected)}`;
  results.outdate();
  redraw();
  clearTimeout(quiet);
  quiet = setTimeout(announce, QUIET_MS);
}

/** Faults of fields as they are shown: those of a layer are the selected one's. */
const mark = (faults) => errors.mark(faults.map(ofSelected));

const ofSelected = (fault) => (ofLayer.includes(fault.field) ? { ...fault, layer: layers.selected.id } : fault);

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

/** On another base whose size is known each overlay keeps its relative place and size. */
function pictureChanged(choice) {
  const { name, layer, picture } = choice;
  slots.update(choice);
  if (name === "base_image") layers.all.forEach(carryOver);
  if (name === "displacement_map" && picture && !layer.params.displacement_x && !layer.params.displacement_y) {
    Object.assign(layer.params, { displacement_x: SHIFT, displacement_y: SHIFT });
  }
  layersChanged();
  results.endComparison();
  settled();
}

function carryOver(layer) {
  if (!base.picture || base.picture.guessed) return;
  const overlay = layer.pictures.overlay_image.picture;
  const { params } = effectOf(layer);
  const isFree = overlay && !overlay.guessed && !params.region && !params.corners;
  Object.assign(layer.params, layer.carry(params, isFree ? overlay : null, base.picture));
}

/** A result has the size of its base, which this page could only guess if the base is on another site. */
function learnSize({ request: { base: picture } }, { width, height }) {
  if (!picture.guessed) return;
  Object.assign(picture, { width, height, guessed: false });
  if (base.picture !== picture) return;
  for (const layer of layers.all) layer.carry(effectOf(layer).params, null, picture);
  slots.update(base);
  redraw();
}

function add(kind) {
  const layer = layers.add(kind, { ...only(defaults, ofLayer), ...(kind === "colour" ? { color: NEW_COLOUR } : { gravity: "center", scale_to: 0.4 }) });
  carryOver(layer);
  list.say(`${kind === "colour" ? "Colour" : "Picture"} layer added`);
  (kind === "colour" ? part("p-color") : part("f-overlay_image")).focus();
}

const only = (values, names) => Object.fromEntries(names.map((name) => [name, values[name]]));

/** The choice that a file dropped on the preview is for. */
function stageChoice() {
  if (isColour(layers.selected)) add("picture");
  return layers.selected.pictures.overlay_image;
}

function drawnRegion(region) {
  form.set({ region, corners: null, gravity: "center", tile: false });
}

/** In place of all layers those of an example or a request: `load` says how each picture is loaded, or null. */
function replaceLayers(saved, load) {
  const made = layers.replace(saved.map((layer) => ({ ...layer, params: { ...only(defaults, ofLayer), ...layer.params } })));
  made.forEach((layer, at) => {
    for (const [name, from] of Object.entries(saved[at].pictures)) layer.pictures[name].take(load(from));
    carryOver(layer);
  });
}

function showExample(name) {
  const { base: file, layers: saved } = SCENES[name];
  for (const button of document.querySelectorAll("[data-scene]")) button.setAttribute("aria-pressed", String(button.dataset.scene === name));
  base.picture = null; // nothing is carried over from it
  form.write(only(defaults, ofAnswer));
  replaceLayers(saved, (sample) => sampleAt(origin, sample));
  base.take(sampleAt(origin, file));
}

/* What is submitted. */

function submitted(event) {
  event.preventDefault();
  return runs.start(order);
}

/** What to submit, once all pictures are loaded; null if there are faults. */
async function order() {
  while (choices().some(({ isLoading }) => isLoading)) await new Promise((resolve) => (settled = resolve));
  const faults = [...refused(), ...form.faults().map(ofSelected)];
  if (!layers.visible().length) faults.push({ field: "", message: ALL_HIDDEN });
  if (!key.value()) faults.unshift({ field: "key", message: "Type your API key: `superimpose up` prints one." });
  errors.clearAll();
  showFaults(faults);
  if (faults.length) return null;
  redrawNow();
  results.expect();
  return { key: key.value(), request: request(), ids: layers.visible().map(({ id }) => id), saved: saved(), preview: copyOf(part("preview")) };
}

/** Pictures that could not be taken, and layers without one. */
function refused() {
  const found = choices().filter(({ error, layer }) => error && !layer?.hidden).map(({ name, layer, error }) => ({ field: name, layer: layer?.id, message: error }));
  const empty = layers.visible().filter((layer) => !isComplete(layer) && !layer.pictures.overlay_image.error);
  return [...found, ...empty.map((layer) => (isColour(layer) ? { field: "color", layer: layer.id, message: "Type a colour." } : { field: "overlay_image", layer: layer.id, message: "Choose a picture." }))];
}

/** Selects the first layer that is at fault. */
function showFaults(faults) {
  const layer = layers.byId(faults.find(({ field }) => field)?.layer);
  if (layer) layers.select(layer);
  errors.show(faults);
}

function copyOf(canvas) {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

/** The scene as a recent request keeps it: pictures by their URLs, and files only by their names. */
function saved() {
  const kept = ({ url, name }) => (url && !/^data:/i.test(url) ? { url } : { name });
  const saveLayer = (layer) => {
    const pictures = Object.entries(picturesOf(layer)).map(([name, picture]) => [name, kept(picture)]);
    return { id: layer.id, kind: layer.kind, hidden: layer.hidden, params: { ...layer.params }, pictures: Object.fromEntries(pictures) };
  };
  return { base: kept(base.picture), answer: only(form.typed(), ofAnswer), layers: layers.all.map(saveLayer) };
}

/** Restores the scene and the picture of a recent request; of files, those that the page still has. */
function showAgain({ scene: { base: file, answer, layers: all }, result }) {
  const known = new Map(choices().filter(({ picture }) => picture?.blob).map(({ picture }) => [picture.name, picture]));
  const load = ({ url, name }) => async () => {
    if (url) return fromUrl(url, origin);
    if (known.has(name)) return known.get(name);
    throw new Error(`${name} was a file: choose it again`);
  };
  form.write(answer);
  replaceLayers(all, load);
  if (file.url && file.url !== base.picture?.url) {
    base.picture = null;
    base.take(load(file));
  }
  results.expect();
  if (result) results.show(result, null);
}

form.onChange(parametersChanged);
errors.onChange(redraw);
part("parameters").addEventListener("submit", submitted);
for (const [name, act] of Object.entries(tools)) tool(name).addEventListener("click", act);
for (const button of document.querySelectorAll("[data-add]")) button.addEventListener("click", () => add(button.dataset.add));
for (const button of document.querySelectorAll("[data-scene]")) button.addEventListener("click", () => showExample(button.dataset.scene));
regionTool({ board: part("board"), sheet: part("sketch"), button: part("region-tool") }, drawnRegion);
showHelp(part("parameters"), part("help"));
keepFocusInView(part("parameters"), { top: part("work"), bottom: part("foot") });
key.onChange(() => recents.reload());
showExample("cup");
runs.resume(key.value());
