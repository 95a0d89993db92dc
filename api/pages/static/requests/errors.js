/** Errors, shown at the fields they name; those of a layer while it is selected. */

import { ApiError } from "../api.js";

/** @typedef {{field: string, message: string, layer?: number}} Fault  field "" for what concerns no field */

const OF_THE_KEY = [401, 403, 406];
const LAYER = /^overlays\[(\d+)\](?:\.(\w+))?$/;

/** @type {Map<string, Fault>} of layers, shown or not */
const ofLayers = new Map();
let selected = 0;
let told = () => {};

const placeOf = (field) => document.querySelector(`[data-field="${CSS.escape(field)}"]`);
const isOfLayer = (field) => Boolean(placeOf(field)?.closest("#layer"));

/** Calls `listener` when layers with faults may have changed. */
export const onChange = (listener) => (told = listener);

export const layersAtFault = () => new Set([...ofLayers.values()].map(({ layer }) => layer));

/** `ids`: of the layers that the request had, the lowest first. */
export function faultsOf(error, ids) {
  if (!(error instanceof ApiError)) return [{ field: "", message: error.message }];
  if (error.errors.length) return error.errors.flatMap((fault) => spread(fault, ids));
  if (OF_THE_KEY.includes(error.status)) return [{ field: "key", message: error.message }];
  return [faultIn(error.message, ids)];
}

/** "base_image: not a picture" is about base_image. */
export function faultIn(text, ids) {
  const [, path, message] = /^([\w.[\]]+): (.*)$/s.exec(text) ?? [];
  const at = path && located(path, ids);
  return at && placeOf(at.field) ? { ...at, message } : { field: "", message: text };
}

/** The layer and field of a path such as "overlays[1].opacity". */
function located(path, ids) {
  const [, index, field = "parameters"] = LAYER.exec(path) ?? [];
  if (index !== undefined) return { layer: ids[index], field };
  return isOfLayer(path) || path === "parameters" ? { layer: ids.length === 1 ? ids[0] : undefined, field: path } : { field: path };
}

/** A contradiction is shown at every parameter in it. */
function spread({ field: path, message }, ids) {
  const { field, layer } = located(path, ids);
  if (field !== "parameters") return placeOf(field) ? { field, layer, message } : { field: "", message: `${path}: ${message}` };
  return message.split("; ").flatMap((sentence) => {
    const named = [...new Set(sentence.split(":")[0].match(/\w+/g))].filter(placeOf);
    if (!named.length) return { field: "", message: sentence };
    return named.map((name) => ({ field: name, layer: isOfLayer(name) ? layer : undefined, message: sentence }));
  });
}

/** Leaves the focus where it is. */
export function mark(faults) {
  for (const fault of faults) {
    if (fault.layer !== undefined) ofLayers.set(`${fault.layer} ${fault.field}`, fault);
    if (fault.layer === undefined || fault.layer === selected) markOne(fault);
  }
  told();
}

/** Focuses the first field. */
export function show(faults) {
  mark(faults);
  const first = faults.filter(({ layer }) => layer === undefined || layer === selected).map(({ field }) => controlOf(placeOf(field)));
  first.find(Boolean)?.focus();
}

/** Shows the faults of the layer `id` in place of those of another. */
export function showLayer(id) {
  if (id === selected) return;
  selected = id;
  for (const place of document.querySelectorAll("#layer .wrong")) unmark(place);
  for (const fault of ofLayers.values()) if (fault.layer === id) markOne(fault);
}

function markOne({ field, message }) {
  const place = placeOf(field);
  if (!place) {
    const general = document.getElementById("form-error");
    general.textContent = [general.textContent, message].filter(Boolean).join(" ");
    return;
  }
  place.closest("details")?.setAttribute("open", "");
  place.classList.add("wrong");
  place.querySelector(".error").textContent = message;
  controlOf(place)?.setAttribute("aria-invalid", "true");
}

export function clear(field, layer = isOfLayer(field) ? selected : undefined) {
  if (layer !== undefined && ofLayers.delete(`${layer} ${field}`)) told();
  if (layer === undefined || layer === selected) unmark(placeOf(field));
}

function unmark(place) {
  place?.classList.remove("wrong");
  place?.querySelector(".error").replaceChildren();
  for (const control of place?.querySelectorAll("[aria-invalid]") ?? []) control.removeAttribute("aria-invalid");
}

export function clearAll() {
  document.getElementById("form-error").replaceChildren();
  ofLayers.clear();
  for (const place of document.querySelectorAll(".wrong")) unmark(place);
  told();
}

function controlOf(place) {
  return place?.querySelector(place.matches(".by-url") ? ".url" : "[aria-describedby]") ?? null;
}
