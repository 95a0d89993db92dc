/** What the page makes: a base, layers, and how to answer. All of it is typed here, and read from here. */

import { Choice } from "./choice.js";
import { placement } from "./geometry.js";
import { Layers } from "./layers.js";
import { effective, given } from "./parameters.js";

/** @typedef {import("./layers.js").Layer} Layer */

const SHIFT = 10; // pixels, by a displacement map that was just chosen

export const isColour = ({ kind }) => kind === "colour";

const isComplete = (layer) => (isColour(layer) ? layer.params.color !== null : Boolean(layer.pictures.overlay_image.picture));

/** The pictures that a layer has, by their names. */
function picturesOf(layer) {
  const names = isColour(layer) ? ["mask", "displacement_map"] : Object.keys(layer.pictures);
  return Object.fromEntries(names.map((name) => [name, layer.pictures[name].picture]).filter(([, picture]) => picture));
}

export class Scene {
  /** The parameters that all layers share, as they are typed. */
  answer = {};
  #standards;

  /** `told`: what `Layers` tells; `standards`: the defaults of a layer's parameters and of the answer's. */
  constructor(told, standards) {
    this.base = new Choice("base_image", null, told);
    this.layers = new Layers(told);
    this.#standards = standards;
  }

  choices() {
    return [this.base, ...this.layers.all.flatMap(({ pictures }) => Object.values(pictures))];
  }

  /** A layer's parameters in effect, and the names of those without. */
  effectOf(layer) {
    const traits = { isColour: isColour(layer), has: (name) => Boolean(layer.pictures[name].picture) };
    return effective(layer.params, traits, this.#standards.layer);
  }

  effectOfAnswer() {
    return effective(this.answer, {}, this.#standards.answer);
  }

  /** Whether a layer can be drawn. */
  isShown(layer) {
    return Boolean(this.base.picture) && isComplete(layer) && !layer.hidden;
  }

  /** The selected layer's parameters, and the placement they give. */
  selected() {
    const layer = this.layers.selected;
    const { params } = this.effectOf(layer);
    const overlay = isColour(layer) ? null : layer.pictures.overlay_image.picture;
    return { params, placed: placement(params, overlay, this.base.picture), isColour: isColour(layer) };
  }

  /** @returns {import("./preview.js").Drawable[]} */
  drawables() {
    const shown = this.layers.all.filter((layer) => this.isShown(layer));
    return shown.map((layer) => ({ key: layer, pictures: picturesOf(layer), params: this.effectOf(layer).params }));
  }

  /** @returns {import("./request.js").SceneRequest} */
  request() {
    const params = (layer) => given(this.effectOf(layer).params, this.#standards.layer);
    const layers = this.layers.visible().map((layer) => ({ pictures: picturesOf(layer), params: params(layer) }));
    return { base: this.base.picture, layers, answer: given(this.effectOfAnswer().params, this.#standards.answer) };
  }

  /** Pictures that were refused, and what is missing. */
  faults() {
    const visible = this.layers.visible();
    if (!visible.length) return [{ field: "", message: "Every layer is hidden: show one." }];
    const refused = this.choices().filter(({ error, layer }) => error && !layer?.hidden);
    const empty = visible.filter((layer) => !isComplete(layer) && !layer.pictures.overlay_image.error);
    return [
      ...refused.map(({ name, layer, error }) => ({ field: name, layer: layer?.id, message: error })),
      ...empty.map((layer) => ({ ...(isColour(layer) ? NO_COLOUR : NO_PICTURE), layer: layer.id })),
    ];
  }

  /** A layer of this kind on top of the selected one; `params` are those that are not defaults. */
  add(kind, params) {
    this.#carry(this.layers.add(kind, { ...this.#standards.layer, ...params }));
  }

  /** On another base whose size is known each overlay keeps its relative place and size. */
  carryAll() {
    this.layers.all.forEach((layer) => this.#carry(layer));
  }

  /** The size of the base is another one than was guessed: all stays where it is. */
  learnSize({ width, height }) {
    Object.assign(this.base.picture, { width, height, guessed: false });
    for (const layer of this.layers.all) layer.carry(layer.params, null, this.base.picture);
  }

  #carry(layer) {
    const { picture } = this.base;
    if (!picture || picture.guessed) return;
    const overlay = layer.pictures.overlay_image.picture;
    const { params } = this.effectOf(layer);
    const isFree = overlay && !overlay.guessed && !params.region && !params.corners;
    Object.assign(layer.params, layer.carry(params, isFree ? overlay : null, picture));
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
    return { base: kept(this.base.picture), answer: { ...this.answer }, layers };
  }

  /** What was saved, in place of all but the base; `loader` makes of a kept picture a function that loads it. */
  restore({ answer = {}, layers }, loader) {
    this.answer = { ...this.#standards.answer, ...answer };
    const made = this.layers.replace(layers.map((layer) => ({ ...layer, params: { ...this.#standards.layer, ...layer.params } })));
    made.forEach((layer, at) => {
      for (const [name, kept] of Object.entries(layers[at].pictures)) layer.pictures[name].take(loader(kept));
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
