/**
 * The layers of the scene, the lowest first, and the pictures chosen for them. One layer is selected.
 *
 * A layer is `{id, kind, params, start, pictures, hidden, carry}`. `kind` is "picture" or "colour"; `params` are as typed, and
 * were `start` at first; `pictures` has a `Choice` by name; `carry` is its `carrier`.
 */

import { carrier } from "../canvas/geometry.js";

export const MAX_LAYERS = 16;
let lastId = 0;

/** The picture chosen for a parameter. While one is loading or after it was refused, the previous one stays. */
export class Choice {
  picture = null;
  text = ""; // the URL that was typed
  error = "";
  isLoading = false;
  #latest = null;
  #callbacks;

  /** `callbacks`: `onChanged` with another picture, else `onUpdated`, called with this. `layer` is null for the base. */
  constructor(name, layer, callbacks) {
    Object.assign(this, { name, layer });
    this.#callbacks = callbacks;
  }

  /** Loads a picture; only the latest call has an effect. */
  async take(load, text = "") {
    const call = (this.#latest = Symbol(this.name));
    Object.assign(this, { text, error: "", isLoading: true });
    this.#callbacks.onUpdated(this);
    const [{ status, value, reason }] = await Promise.allSettled([load()]);
    if (this.#latest !== call) return;
    this.isLoading = false;
    if (status === "fulfilled") this.picture = value;
    else this.error = reason.message;
    this.#callbacks[this.error ? "onUpdated" : "onChanged"](this);
  }
}

export class Layers {
  all = [];
  selected;
  #callbacks;

  constructor(callbacks) {
    this.#callbacks = callbacks;
  }

  visible() {
    return this.all.filter(({ hidden }) => !hidden);
  }

  byId(id) {
    return this.all.find((layer) => layer.id === id);
  }

  create({ kind, params, hidden = false }, pictures) {
    const layer = { id: ++lastId, kind, params: { ...params }, start: { ...params }, hidden, carry: carrier() };
    const choices = pictures.map((name) => [name, new Choice(name, layer, this.#callbacks)]);
    return Object.assign(layer, { pictures: Object.fromEntries(choices) });
  }

  /** Inserts a layer above the selected one, and selects it. */
  insert(layer) {
    this.all.splice(this.all.indexOf(this.selected) + 1, 0, layer);
    this.selected = layer;
    this.#callbacks.onListChanged();
  }

  duplicate(layer) {
    const copy = this.create({ ...layer, hidden: false }, Object.keys(layer.pictures));
    for (const [name, { picture, text }] of Object.entries(layer.pictures)) Object.assign(copy.pictures[name], { picture, text });
    this.select(layer);
    this.insert(copy);
  }

  remove(layer) {
    if (this.all.length === 1) return;
    const index = this.all.indexOf(layer);
    this.all.splice(index, 1);
    if (layer === this.selected) this.selected = this.all[Math.max(0, index - 1)];
    this.#callbacks.onListChanged();
  }

  move(layer, target) {
    const index = this.all.indexOf(layer);
    const newIndex = Math.min(this.all.length - 1, Math.max(0, target));
    if (newIndex === index) return;
    this.all.splice(index, 1);
    this.all.splice(newIndex, 0, layer);
    this.#callbacks.onListChanged();
  }

  select(layer) {
    if (layer === this.selected) return;
    this.selected = layer;
    this.#callbacks.onListChanged();
  }

  toggle(layer) {
    layer.hidden = !layer.hidden;
    this.#callbacks.onListChanged();
  }

  show(all, selected = all.at(-1)) {
    Object.assign(this, { all, selected });
    this.#callbacks.onListChanged();
  }
}
