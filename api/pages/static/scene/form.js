/**
 * The form: fields of a model's parameters for the selected layer and for the output, the help line, and scrolling. The HTML
 * contains the defaults.
 */

import { isConvex } from "../canvas/corners.js";
import { all, byId, onClick } from "../dom.js";

export class ParameterForm {
  constructor(form, onChange) {
    Object.assign(this, { form, onChange });
    form.addEventListener("input", ({ target }) => this.#typed(target));
    form.addEventListener("focusout", ({ target }) => target.validity?.badInput && onChange([target.name]));
    onClick(form, ({ target: { dataset } }) => "unset" in dataset && this.set({ [dataset.unset]: null }));
  }

  /** Shows the fields of a model. Returns `pictures`, those that a layer may have, and the `defaults` of layer and output. */
  use(name) {
    const template = this.form.querySelector(`template[data-model="${CSS.escape(name)}"]`);
    byId("fields").replaceChildren(template.content.cloneNode(true));
    this.controls = new Map(all("#fields [data-kind]").map((control) => [control.name, control]));
    this.companions = new Map(all("#fields [data-for]:not([data-word])").map((control) => [control.dataset.for, control]));
    const pictures = all("#layer .slot").map(({ dataset }) => dataset.field);
    return { name, isLayered: "layered" in template.dataset, pictures, defaults: this.values() };
  }

  isLayerParameter(name) {
    return Boolean(this.controls.get(name)?.closest("#layer"));
  }

  /** All values of the layer and of the output; null for an empty field. */
  values() {
    const values = { layer: {}, output: {} };
    for (const [name, control] of this.controls) values[this.isLayerParameter(name) ? "layer" : "output"][name] = read(control);
    return values;
  }

  set(changes) {
    this.write(changes);
    this.onChange(Object.keys(changes));
  }

  /** Sets values without calling `onChange`; ignores parameters that the model does not have. */
  write(changes) {
    for (const [name, value] of Object.entries(changes)) {
      if (!this.controls.has(name)) continue;
      write(this.controls.get(name), value);
      this.#syncCompanion(name);
    }
  }

  disable(names) {
    for (const [name, control] of this.controls) {
      for (const each of [control, wordOf(control)]) if (each) each.disabled = names.has(name);
    }
  }

  /** Values that the service would refuse, each checked by itself. */
  faults() {
    const faults = [...this.controls].map(([field, control]) => ({ field, message: fault(control) }));
    return faults.filter(({ message }) => message);
  }

  /** Whether the user may still be typing the value, for example after a minus sign. */
  isUnfinished(name) {
    const control = this.controls.get(name);
    return (control.validity.badInput || isList(control)) && control === document.activeElement;
  }

  #typed(target) {
    const name = target.dataset.for ?? target.name;
    const control = this.controls.get(name);
    if (!control) return;
    const word = wordOf(control);
    if (word !== target) {
      if (word) word.checked = false;
      if (target.dataset.for) control.value = target.value;
      else this.#syncCompanion(name);
    }
    this.onChange([name]);
  }

  /** Copies the value to the slider or colour picker. */
  #syncCompanion(name) {
    const companion = this.companions.get(name);
    const text = this.controls.get(name).value;
    if (companion && (companion.type !== "color" || /^#[0-9a-f]{6}$/i.test(text))) companion.value = text;
  }
}

/** The checkbox for a word instead of a number, if the parameter has one. */
const wordOf = (control) => control.parentElement.querySelector("[data-word]");

/** Why the service would refuse the value, or "". */
function fault(control) {
  if (control.disabled || wordOf(control)?.checked) return "";
  if (control.validity.badInput) return "is not a number";
  const rule = brokenRule(control, read(control));
  return rule && `${control.value} is not allowed: must be ${rule}`;
}

const isList = ({ dataset: { kind } }) => kind === "numbers" || kind === "points";

function brokenRule(control, value) {
  const { dataset, min, max, validity } = control;
  if (value === null) return isList(control) && control.value.trim() ? LISTS[dataset.kind].rule(dataset) : "";
  if (validity.patternMismatch) return "#rgb or #rrggbb";
  if (dataset.kind === "integer" && !Number.isInteger(value)) return "a whole number";
  if (dataset.above !== undefined && value <= Number(dataset.above)) return `above ${dataset.above}, at most ${max}`;
  return validity.rangeUnderflow || validity.rangeOverflow ? `from ${min} to ${max}` : "";
}

/** The value; null for an empty field or an invalid list. */
function read(control) {
  const word = wordOf(control);
  if (word?.checked) return word.dataset.word;
  return control.dataset.kind === "boolean" ? control.checked : parse(control, control.value);
}

function parse(control, text) {
  if (text.trim() === "") return null;
  if (isList(control)) return parseList(control.dataset, text);
  return control.dataset.kind === "string" ? text.trim() : Number(text);
}

const LISTS = {
  numbers: {
    items: (numbers) => numbers,
    isValid: ([, , width, height]) => width > 0 && height > 0,
    rule: ({ count, low, high }) => `${count} numbers from ${low} to ${high}, the last two above 0`,
  },
  points: {
    items: (numbers) => numbers.flatMap((_, i) => (i % 2 ? [] : [numbers.slice(i, i + 2)])),
    isValid: isConvex,
    rule: ({ count, low, high }) => `${count} points from ${low} to ${high}: a convex quadrilateral, clockwise from the top left`,
  },
};

function parseList({ kind, count, low, high }, text) {
  const numbers = text.split(/[\s,;[\]]+/).filter(Boolean).map(Number);
  const items = LISTS[kind].items(numbers);
  const isComplete = items.length === Number(count) && items.every((item) => kind === "numbers" || item.length === 2);
  return isComplete && numbers.every((each) => each >= low && each <= high) && LISTS[kind].isValid(items) ? items : null;
}

function write(control, value) {
  const word = wordOf(control);
  if (word) word.checked = value === word.dataset.word;
  if (word?.checked) return; // the number field keeps its value
  if (control.dataset.kind === "boolean") control.checked = value;
  else control.value = value === null ? "" : text(value);
}

const text = (value) => (Array.isArray(value) ? value.map((each) => [each].flat().join(" ")).join(", ") : String(value));

/** Shows the hint of the parameter under the pointer. The last one stays, as removing it would move the Submit button. */
export function showHelp(form, help) {
  help.classList.add("resting");
  const show = (element) => {
    const hint = element?.closest?.("[data-field]")?.querySelector(".hint");
    if (!hint) return;
    help.textContent = hint.textContent;
    help.classList.remove("resting");
  };
  form.addEventListener("pointerover", ({ target }) => show(target));
  form.addEventListener("pointerleave", () => show(form.contains(document.activeElement) ? document.activeElement : null));
  form.addEventListener("focusin", ({ target }) => show(target));
}

export function measureBars() {
  const { style } = document.documentElement;
  style.setProperty("--top-bar", `${byId("work").offsetHeight}px`);
  style.setProperty("--bottom-bar", `${byId("foot").offsetHeight}px`);
}

export function keepFocusInView(form) {
  let isPressed = false; // scrolling between press and release would cancel the click
  form.addEventListener("pointerdown", () => (isPressed = true));
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (isPressed = false));
  form.addEventListener("focusin", ({ target }) => {
    measureBars();
    if (!isPressed) target.closest("[data-field]")?.scrollIntoView({ block: "nearest" });
  });
}
