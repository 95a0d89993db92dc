/** The list of layers, the topmost first: select, reorder by drag or keys, hide, duplicate, remove. */

import { onArrows, onDrag } from "../canvas/drag.js";
import { all, byId, fill, fromTemplate, onClick } from "../dom.js";
import { drawContained } from "../pictures.js";
import { MAX_LAYERS } from "./layers.js";

export class LayerList {
  #list = byId("layers");
  #rows = new Map(); // by the id of the layer
  #drawn = new WeakMap(); // the picture or colour on each swatch

  constructor(layers, say) {
    Object.assign(this, { layers, say });
  }

  show(atFault) {
    const { all: layers, selected } = this.layers;
    for (const [id, row] of this.#rows) if (!this.layers.byId(id)) this.#drop(id, row);
    for (const layer of layers) this.#update(layer, atFault.has(layer.id));
    this.#order(layers.toReversed().map(({ id }) => this.#rows.get(id)), this.#rows.get(selected.id));
    for (const button of all("[data-add], [data-do=duplicate]")) button.disabled = layers.length >= MAX_LAYERS;
    for (const button of all("[data-do=remove]")) button.disabled = layers.length === 1;
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
    part(".layer-name").ariaPressed = layer === this.layers.selected;
    part("[data-do=toggle]").ariaPressed = layer.hidden;
    label(part(".grip"), `Move ${name}`);
    for (const [action, { verb }] of Object.entries(ACTIONS)) label(part(`[data-do=${action}]`), `${verb} ${name}`);
    this.#drawSwatch(part("canvas"), layer);
  }

  #drawSwatch(canvas, { kind, params, pictures }) {
    const content = kind === "colour" ? params.color : pictures.overlay_image?.picture;
    if (this.#drawn.get(canvas) === content) return;
    this.#drawn.set(canvas, content);
    if (kind === "picture") drawContained(canvas, content);
    else fill(canvas.getContext("2d"), content ?? "#ffffff");
  }

  #createRow(layer) {
    const row = fromTemplate("layer-row");
    const { layers } = this;
    onClick(row.querySelector(".layer-name"), () => layers.select(layer));
    for (const button of all("[data-do]", row)) {
      onClick(button, () => {
        const name = nameOf(layer);
        layers[button.dataset.do](layer);
        this.say(`${name} ${ACTIONS[button.dataset.do].done(layer)}`);
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

const ACTIONS = {
  toggle: { verb: "Hide", done: ({ hidden }) => (hidden ? "hidden" : "shown") },
  duplicate: { verb: "Duplicate", done: () => "duplicated" },
  remove: { verb: "Remove", done: () => "removed" },
};

const label = (button, text) => Object.assign(button, { ariaLabel: text, title: text });

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
