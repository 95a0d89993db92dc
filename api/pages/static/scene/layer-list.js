/** The list of layers, the topmost first: select, reorder by drag or keys, hide, duplicate, remove. */

import { onArrows, onDrag } from "../canvas/drag.js";
import { MAX_LAYERS } from "./layers.js";
import { drawContained } from "../pictures.js";

/** @typedef {import("./layers.js").Layer} Layer */

export class LayerList {
  #list = document.getElementById("layers");
  #template = document.getElementById("layer-row");
  /** @type {Map<number, HTMLLIElement>} */
  #rows = new Map();
  #drawn = new WeakMap(); // the picture or colour on each swatch

  /** `say` announces a text to screen readers. */
  constructor(layers, say) {
    Object.assign(this, { layers, say });
  }

  show(atFault) {
    const { all, selected } = this.layers;
    for (const [id, row] of this.#rows) if (!this.layers.byId(id)) this.#drop(id, row);
    for (const layer of all) this.#update(layer, atFault.has(layer.id));
    this.#order([...all].reverse().map(({ id }) => this.#rows.get(id)), this.#rows.get(selected.id));
    for (const button of document.querySelectorAll("[data-add]")) button.disabled = all.length >= MAX_LAYERS;
  }

  #drop(id, row) {
    const hadFocus = row.contains(document.activeElement);
    row.remove();
    this.#rows.delete(id);
    if (hadFocus) this.#rows.get(this.layers.selected.id)?.querySelector(".layer-name").focus();
  }

  /** Moves all rows around the focused or selected one, because moving that row would end its focus or drag. */
  #order(rows, selected) {
    if (rows.every((row, index) => row === this.#list.children[index])) return;
    const pivot = rows.find((row) => row.contains(document.activeElement)) ?? selected;
    if (!pivot.isConnected) this.#list.append(pivot);
    const index = rows.indexOf(pivot);
    pivot.before(...rows.slice(0, index));
    pivot.after(...rows.slice(index + 1));
  }

  #update(layer, isWrong) {
    if (!this.#rows.has(layer.id)) this.#rows.set(layer.id, this.#createRow(layer));
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
    part("[data-do=duplicate]").disabled = this.layers.all.length >= MAX_LAYERS;
    label(part("[data-do=remove]"), `Remove ${name}`);
    part("[data-do=remove]").disabled = this.layers.all.length === 1;
    this.#drawSwatch(part("canvas"), layer);
  }

  #drawSwatch(canvas, { kind, params, pictures }) {
    const content = kind === "colour" ? params.color : pictures.overlay_image?.picture;
    if (this.#drawn.get(canvas) === content) return;
    this.#drawn.set(canvas, content);
    if (kind === "picture") return drawContained(canvas, content);
    const context = canvas.getContext("2d");
    context.fillStyle = content ?? "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  #createRow(layer) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const { layers } = this;
    row.querySelector(".layer-name").addEventListener("click", () => layers.select(layer));
    for (const button of row.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => {
        const name = nameOf(layer);
        layers[button.dataset.do](layer);
        this.say(ANNOUNCEMENTS[button.dataset.do](name, layer));
      });
    }
    this.#makeMovable(layer, row, row.querySelector(".grip"));
    return row;
  }

  #makeMovable(layer, row, grip) {
    const move = (index) => {
      this.layers.select(layer);
      this.layers.move(layer, index);
      this.say(`${nameOf(layer)}: layer ${this.layers.all.indexOf(layer) + 1} of ${this.layers.all.length}, counted from below`);
    };
    onDrag(grip, ({ clientY }) => clientY, () => (y) => this.#indexAt(y, row), move);
    onArrows(grip, (_, down) => down && move(this.layers.all.indexOf(layer) - Math.sign(down)));
  }

  /** The index of a layer dragged to `y`: below all rows whose middle is above `y`. */
  #indexAt(y, row) {
    const rows = [...this.#list.children].filter((each) => each !== row);
    const above = rows.filter((each) => {
      const { top, height } = each.getBoundingClientRect();
      return y > top + height / 2;
    });
    return rows.length - above.length;
  }
}

const ANNOUNCEMENTS = {
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
