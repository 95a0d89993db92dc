/** What the page makes: by a model, of a base and layers, and how to answer. All of it is typed here, and read from here. */

import { Choice } from "./choice.js";
import { placedAs, placement } from "../canvas/geometry.js";
import { Layers } from "./layers.js";
import { DRAWN } from "./models.js";
import { effective, given } from "./parameters.js";

/** @typedef {import("./layers.js").Layer} Layer */

const SHIFT = 10; // pixels, by a displacement map that was just chosen

export const isColour = ({ kind }) => kind === "colour";

const isComplete = (layer) => (isColour(layer) ? layer.params.color : layer.pictures.overlay_image?.picture) !== null;

/** The pictures that a layer has, by their names. */
function picturesOf(layer) {
  const names = isColour(layer) ? ["mask", "displacement_map"] : Object.keys(layer.pictures);
  return Object.fromEntries(names.map((name) => [name, layer.pictures[name].picture]).filter(([, picture]) => picture));
}

/** Of changes those to parameters that there are. */
const known = (changes, params) => Object.fromEntries(Object.entries(changes).filter(([name]) => name in params));

export class Scene {
  /** The parameters that all layers share, as they are typed. */
  answer = {};
  /** @type {import("./form.js").Model} */
  model;
  #left = new Map(); // layers of models that were chosen before, by their names

  /** `told`: what `Layers` tells. */
  constructor(told) {
    this.base = new Choice("base_image", null, told);
    this.layers = new Layers(told);
  }

  /** Another model, with the layers that it had; at first with the pictures of the selected one. */
  use(model) {
    const { all, selected } = this.layers;
    const first = selected && this.#firstOf(model);
    if (selected) this.#left.set(this.model.name, { all, selected });
    this.model = model;
    this.layers.pictures = model.pictures;
    this.answer = known({ ...model.defaults.answer, ...this.answer }, model.defaults.answer);
    if (this.#left.has(model.name)) this.#return(this.#left.get(model.name));
    else if (first) this.restore({ answer: this.answer, layers: [first] }, (picture) => async () => picture);
  }

  #return({ all, selected }) {
    all.forEach((layer) => this.#carry(layer));
    this.layers.show(all, selected);
  }

  /** Another model's layer with the pictures of the selected one, or the first that has some, where they are. */
  #firstOf({ name, defaults }) {
    const layer = [this.layers.selected, ...this.layers.all].find(({ pictures }) => pictures.overlay_image?.picture);
    if (!layer) return { kind: "picture", params: {}, pictures: {} };
    const { params, placed } = this.isShown(layer) ? this.#placed(layer) : {};
    const place = placed && name in DRAWN ? placedAs(DRAWN[name](defaults.layer), placed, params.rotation) : {};
    return { kind: "picture", params: known(place, defaults.layer), pictures: picturesOf(layer) };
  }

  choices() {
    return [this.base, ...this.layers.all.flatMap(({ pictures }) => Object.values(pictures))];
  }

  /** A layer's parameters in effect, and the names of those without. */
  effectOf(layer) {
    const has = (name) => Boolean(layer.pictures[name]?.picture);
    const traits = { isLayered: this.model.isLayered, isColour: isColour(layer), has };
    return effective(layer.params, traits, this.model.defaults.layer);
  }

  effectOfAnswer() {
    return effective(this.answer, {}, this.model.defaults.answer);
  }

  /** Whether the preview can draw what this model makes. */
  isDrawn() {
    return this.model.name in DRAWN;
  }

  /** A layer's parameters in effect, as the preview reads them. */
  #drawn(layer) {
    return DRAWN[this.model.name](this.effectOf(layer).params);
  }

  /** Whether a layer can be drawn. */
  isShown(layer) {
    return this.isDrawn() && Boolean(this.base.picture) && isComplete(layer) && !layer.hidden;
  }

  /** The selected layer's parameters as the preview reads them, and the placement they give. */
  selected() {
    return this.#placed(this.layers.selected);
  }

  #placed(layer) {
    const params = this.#drawn(layer);
    const overlay = isColour(layer) ? null : layer.pictures.overlay_image.picture;
    return { params, placed: placement(params, overlay, this.base.picture), isColour: isColour(layer) };
  }

  /** @returns {import("../canvas/preview.js").Drawable[]} */
  drawables() {
    const shown = this.layers.all.filter((layer) => this.isShown(layer));
    return shown.map((layer) => ({ key: layer, pictures: picturesOf(layer), params: this.#drawn(layer) }));
  }

  /** @returns {import("../requests/submission.js").SceneRequest} */
  request() {
    const { name: model, defaults } = this.model;
    const params = (layer) => given(this.effectOf(layer).params, defaults.layer);
    const layers = this.layers.visible().map((layer) => ({ pictures: picturesOf(layer), params: params(layer) }));
    return { model, base: this.base.picture, layers, answer: given(this.effectOfAnswer().params, defaults.answer) };
  }

  /** Pictures that were refused, and what is missing. */
  faults() {
    const visible = this.layers.visible();
    if (!visible.length) return [{ field: "", message: "Every layer is hidden: show one." }];
    const refused = this.choices().filter(({ error, layer }) => error && !layer?.hidden);
    const empty = visible.filter((layer) => !isComplete(layer) && !layer.pictures.overlay_image?.error);
    return [
      ...refused.map(({ name, layer, error }) => ({ field: name, layer: layer?.id, message: error })),
      ...empty.map((layer) => ({ ...(isColour(layer) ? NO_COLOUR : NO_PICTURE), layer: layer.id })),
    ];
  }

  /** A layer of this kind on top of the selected one; `params` are those that are not defaults. */
  add(kind, params) {
    this.#carry(this.layers.add(kind, { ...this.model.defaults.layer, ...params }));
  }

  /** On another base whose size is known each overlay keeps its relative place and size. */
  carryAll() {
    this.layers.all.forEach((layer) => this.#carry(layer));
  }

  /** The size of the base is another one than was guessed: all stays where it is. */
  learnSize({ width, height }) {
    Object.assign(this.base.picture, { width, height, guessed: false });
    this.stayAll();
  }

  /** On another base all keeps its numbers. */
  stayAll() {
    for (const layer of this.layers.all) layer.carry(layer.params, null, this.base.picture);
  }

  #carry(layer) {
    const { picture } = this.base;
    if (!picture || picture.guessed || !this.isDrawn()) return;
    const overlay = layer.pictures.overlay_image.picture;
    const params = this.#drawn(layer);
    const isFree = overlay && !overlay.guessed && !params.region && !params.corners;
    Object.assign(layer.params, known(layer.carry(params, isFree ? overlay : null, picture), layer.params));
  }

  /** A displacement map moves nothing by itself, and is refused then. */
  displaceByDefault({ params }) {
    if (!params.displacement_x && !params.displacement_y) Object.assign(params, { displacement_x: SHIFT, displacement_y: SHIFT });
  }

  /** As JSON, by what `kept` makes of each picture. */
  saved(kept) {
    const layers = this.layers.all.map((layer) => {
      const pictures = Object.entries(picturesOf(layer)).map(([name, picture]) => [name, kept(picture)]);
      return { kind: layer.kind, hidden: layer.hidden, params: { ...layer.params }, pictures: Object.fromEntries(pictures) };
    });
    return { model: this.model.name, base: kept(this.base.picture), answer: { ...this.answer }, layers };
  }

  /** What was saved, in place of all but the base; `loader` makes of a kept picture a function that loads it. */
  restore({ answer = {}, layers }, loader) {
    const { defaults } = this.model;
    this.answer = { ...defaults.answer, ...answer };
    const made = this.layers.replace(layers.map((layer) => ({ ...layer, params: { ...defaults.layer, ...layer.params } })));
    made.forEach((layer, at) => {
      for (const [name, kept] of Object.entries(layers[at].pictures)) layer.pictures[name]?.take(loader(kept));
      this.#carry(layer);
    });
  }

  /** In place of the base; nothing is carried over from the one before. */
  restoreBase(load) {
    this.base.picture = null;
    this.base.take(load);
  }
}

const NO_COLOUR = { field: "color", message: "Type a colour." };
const NO_PICTURE = { field: "overlay_image", message: "Choose a picture." };
