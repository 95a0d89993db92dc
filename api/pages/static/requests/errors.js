/**
 * Shows errors at their fields; those of a layer only while it is selected. A fault is `{field, message, layer}`: `field` is ""
 * for a general error, `layer` the id of a layer.
 */

import { ApiError } from "../api.js";
import { all, byId } from "../dom.js";

const KEY_ERRORS = [401, 403, 406];
const LAYER = /^overlays\[(\d+)\](?:\.(\w+))?$/;

const layerFaults = new Map(); // by layer and field
let selected = 0;
let changed = () => {};

const elementOf = (field) => document.querySelector(`[data-field="${CSS.escape(field)}"]`);
const isLayerField = (field) => Boolean(elementOf(field)?.closest("#layer"));

export const onChange = (listener) => (changed = listener);

export const layersAtFault = () => new Set([...layerFaults.values()].map(({ layer }) => layer));

/** `layerIds`: of the layers in the request, the lowest first. */
export function faultsOf(error, layerIds) {
  if (!(error instanceof ApiError)) return [{ field: "", message: error.message }];
  if (error.errors.length) return error.errors.flatMap((fault) => splitByField(fault, layerIds));
  if (KEY_ERRORS.includes(error.status)) return [{ field: "key", message: error.message }];
  return [faultIn(error.message, layerIds)];
}

/** The fault in a text such as "base_image: not a picture". */
export function faultIn(text, layerIds) {
  const [, path, message] = /^([\w.[\]]+): (.*)$/s.exec(text) ?? [];
  const location = path && locate(path, layerIds);
  return location && elementOf(location.field) ? { ...location, message } : { field: "", message: text };
}

/** The layer and field of a path such as "overlays[1].opacity". */
function locate(path, layerIds) {
  const [, index, field = "parameters"] = LAYER.exec(path) ?? [];
  if (index !== undefined) return { layer: layerIds[index], field };
  if (!isLayerField(path) && path !== "parameters") return { field: path };
  return { layer: layerIds.length === 1 ? layerIds[0] : undefined, field: path };
}

/** A contradiction becomes a fault of each parameter that it names. */
function splitByField({ field: path, message }, layerIds) {
  const { field, layer } = locate(path, layerIds);
  if (field !== "parameters") return elementOf(field) ? { field, layer, message } : { field: "", message: `${path}: ${message}` };
  return message.split("; ").flatMap((sentence) => {
    const names = [...new Set(sentence.split(":")[0].match(/\w+/g))].filter(elementOf);
    if (!names.length) return { field: "", message: sentence };
    return names.map((name) => ({ field: name, layer: isLayerField(name) ? layer : undefined, message: sentence }));
  });
}

/** The names of the fields at fault; "" if a fault is at none. */
export const fieldsOf = (faults) => (faults.every(({ field }) => field) ? [...new Set(faults.map(({ field }) => field))].join(", ") : "");

/** Shows faults without moving the focus. */
export function mark(faults) {
  for (const fault of faults) {
    if (fault.layer !== undefined) layerFaults.set(`${fault.layer} ${fault.field}`, fault);
    if (isVisible(fault)) markOne(fault);
  }
  changed();
}

/** Shows faults and focuses the first field. */
export function show(faults) {
  mark(faults);
  const controls = faults.filter(isVisible).map(({ field }) => controlOf(elementOf(field)));
  controls.find(Boolean)?.focus();
}

const isVisible = ({ layer }) => layer === undefined || layer === selected;

/** Shows the faults of the layer `id` instead of the last layer's. */
export function showLayer(id) {
  if (id === selected) return;
  selected = id;
  all("#layer .wrong").forEach(unmark);
  for (const fault of layerFaults.values()) if (fault.layer === id) markOne(fault);
}

function markOne({ field, message }) {
  const element = elementOf(field);
  if (!element) {
    const general = byId("form-error");
    general.textContent = [general.textContent, message].filter(Boolean).join(" ");
    return;
  }
  element.closest("details")?.setAttribute("open", "");
  element.classList.add("wrong");
  element.querySelector(".error").textContent = message;
  controlOf(element)?.setAttribute("aria-invalid", "true");
}

export function clear(field, layer = isLayerField(field) ? selected : undefined) {
  if (layer !== undefined && layerFaults.delete(`${layer} ${field}`)) changed();
  const element = elementOf(field);
  if (element && isVisible({ layer })) unmark(element);
}

function unmark(element) {
  element.classList.remove("wrong");
  element.querySelector(".error").textContent = "";
  for (const control of all("[aria-invalid]", element)) control.ariaInvalid = null;
}

export function clearAll() {
  byId("form-error").textContent = "";
  layerFaults.clear();
  all(".wrong").forEach(unmark);
  changed();
}

const controlOf = (element) => element?.querySelector(element.matches(".by-url") ? ".url" : "[aria-describedby]") ?? null;
