/**
 * The fields of the parameters. They are the state of the page: dragging writes into them, the preview and the
 * request are read from them. Defaults are those of the document, rendered from the parameter model.
 */

/** When a parameter has an effect, if not always. */
const USED = {
  rescale_factor: ({ overlay_resize: by, scale_to }) => by === "Resize by rescale_factor" && scale_to === null,
  width: ({ overlay_resize: by, scale_to }) => by === "Resize to width & heigth" && scale_to === null,
  height: ({ overlay_resize: by, scale_to }) => by === "Resize to width & heigth" && scale_to === null,
  tile_spacing: ({ tile }) => tile,
  image_quality: ({ image_format }) => image_format !== "png",
};

export class ParameterForm {
  constructor(form) {
    this.controls = new Map([...form.querySelectorAll("[data-kind]")].map((control) => [control.name, control]));
    this.companions = new Map([...form.querySelectorAll("[data-for]")].map((control) => [control.dataset.for, control]));
    this.changed = new EventTarget();
    form.addEventListener("input", ({ target }) => this.#typed(target));
    form.addEventListener("focusout", ({ target }) => target.validity?.badInput && this.#tell([target.name]));
  }

  /** Calls `listener` with the names of the parameters that changed. */
  onChange(listener) {
    this.changed.addEventListener("change", ({ detail }) => listener(detail));
  }

  /** Every parameter; a default where a field is empty or off. */
  values() {
    return Object.fromEntries([...this.controls].map(([name, control]) => [name, value(control)]));
  }

  /** The parameters that differ from their defaults, as a request holds them. */
  given() {
    const values = Object.entries(this.values());
    return Object.fromEntries(values.filter(([name, value]) => value !== initial(this.controls.get(name))));
  }

  set(changes) {
    for (const [name, value] of Object.entries(changes)) {
      write(this.controls.get(name), value);
      this.#follow(name);
    }
    this.#tell(Object.keys(changes));
  }

  /** Sets these, and all others to their defaults. */
  replace(params) {
    const defaults = [...this.controls].map(([name, control]) => [name, initial(control)]);
    this.set({ ...Object.fromEntries(defaults), ...params });
  }

  /** Values that the service would refuse, each field by itself. */
  faults() {
    const found = [...this.controls].map(([field, control]) => ({ field, message: fault(control) }));
    return found.filter(({ message }) => message);
  }

  /** Fields without effect as the others stand. */
  off() {
    return [...this.controls.keys()].filter((name) => this.controls.get(name).disabled);
  }

  /** Whether it holds the start of a number, such as a minus sign. */
  isUnfinished(name) {
    const control = this.controls.get(name);
    return control.validity.badInput && control === document.activeElement;
  }

  #typed(target) {
    const name = target.dataset.for ?? target.name;
    if (!this.controls.has(name)) return;
    if (target.dataset.for) write(this.controls.get(name), target.value);
    else this.#follow(name);
    this.#tell([name]);
  }

  /** Disables fields without effect. */
  #switch() {
    const params = Object.fromEntries([...this.controls].map(([name, control]) => [name, read(control) ?? initial(control)]));
    for (const [name, isUsed] of Object.entries(USED)) this.controls.get(name).disabled = !isUsed(params);
  }

  /** Copies the value to the slider or colour picker. */
  #follow(name) {
    const companion = this.companions.get(name);
    const text = this.controls.get(name).value;
    if (companion && (companion.type !== "color" || /^#[0-9a-f]{6}$/i.test(text))) companion.value = text;
  }

  #tell(names) {
    this.#switch();
    this.changed.dispatchEvent(new CustomEvent("change", { detail: names }));
  }
}

const value = (control) => (control.disabled ? null : read(control)) ?? initial(control);

/** Why the service would refuse the value, or "". */
function fault(control) {
  if (control.disabled) return "";
  if (control.validity.badInput) return "is not a number";
  const rule = broken(control, read(control));
  return rule && `${control.value} is not allowed: must be ${rule}`;
}

function broken({ dataset: { kind, above }, min, max, validity }, given) {
  if (given === null) return "";
  if (validity.patternMismatch) return "#rgb or #rrggbb";
  if (kind === "integer" && !Number.isInteger(given)) return "a whole number";
  if (above !== undefined && given <= Number(above)) return `above ${above}, at most ${max}`;
  return validity.rangeUnderflow || validity.rangeOverflow ? `from ${min} to ${max}` : "";
}

/** The value; null for an empty field. */
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
  return control.dataset.kind === "string" ? text.trim() : Number(text);
}

function write(control, value) {
  if (control.dataset.kind === "boolean") control.checked = value;
  else control.value = value === null ? "" : String(value);
}
