/** The layers of the scene, the lowest first. One is selected. */

import { Choice } from "./choice.js";
import { carrier } from "../canvas/geometry.js";

/**
 * @typedef {object} Layer
 * @property {number} id
 * @property {"picture" | "colour"} kind
 * @property {Record<string, any>} params  as typed
 * @property {Record<string, any>} start   the initial parameters
 * @property {Record<string, Choice>} pictures
 * @property {boolean} hidden
 * @property {ReturnType<typeof carrier>} carry
 */

export const MAX_LAYERS = 16;
let lastId = 0;

export class Layers {
  /** @type {Layer[]} */
  all = [];
  /** @type {Layer} */
  selected;
  /** The names of the pictures that a layer may have. */
  pictures = [];
  #callbacks;

  /** `callbacks`: `onListChanged()`, and those of `Choice`. */
  constructor(callbacks) {
    this.#callbacks = callbacks;
  }

  visible() {
    return this.all.filter(({ hidden }) => !hidden);
  }

  byId(id) {
    return this.all.find((layer) => layer.id === id);
  }

  /** Adds a layer above the selected one. */
  add(kind, params) {
    return this.#insert(this.#create(kind, params));
  }

  duplicate(layer) {
    const copy = this.#create(layer.kind, layer.params);
    for (const name of Object.keys(copy.pictures)) copy.pictures[name].copy(layer.pictures[name]);
    this.select(layer);
    return this.#insert(copy);
  }

  /** Removes a layer, unless it is the only one. */
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

  /** Replaces all layers by new ones, each given as `{kind, params, hidden}`. Returns them. */
  replace(layers) {
    this.show(layers.map(({ kind, params, hidden = false }) => ({ ...this.#create(kind, params), hidden })));
    return this.all;
  }

  /** Replaces all layers by these. */
  show(all, selected = all.at(-1)) {
    Object.assign(this, { all, selected });
    this.#callbacks.onListChanged();
  }

  #create(kind, params) {
    const layer = { id: ++lastId, kind, params: { ...params }, start: { ...params }, hidden: false, carry: carrier() };
    const choices = this.pictures.map((name) => [name, new Choice(name, layer, this.#callbacks)]);
    return Object.assign(layer, { pictures: Object.fromEntries(choices) });
  }

  #insert(layer) {
    this.all.splice(this.all.indexOf(this.selected) + 1, 0, layer);
    this.selected = layer;
    this.#callbacks.onListChanged();
    return layer;
  }
}
