/** The pictures of a batch in a grid: each base, then its result. Arrow keys move between them. */

import { onArrows } from "../canvas/drag.js";
import { fromTemplate, make, onClick } from "../dom.js";
import { megabytes } from "../pictures.js";
import { resultIn } from "../requests/submission.js";

const GROWTH = 200; // tiles created at a time, as most of thousands are never scrolled to
const STATES = { QUEUED: "waiting", PROCESSING: "processing" };

export class Tiles {
  #list;
  #all = []; // tiles: {path, file, status, result, error}
  #pressed = -1;
  #tabStop = 0; // index of the tile that Tab focuses
  #observer = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => isIntersecting && this.#reveal(target)));

  constructor(list, onSelect) {
    this.#list = list;
    onClick(list, ({ target }) => {
      const item = target.closest("li");
      if (item) onSelect(this.#indexOf(item));
    });
    onArrows(list, (right, down) => this.#focus(this.#tabStop + right + down * this.#columns()));
    list.addEventListener("focusin", ({ target }) => this.#setTabStop(this.#indexOf(target.closest("li"))));
  }

  /** Replaces all tiles; each shows its file, if it has one. */
  reset(bases) {
    this.#observer.disconnect();
    this.#list.replaceChildren();
    this.#all = bases.map(({ path, file }) => ({ path, file, status: "", result: null, error: "" }));
    this.#pressed = -1;
    this.#grow();
    this.#setTabStop(0);
  }

  press(index) {
    for (const each of [this.#pressed, index]) this.#button(each)?.setAttribute("aria-pressed", String(each === index));
    this.#pressed = index;
  }

  resultOf(index) {
    return this.#all[index].result;
  }

  /** Shows the state of a request, unless it has ended already. */
  update(index, request) {
    const tile = this.#all[index];
    if (tile.result || tile.error) return;
    tile.path = request.custom_id ?? tile.path;
    tile.status = request.status;
    tile.error = request.error ?? "";
    if (request.images?.length) tile.result = resultIn(request);
    const button = this.#button(index);
    if (button) draw(button, tile);
  }

  reasons() {
    const failed = Map.groupBy(this.#all.filter(({ error }) => error), ({ error }) => error);
    return new Map([...failed].map(([error, tiles]) => [error, tiles.map(({ path }) => path)]));
  }

  #grow() {
    const from = this.#list.childElementCount;
    const items = this.#all.slice(from, from + GROWTH).map((tile, index) => this.#create(tile, from + index));
    this.#list.append(...items);
    for (const item of items) this.#observer.observe(item);
  }

  #create(tile, index) {
    const item = fromTemplate("tile");
    const button = item.querySelector("button");
    button.ariaPressed = index === this.#pressed;
    draw(button, tile);
    return item;
  }

  /** Loads the file of a tile that has been scrolled into view. */
  #reveal(item) {
    this.#observer.unobserve(item);
    const index = this.#indexOf(item);
    const { file, result } = this.#all[index];
    if (file && !result) showFile(item, file);
    if (index === this.#list.childElementCount - 1) this.#grow();
  }

  #indexOf(item) {
    return [...this.#list.children].indexOf(item);
  }

  #button(index) {
    return this.#list.children[index]?.querySelector("button");
  }

  #columns() {
    const [{ offsetTop: first }] = this.#list.children;
    const next = [...this.#list.children].findIndex(({ offsetTop }) => offsetTop !== first);
    return next < 0 ? this.#all.length : next;
  }

  #focus(target) {
    const index = Math.min(this.#all.length - 1, Math.max(0, target));
    while (this.#list.childElementCount <= index) this.#grow();
    this.#button(index).focus();
  }

  #setTabStop(index) {
    this.#button(this.#tabStop)?.setAttribute("tabindex", "-1");
    this.#tabStop = index;
    this.#button(index)?.setAttribute("tabindex", "0");
  }
}

/** Shows the name of the file; the tooltip has the path. */
function draw(button, tile) {
  button.title = tile.path;
  button.querySelector("b").textContent = tile.path.split("/").pop();
  button.querySelector("small").textContent = stateOf(tile);
  button.classList.toggle("at-fault", Boolean(tile.error));
  if (tile.result) show(button, tile.result.path);
}

function stateOf({ file, status, result, error }) {
  if (error) return "FAILED";
  if (result) return `${result.width} × ${result.height}`;
  return STATES[status] ?? (file ? megabytes(file.size) : "");
}

function showFile(item, file) {
  const url = URL.createObjectURL(file);
  const image = show(item, url);
  for (const end of ["load", "error"]) image.addEventListener(end, () => URL.revokeObjectURL(url), { once: true });
}

function show(within, source) {
  const image = make("img", { alt: "", loading: "lazy", src: source });
  const placeholder = () => make("span", { className: "mark", textContent: "no preview" });
  image.addEventListener("error", () => image.replaceWith(placeholder()), { once: true });
  within.querySelector(".mark, img").replaceWith(image);
  return image;
}
