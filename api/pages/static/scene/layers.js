/** The layers of the scene, the lowest first; one is selected. */

import { Choice } from "./choice.js";
import { carrier } from "../canvas/geometry.js";

/**
 * @typedef {object} Layer
 * @property {number} id
 * @property {"picture" | "colour"} kind
 * @property {Record<string, any>} params  as they are typed
 * @property {Record<string, any>} start   with which it was added
 * @property {Record<string, Choice>} pictures
 * @property {boolean} hidden
 * @property {ReturnType<typeof carrier>} carry
 */

export const MOST_LAYERS = 16;
let lastId = 0;

export class Layers {
  /** @type {Layer[]} */
  all = [];
  /** @type {Layer} */
  selected;
  /** The names of the pictures that a layer may have. */
  pictures = [];
  #told;

  /** `told`: `listed()` when the list has changed, and what `Choice` tells. */
  constructor(told) {
    this.#told = told;
  }

  visible() {
    return this.all.filter(({ hidden }) => !hidden);
  }

  byId(id) {
    return this.all.find((layer) => layer.id === id);
  }

  /** On top of the selected one. */
  add(kind, params) {
    return this.#insert(this.#made(kind, params));
  }

  duplicate(layer) {
    const copy = this.#made(layer.kind, layer.params);
    for (const name of Object.keys(copy.pictures)) copy.pictures[name].copy(layer.pictures[name]);
    this.select(layer);
    return this.#insert(copy);
  }

  /** The last one stays. */
  remove(layer) {
    if (this.all.length === 1) return;
    const at = this.all.indexOf(layer);
    this.all.splice(at, 1);
    if (layer === this.selected) this.selected = this.all[Math.max(0, at - 1)];
    this.#told.listed();
  }

  move(layer, to) {
    const at = this.all.indexOf(layer);
    const within = Math.min(this.all.length - 1, Math.max(0, to));
    if (within === at) return;
    this.all.splice(at, 1);
    this.all.splice(within, 0, layer);
    this.#told.listed();
  }

  select(layer) {
    if (layer === this.selected) return;
    this.selected = layer;
    this.#told.listed();
  }

  toggle(layer) {
    layer.hidden = !layer.hidden;
    this.#told.listed();
  }

  /** Other layers in place of all: each `{kind, params, hidden}`. Returns them. */
  replace(others) {
    this.show(others.map(({ kind, params, hidden = false }) => ({ ...this.#made(kind, params), hidden })));
    return this.all;
  }

  /** These in place of all. */
  show(all, selected = all.at(-1)) {
    Object.assign(this, { all, selected });
    this.#told.listed();
  }

  #made(kind, params) {
    const layer = { id: ++lastId, kind, params: { ...params }, start: { ...params }, hidden: false, carry: carrier() };
    const choices = this.pictures.map((name) => [name, new Choice(name, layer, this.#told)]);
    return Object.assign(layer, { pictures: Object.fromEntries(choices) });
  }

  #insert(layer) {
    this.all.splice(this.all.indexOf(this.selected) + 1, 0, layer);
    this.selected = layer;
    this.#told.listed();
    return layer;
  }
}
