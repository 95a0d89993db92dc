/** The list of layers, the topmost first: selected, ordered by drag or keys, hidden, duplicated, removed. */

import { onArrows, onDrag } from "../canvas/drag.js";
import { MOST_LAYERS } from "./layers.js";
import { drawContained } from "../pictures.js";

/** @typedef {import("./layers.js").Layer} Layer */

export class LayerList {
  #list = document.getElementById("layers");
  #template = document.getElementById("layer-row");
  /** @type {Map<number, HTMLLIElement>} */
  #rows = new Map();
  #drawn = new WeakMap(); // what each swatch shows

  /** `say` tells screen readers. */
  constructor(layers, say) {
    Object.assign(this, { layers, say });
  }

  show(atFault) {
    const { all, selected } = this.layers;
    for (const [id, row] of this.#rows) if (!this.layers.byId(id)) this.#drop(id, row);
    for (const layer of all) this.#update(layer, atFault.has(layer.id));
    this.#order([...all].reverse().map(({ id }) => this.#rows.get(id)), this.#rows.get(selected.id));
    for (const button of document.querySelectorAll("[data-add]")) button.disabled = all.length >= MOST_LAYERS;
  }

  #drop(id, row) {
    const hadFocus = row.contains(document.activeElement);
    row.remove();
    this.#rows.delete(id);
    if (hadFocus) this.#rows.get(this.layers.selected.id)?.querySelector(".layer-name").focus();
  }

  /** Leaves the row that has the focus or is dragged in its place, and moves the others round it. */
  #order(rows, selected) {
    if (rows.every((row, at) => row === this.#list.children[at])) return;
    const pivot = rows.find((row) => row.contains(document.activeElement)) ?? selected;
    if (!pivot.isConnected) this.#list.append(pivot);
    const at = rows.indexOf(pivot);
    pivot.before(...rows.slice(0, at));
    pivot.after(...rows.slice(at + 1));
  }

  #update(layer, isWrong) {
    if (!this.#rows.has(layer.id)) this.#rows.set(layer.id, this.#made(layer));
    const row = this.#rows.get(layer.id);
    const name = nameOf(layer);
    const part = (selector) => row.querySelector(selector);
    part(".layer-name b").textContent = name;
    part(".layer-name small").textContent = isWrong ? "has an error" : about(layer);
    row.classList.toggle("at-fault", isWrong);
    row.classList.toggle("is-hidden", layer.hidden);
    part(".layer-name").setAttribute("aria-pressed", String(layer === this.layers.selected));
    label(part(".grip"), `Move ${name}`);
    label(part("[data-do=toggle]"), `Hide ${name}`);
    part("[data-do=toggle]").setAttribute("aria-pressed", String(layer.hidden));
    label(part("[data-do=duplicate]"), `Duplicate ${name}`);
    part("[data-do=duplicate]").disabled = this.layers.all.length >= MOST_LAYERS;
    label(part("[data-do=remove]"), `Remove ${name}`);
    part("[data-do=remove]").disabled = this.layers.all.length === 1;
    this.#drawSwatch(part("canvas"), layer);
  }

  #drawSwatch(canvas, { kind, params, pictures }) {
    const shows = kind === "colour" ? params.color : pictures.overlay_image?.picture;
    if (this.#drawn.get(canvas) === shows) return;
    this.#drawn.set(canvas, shows);
    if (kind === "picture") return drawContained(canvas, shows);
    const context = canvas.getContext("2d");
    context.fillStyle = shows ?? "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  #made(layer) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const { layers } = this;
    row.querySelector(".layer-name").addEventListener("click", () => layers.select(layer));
    for (const button of row.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => {
        const name = nameOf(layer);
        layers[button.dataset.do](layer);
        this.say(DONE[button.dataset.do](name, layer));
      });
    }
    this.#orders(layer, row, row.querySelector(".grip"));
    return row;
  }

  #orders(layer, row, grip) {
    const to = (index) => {
      this.layers.select(layer);
      this.layers.move(layer, index);
      this.say(`${nameOf(layer)}: layer ${this.layers.all.indexOf(layer) + 1} of ${this.layers.all.length}, counted from below`);
    };
    onDrag(grip, ({ clientY }) => clientY, () => (y) => this.#indexAt(y, row), to);
    onArrows(grip, (_, down) => down && to(this.layers.all.indexOf(layer) - Math.sign(down)));
  }

  /** Where a layer dragged to `y` comes to lie: below all rows that `y` is beneath the middle of. */
  #indexAt(y, row) {
    const rows = [...this.#list.children].filter((each) => each !== row);
    const above = rows.filter((each) => {
      const { top, height } = each.getBoundingClientRect();
      return y > top + height / 2;
    });
    return rows.length - above.length;
  }
}

const DONE = {
  toggle: (name, { hidden }) => `${name} ${hidden ? "hidden" : "shown"}`,
  duplicate: (name) => `${name} duplicated`,
  remove: (name) => `${name} removed`,
};

export function nameOf({ kind, params, pictures }) {
  if (kind === "colour") return params.color ?? "Colour";
  return pictures.overlay_image?.picture?.name ?? "No picture yet";
}

function about({ hidden, params, pictures }) {
  const traits = [
    hidden && "hidden",
    params.blend_mode !== "normal" && params.blend_mode,
    params.region && "in a region",
    params.corners && "warped",
    pictures.displacement_map?.picture && "displaced",
    pictures.mask?.picture && "masked",
    params.tile && "tiled",
  ];
  return traits.filter(Boolean).join(", ");
}

function label(button, text) {
  button.setAttribute("aria-label", text);
  button.title = text;
}
