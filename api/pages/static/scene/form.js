/** The fields of a model's parameters, the selected layer's and the answer's. Defaults are those of the document. */

import { isConvex } from "../canvas/quad.js";

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {boolean} isLayered
 * @property {string[]} pictures  that a layer may have
 * @property {{layer: Record<string, any>, answer: Record<string, any>}} defaults
 */

export class ParameterForm {
  /** `fields` is the part of the form for the fields of a model. */
  constructor(form, fields) {
    this.form = form;
    this.fields = fields;
    this.changed = new EventTarget();
    form.addEventListener("input", ({ target }) => this.#typed(target));
    form.addEventListener("focusout", ({ target }) => target.validity?.badInput && this.#tell([target.name]));
    form.addEventListener("click", ({ target: { dataset } }) => "unset" in dataset && this.set({ [dataset.unset]: null }));
  }

  /** Shows the fields of a model in place of another's. @returns {Model} */
  use(name) {
    const template = this.form.querySelector(`template[data-model="${CSS.escape(name)}"]`);
    this.fields.replaceChildren(template.content.cloneNode(true));
    const all = (selector) => [...this.fields.querySelectorAll(selector)];
    this.controls = new Map(all("[data-kind]").map((control) => [control.name, control]));
    this.companions = new Map(all("[data-for]:not([data-word])").map((control) => [control.dataset.for, control]));
    const pictures = all("#layer .slot").map(({ dataset }) => dataset.field);
    return { name, isLayered: "layered" in template.dataset, pictures, defaults: this.typed() };
  }

  isOfLayer(name) {
    return Boolean(this.controls.get(name)?.closest("#layer"));
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

  /** Sets without telling, and passes over what the model does not have. */
  write(changes) {
    for (const [name, value] of Object.entries(changes)) {
      if (!this.controls.has(name)) continue;
      write(this.controls.get(name), value);
      this.#follow(name);
    }
  }

  /** Disables the fields of these parameters, and no others. */
  disable(off) {
    for (const [name, control] of this.controls) {
      for (const each of [control, wordOf(control)]) if (each) each.disabled = off.has(name);
    }
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
    const control = this.controls.get(name);
    if (!control) return;
    const word = wordOf(control);
    if (word !== target) {
      if (word) word.checked = false;
      if (target.dataset.for) control.value = target.value;
      else this.#follow(name);
    }
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

/** The box for a word in place of a number, where there is one. */
const wordOf = (control) => control.parentElement.querySelector("[data-word]");

/** Why the service would refuse the value, or "". */
function fault(control) {
  if (control.disabled || wordOf(control)?.checked) return "";
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
  const word = wordOf(control);
  if (word?.checked) return word.dataset.word;
  return control.dataset.kind === "boolean" ? control.checked : parsed(control, control.value);
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
  const word = wordOf(control);
  if (word) word.checked = value === word.dataset.word;
  if (word?.checked) return; // the number stays
  if (control.dataset.kind === "boolean") control.checked = value;
  else control.value = value === null ? "" : text(value);
}

const text = (value) => (Array.isArray(value) ? value.map((each) => [each].flat().join(" ")).join(", ") : String(value));
