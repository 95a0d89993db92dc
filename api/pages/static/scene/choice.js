/** The picture chosen for a parameter. It may be loading, or refused: then the one before it stays visible. */

/** @typedef {import("../pictures.js").Picture} Picture */

export class Choice {
  /** @type {Picture | null} */
  picture = null;
  text = ""; // the URL that was typed
  error = "";
  isLoading = false;
  #turn = null;
  #told;

  /** `told`: `loading`, `changed` and `failed`, each called with this; `layer` is null for the base. */
  constructor(name, layer, told) {
    Object.assign(this, { name, layer });
    this.#told = told;
  }

  /** The last choice counts. */
  async take(load, text = "") {
    const turn = (this.#turn = Symbol(this.name));
    Object.assign(this, { text, error: "", isLoading: true });
    this.#told.loading(this);
    const [{ status, value, reason }] = await Promise.allSettled([load()]);
    if (this.#turn !== turn) return;
    this.isLoading = false;
    if (status === "fulfilled") this.picture = value;
    else this.error = reason.message;
    this.#told[this.error ? "failed" : "changed"](this);
  }

  copy({ picture, text }) {
    Object.assign(this, { picture, text });
  }
}
