/** The fields of the parameters, the selected layer's and the answer's. Defaults are those of the document. */

import { isConvex } from "./quad.js";

export class ParameterForm {
  /** @type {{layer: Record<string, any>, answer: Record<string, any>}} */
  defaults;

  /** `layer` is the part of the form with a layer's fields. */
  constructor(form, layer) {
    this.controls = new Map([...form.querySelectorAll("[data-kind]")].map((control) => [control.name, control]));
    this.companions = new Map([...form.querySelectorAll("[data-for]")].map((control) => [control.dataset.for, control]));
    this.isOfLayer = (name) => layer.contains(this.controls.get(name) ?? null);
    this.defaults = this.#each(initial);
    this.changed = new EventTarget();
    form.addEventListener("input", ({ target }) => this.#typed(target));
    form.addEventListener("focusout", ({ target }) => target.validity?.badInput && this.#tell([target.name]));
    for (const button of form.querySelectorAll("[data-unset]")) {
      button.addEventListener("click", () => this.set({ [button.dataset.unset]: null }));
    }
  }

  /** Calls `listener` with the names of the parameters that changed. */
  onChange(listener) {
    this.changed.addEventListener("change", ({ detail }) => listener(detail));
  }

  /** Every parameter as it is typed, of the layer and of the answer; null for an empty field. */
  typed() {
    return this.#each(read);
  }

  set(changes) {
    this.write(changes);
    this.#tell(Object.keys(changes));
  }

  /** Sets without telling. */
  write(changes) {
    for (const [name, value] of Object.entries(changes)) {
      write(this.controls.get(name), value);
      this.#follow(name);
    }
  }

  /** Disables the fields of these parameters, and no others. */
  disable(off) {
    for (const [name, control] of this.controls) control.disabled = off.has(name);
  }

  /** Values that the service would refuse, each field by itself. */
  faults() {
    const found = [...this.controls].map(([field, control]) => ({ field, message: fault(control) }));
    return found.filter(({ message }) => message);
  }

  /** Whether it holds the start of a value, such as a minus sign. */
  isUnfinished(name) {
    const control = this.controls.get(name);
    return (control.validity.badInput || isList(control)) && control === document.activeElement;
  }

  #each(of) {
    const found = { layer: {}, answer: {} };
    for (const [name, control] of this.controls) found[this.isOfLayer(name) ? "layer" : "answer"][name] = of(control);
    return found;
  }

  #typed(target) {
    const name = target.dataset.for ?? target.name;
    if (!this.controls.has(name)) return;
    if (target.dataset.for) write(this.controls.get(name), target.value);
    else this.#follow(name);
    this.#tell([name]);
  }

  /** Copies the value to the slider or colour picker. */
  #follow(name) {
    const companion = this.companions.get(name);
    const text = this.controls.get(name).value;
    if (companion && (companion.type !== "color" || /^#[0-9a-f]{6}$/i.test(text))) companion.value = text;
  }

  #tell(names) {
    this.changed.dispatchEvent(new CustomEvent("change", { detail: names }));
  }
}

/** Why the service would refuse the value, or "". */
function fault(control) {
  if (control.disabled) return "";
  if (control.validity.badInput) return "is not a number";
  const rule = broken(control, read(control));
  return rule && `${control.value} is not allowed: must be ${rule}`;
}

const isList = ({ dataset: { kind } }) => kind === "numbers" || kind === "points";

function broken(control, given) {
  const { dataset, min, max, validity } = control;
  if (given === null) return isList(control) && control.value.trim() ? LISTS[dataset.kind].rule(dataset) : "";
  if (validity.patternMismatch) return "#rgb or #rrggbb";
  if (dataset.kind === "integer" && !Number.isInteger(given)) return "a whole number";
  if (dataset.above !== undefined && given <= Number(dataset.above)) return `above ${dataset.above}, at most ${max}`;
  return validity.rangeUnderflow || validity.rangeOverflow ? `from ${min} to ${max}` : "";
}

/** The value; null for an empty field, and for a list that is none. */
function read(control) {
  return control.dataset.kind === "boolean" ? control.checked : parsed(control, control.value);
}

function initial(control) {
  if (control.dataset.kind === "boolean") return control.defaultChecked;
  if (control instanceof HTMLSelectElement) return [...control.options].find((option) => option.defaultSelected).value;
  return parsed(control, control.defaultValue);
}

function parsed(control, text) {
  if (text.trim() === "") return null;
  if (isList(control)) return list(control.dataset, text);
  return control.dataset.kind === "string" ? text.trim() : Number(text);
}

const LISTS = {
  numbers: {
    of: (numbers) => numbers,
    holds: ([, , width, height]) => width > 0 && height > 0,
    rule: ({ count, low, high }) => `${count} numbers from ${low} to ${high}, the last two above 0`,
  },
  points: {
    of: (numbers) => numbers.flatMap((_, at) => (at % 2 ? [] : [numbers.slice(at, at + 2)])),
    holds: isConvex,
    rule: ({ count, low, high }) => `${count} points from ${low} to ${high}: a convex quadrilateral, clockwise from the top left`,
  },
};

function list({ kind, count, low, high }, text) {
  const numbers = text.split(/[\s,;[\]]+/).filter(Boolean).map(Number);
  const items = LISTS[kind].of(numbers);
  const isWhole = items.length === Number(count) && items.every((item) => kind === "numbers" || item.length === 2);
  return isWhole && numbers.every((each) => each >= low && each <= high) && LISTS[kind].holds(items) ? items : null;
}

function write(control, value) {
  if (control.dataset.kind === "boolean") control.checked = value;
  else control.value = value === null ? "" : text(value);
}

const text = (value) => (Array.isArray(value) ? value.map((each) => [each].flat().join(" ")).join(", ") : String(value));
