/** The picture chosen for a parameter. While one is loading or after it was refused, the previous one stays. */

/** @typedef {import("../pictures.js").Picture} Picture */

export class Choice {
  /** @type {Picture | null} */
  picture = null;
  text = ""; // the URL that was typed
  error = "";
  isLoading = false;
  #latest = null;
  #callbacks;

  /** `callbacks`: `onLoading`, `onChanged` and `onFailed`, each called with this; `layer` is null for the base. */
  constructor(name, layer, callbacks) {
    Object.assign(this, { name, layer });
    this.#callbacks = callbacks;
  }

  /** Loads a picture; only the latest call has an effect. */
  async take(load, text = "") {
    const call = (this.#latest = Symbol(this.name));
    Object.assign(this, { text, error: "", isLoading: true });
    this.#callbacks.onLoading(this);
    const [{ status, value, reason }] = await Promise.allSettled([load()]);
    if (this.#latest !== call) return;
    this.isLoading = false;
    if (status === "fulfilled") this.picture = value;
    else this.error = reason.message;
    this.#callbacks[this.error ? "onFailed" : "onChanged"](this);
  }

  copy({ picture, text }) {
    Object.assign(this, { picture, text });
  }
}
