/** The pictures of a batch in a grid: each base until its picture is made. Arrow keys move between them. */

import { onArrows } from "../canvas/drag.js";
import { make } from "../dom.js";
import { megabytes } from "../pictures.js";
import { resultIn } from "../requests/submission.js";

/** @typedef {{path: string, file?: File, status: string, result: object | null, error: string}} Tile */

const GROWTH = 200; // tiles that are made at a time: of thousands most are never scrolled to
const STATES = { QUEUED: "waiting", PROCESSING: "processing" };

export class Tiles {
  #list;
  #template = document.getElementById("tile");
  /** @type {Tile[]} */
  #all = [];
  #pressed = -1;
  #at = 0; // of the one that Tab reaches
  #seen = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => isIntersecting && this.#reached(target)));

  /** Calls `chosen(index)`. */
  constructor(list, chosen) {
    this.#list = list;
    list.addEventListener("click", ({ target }) => {
      const item = target.closest("li");
      if (item) chosen(this.#indexOf(item));
    });
    onArrows(list, (right, down) => this.#focus(this.#at + right + down * this.#columns()));
    list.addEventListener("focusin", ({ target }) => this.#stop(this.#indexOf(target.closest("li"))));
  }

  /** These in place of all; each shows its file, if it has one. */
  name(bases) {
    this.#seen.disconnect();
    this.#list.replaceChildren();
    this.#all = bases.map(({ path, file }) => ({ path, file, status: "", result: null, error: "" }));
    this.#pressed = -1;
    this.#grow();
    this.#stop(0);
  }

  press(at) {
    for (const each of [this.#pressed, at]) this.#button(each)?.setAttribute("aria-pressed", String(each === at));
    this.#pressed = at;
  }

  resultOf(at) {
    return this.#all[at].result;
  }

  /** What has become of its request. */
  update(at, request) {
    const tile = this.#all[at];
    if (tile.result || tile.error) return;
    tile.path = request.custom_id ?? tile.path;
    tile.status = request.status;
    tile.error = request.error ?? "";
    if (request.images?.length) tile.result = resultIn(request);
    const button = this.#button(at);
    if (button) draw(button, tile);
  }

  /** Why some failed, each with their names. */
  reasons() {
    const failed = Map.groupBy(this.#all.filter(({ error }) => error), ({ error }) => error);
    return new Map([...failed].map(([error, tiles]) => [error, tiles.map(({ path }) => path)]));
  }

  #grow() {
    const from = this.#list.childElementCount;
    const items = this.#all.slice(from, from + GROWTH).map((tile, at) => this.#made(tile, from + at));
    this.#list.append(...items);
    for (const item of items) this.#seen.observe(item);
  }

  #made(tile, at) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    const button = item.querySelector("button");
    button.setAttribute("aria-pressed", String(at === this.#pressed));
    draw(button, tile);
    return item;
  }

  /** By scrolling. */
  #reached(item) {
    this.#seen.unobserve(item);
    const at = this.#indexOf(item);
    const { file, result } = this.#all[at];
    if (file && !result) showFile(item, file);
    if (at === this.#list.childElementCount - 1) this.#grow();
  }

  #indexOf(item) {
    return [...this.#list.children].indexOf(item);
  }

  #button(at) {
    return this.#list.children[at]?.querySelector("button");
  }

  #columns() {
    const [{ offsetTop: first }] = this.#list.children;
    const next = [...this.#list.children].findIndex(({ offsetTop }) => offsetTop !== first);
    return next < 0 ? this.#all.length : next;
  }

  #focus(at) {
    const within = Math.min(this.#all.length - 1, Math.max(0, at));
    while (this.#list.childElementCount <= within) this.#grow();
    this.#button(within).focus();
  }

  /** Where Tab stops. */
  #stop(at) {
    this.#button(this.#at)?.setAttribute("tabindex", "-1");
    this.#at = at;
    this.#button(at)?.setAttribute("tabindex", "0");
  }
}

/** By the file's name; the tooltip has its folders. */
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
  const empty = () => make("span", { className: "mark", textContent: "no preview" });
  image.addEventListener("error", () => image.replaceWith(empty()), { once: true });
  within.querySelector(".mark, img").replaceWith(image);
  return image;
}
