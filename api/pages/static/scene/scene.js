/** The scene that the page edits: a model, a base, layers, and the parameters of the output. */

import { placedAs, placement } from "../canvas/geometry.js";
import { Choice, Layers } from "./layers.js";
import { PREVIEW_PARAMS, effective, withoutDefaults } from "./parameters.js";

const DEFAULT_DISPLACEMENT = 10; // pixels

export const isColour = ({ kind }) => kind === "colour";

const isComplete = (layer) => (isColour(layer) ? layer.params.color : layer.pictures.overlay_image?.picture) !== null;

function picturesOf(layer) {
  const names = isColour(layer) ? ["mask", "displacement_map"] : Object.keys(layer.pictures);
  return Object.fromEntries(names.map((name) => [name, layer.pictures[name].picture]).filter(([, picture]) => picture));
}

/** `changes` without parameters that `params` does not have. */
const onlyKnown = (changes, params) => Object.fromEntries(Object.entries(changes).filter(([name]) => name in params));

export class Scene {
  output = {}; // its parameters, as typed
  model; // as `ParameterForm.use` returns it
  #layersByModel = new Map(); // of models chosen before

  constructor(callbacks) {
    this.base = new Choice("base_image", null, callbacks);
    this.layers = new Layers(callbacks);
  }

  /** Switches to a model and its last layers; at first it gets the pictures of the selected layer. */
  use(model) {
    const { all, selected } = this.layers;
    const first = selected && this.#firstLayer(model);
    if (selected) this.#layersByModel.set(this.model.name, { all, selected });
    this.model = model;
    this.output = onlyKnown({ ...model.defaults.output, ...this.output }, model.defaults.output);
    const last = this.#layersByModel.get(model.name);
    if (last) {
      last.all.forEach((layer) => this.#carry(layer));
      this.layers.show(last.all, last.selected);
    } else if (first) this.restore({ answer: this.output, layers: [first] }, (picture) => async () => picture);
  }

  /** A layer of another model with the pictures and place of the selected layer, or of the first one with pictures. */
  #firstLayer({ name, defaults }) {
    const layer = [this.layers.selected, ...this.layers.all].find(({ pictures }) => pictures.overlay_image?.picture);
    if (!layer) return { kind: "picture", params: {}, pictures: {} };
    const { params, placed } = this.isShown(layer) ? this.#place(layer) : {};
    const place = placed && name in PREVIEW_PARAMS ? placedAs(PREVIEW_PARAMS[name](defaults.layer), placed, params.rotation) : {};
    return { kind: "picture", params: onlyKnown(place, defaults.layer), pictures: picturesOf(layer) };
  }

  choices() {
    return [this.base, ...this.layers.all.flatMap(({ pictures }) => Object.values(pictures))];
  }

  /** A layer's effective parameters, and the names of those without effect. */
  effectOf(layer) {
    const has = (name) => Boolean(layer.pictures[name]?.picture);
    const traits = { isLayered: this.model.isLayered, isColour: isColour(layer), has };
    return effective(layer.params, traits, this.model.defaults.layer);
  }

  effectOfOutput() {
    return effective(this.output, {}, this.model.defaults.output);
  }

  hasPreview() {
    return this.model.name in PREVIEW_PARAMS;
  }

  #previewParams(layer) {
    return PREVIEW_PARAMS[this.model.name](this.effectOf(layer).params);
  }

  isShown(layer) {
    return this.hasPreview() && Boolean(this.base.picture) && isComplete(layer) && !layer.hidden;
  }

  /** The selected layer for `handles`: its preview parameters, and its placement. Null if the preview does not show it. */
  selected() {
    return this.isShown(this.layers.selected) ? this.#place(this.layers.selected) : null;
  }

  #place(layer) {
    const params = this.#previewParams(layer);
    const overlay = isColour(layer) ? null : layer.pictures.overlay_image.picture;
    return { params, placed: placement(params, overlay, this.base.picture), isColour: isColour(layer) };
  }

  drawables() {
    const shown = this.layers.all.filter((layer) => this.isShown(layer));
    return shown.map((layer) => ({ key: layer, pictures: picturesOf(layer), params: this.#previewParams(layer) }));
  }

  request() {
    const { name: model, defaults } = this.model;
    const params = (layer) => withoutDefaults(this.effectOf(layer).params, defaults.layer);
    const layers = this.layers.visible().map((layer) => ({ pictures: picturesOf(layer), params: params(layer) }));
    return { model, base: this.base.picture, layers, output: withoutDefaults(this.effectOfOutput().params, defaults.output) };
  }

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

  add(kind, params) {
    const layer = this.#create({ kind, params });
    this.layers.insert(layer);
    this.#carry(layer);
  }

  /** After a change of the base: each overlay keeps its relative place and size. */
  carryAll() {
    this.layers.all.forEach((layer) => this.#carry(layer));
  }

  /** Corrects the guessed size of the base. */
  setBaseSize({ width, height }) {
    Object.assign(this.base.picture, { width, height, guessed: false });
    this.stayAll();
  }

  /** After a change of the base: all parameters stay. */
  stayAll() {
    for (const layer of this.layers.all) layer.carry(layer.params, null, this.base.picture);
  }

  #carry(layer) {
    const { picture } = this.base;
    if (!picture || picture.guessed || !this.hasPreview()) return;
    const overlay = layer.pictures.overlay_image.picture;
    const params = this.#previewParams(layer);
    const isFree = overlay && !overlay.guessed && !params.region && !params.corners;
    Object.assign(layer.params, onlyKnown(layer.carry(params, isFree ? overlay : null, picture), layer.params));
  }

  /** The service refuses a displacement map without displacement_x or displacement_y. */
  setDefaultDisplacement({ params }) {
    if (params.displacement_x || params.displacement_y) return;
    Object.assign(params, { displacement_x: DEFAULT_DISPLACEMENT, displacement_y: DEFAULT_DISPLACEMENT });
  }

  /** The scene as JSON; `toSaved` converts each picture. Browsers store it: its fields must stay. */
  saved(toSaved) {
    const layers = this.layers.all.map((layer) => {
      const pictures = Object.entries(picturesOf(layer)).map(([name, picture]) => [name, toSaved(picture)]);
      return { kind: layer.kind, hidden: layer.hidden, params: { ...layer.params }, pictures: Object.fromEntries(pictures) };
    });
    return { model: this.model.name, base: toSaved(this.base.picture), answer: { ...this.output }, layers };
  }

  /** Restores all but the base; `loader` turns a saved picture into a function that loads it. */
  restore({ answer: output = {}, layers }, loader) {
    this.output = { ...this.model.defaults.output, ...output };
    this.layers.show(layers.map((layer) => this.#create(layer)));
    this.layers.all.forEach((layer, index) => {
      for (const [name, picture] of Object.entries(layers[index].pictures)) layer.pictures[name]?.take(loader(picture));
      this.#carry(layer);
    });
  }

  /** A layer of the current model; `params` are those that differ from the defaults. */
  #create(layer) {
    const { defaults, pictures } = this.model;
    return this.layers.create({ ...layer, params: { ...defaults.layer, ...layer.params } }, pictures);
  }

  /** Replaces the base; layers do not keep their relative place. */
  restoreBase(load) {
    this.base.picture = null;
    this.base.take(load);
  }
}

const NO_COLOUR = { field: "color", message: "Type a colour." };
const NO_PICTURE = { field: "overlay_image", message: "Choose a picture." };
