/**
 * The fields of the parameters. They are the state of the page: dragging writes into them, the preview and the
 * request are read from them. Defaults are the document's, which the service wrote from its parameter model.
 */

/** @typedef {import("./geometry.js").Params} Params */
/** @typedef {HTMLInputElement | HTMLSelectElement} Control */

/** @type {(form: HTMLFormElement) => ParameterForm} */
export const parameterForm = (form) => new ParameterForm(form);

class ParameterForm {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    /** @type {Map<string, Control>} */
    this.controls = new Map([...form.querySelectorAll("[data-kind]")].map((control) => [control.name, control]));
    /** @type {Map<string, HTMLInputElement>} */
    this.companions = new Map([...form.querySelectorAll("[data-for]")].map((control) => [control.dataset.for, control]));
    this.changed = new EventTarget();
    form.addEventListener("input", ({ target }) => this.#typed(target));
  }

  /** @type {(listener: (names: string[]) => void) => void} Called with the names of what has changed. */
  onChange(listener) {
    this.changed.addEventListener("change", ({ detail }) => listener(detail));
  }

  /** @type {() => Params} Every parameter; a default where a field is empty. */
  values() {
    return Object.fromEntries([...this.controls].map(([name, control]) => [name, read(control) ?? initial(control)]));
  }

  /** @type {() => Params} What differs from its default, as a request says it. */
  given() {
    const values = Object.entries(this.values());
    return Object.fromEntries(values.filter(([name, value]) => value !== initial(this.controls.get(name))));
  }

  /** @type {(changes: Partial<Params>) => void} */
  set(changes) {
    for (const [name, value] of Object.entries(changes)) {
      write(this.controls.get(name), value);
      this.#follow(name);
    }
    this.#tell(Object.keys(changes));
  }

  /** @type {(params: Params) => void} These, and of all others the defaults. */
  replace(params) {
    const defaults = [...this.controls].map(([name, control]) => [name, initial(control)]);
    this.set({ ...Object.fromEntries(defaults), ...params });
  }

  /** @type {() => {field: string, message: string}[]} What is not even a number. */
  faults() {
    const bad = [...this.controls].filter(([, control]) => control.validity.badInput);
    return bad.map(([field]) => ({ field, message: "is not a number" }));
  }

  #typed(target) {
    const name = target.dataset.for ?? target.name;
    if (!this.controls.has(name)) return;
    if (target.dataset.for) write(this.controls.get(name), target.value);
    else this.#follow(name);
    this.#tell([name]);
  }

  /** The companion shows what the field says, where it can. */
  #follow(name) {
    const companion = this.companions.get(name);
    const text = this.controls.get(name).value;
    if (companion && (companion.type !== "color" || /^#[0-9a-f]{6}$/i.test(text))) companion.value = text;
  }

  #tell(names) {
    this.changed.dispatchEvent(new CustomEvent("change", { detail: names }));
  }
}

/** @type {(control: Control) => any} Null where nothing is given. */
function read(control) {
  return control.dataset.kind === "boolean" ? control.checked : parsed(control, control.value);
}

/** @type {(control: Control) => any} The parameter's default. */
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
