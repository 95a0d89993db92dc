/** Errors, shown at the fields they name. */

import { ApiError } from "./api.js";

/** @typedef {{field: string, message: string}} Fault  field "" for what concerns no field */

const OF_THE_KEY = [401, 403, 406];

const placeOf = (field) => document.querySelector(`[data-field="${CSS.escape(field)}"]`);

export function faultsOf(error) {
  if (!(error instanceof ApiError)) return [{ field: "", message: error.message }];
  if (error.errors.length) return error.errors.flatMap(spread);
  if (OF_THE_KEY.includes(error.status)) return [{ field: "key", message: error.message }];
  return [faultIn(error.message)];
}

/** "base_image: not a picture" is about base_image. */
export function faultIn(text) {
  const [, field, message] = /^(\w+): (.*)$/s.exec(text) ?? [];
  return field && placeOf(field) ? { field, message } : { field: "", message: text };
}

/** A contradiction is shown at every parameter in it. */
function spread({ field, message }) {
  if (field !== "parameters") return [placeOf(field) ? { field, message } : { field: "", message: `${field}: ${message}` }];
  return message.split("; ").flatMap((sentence) => {
    const named = [...new Set(sentence.match(/\w+/g))].filter((word) => word.includes("_") || word === "tile").filter(placeOf);
    return named.length ? named.map((name) => ({ field: name, message: sentence })) : [{ field: "", message: sentence }];
  });
}

/** Leaves the focus where it is. */
export const mark = (faults) => faults.forEach(markOne);

/** Focuses the first field. */
export function show(faults) {
  mark(faults);
  const first = faults.map(({ field }) => controlOf(placeOf(field))).find(Boolean);
  first?.focus();
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

export function clear(field) {
  const place = placeOf(field);
  place?.classList.remove("wrong");
  place?.querySelector(".error").replaceChildren();
  for (const control of place?.querySelectorAll("[aria-invalid]") ?? []) control.removeAttribute("aria-invalid");
}

export function clearAll() {
  document.getElementById("form-error").replaceChildren();
  for (const place of document.querySelectorAll(".wrong")) clear(place.dataset.field);
}

function controlOf(place) {
  return place?.querySelector(place.matches(".by-url") ? ".url" : "[aria-describedby]") ?? null;
}
