/** The last requests of this key, as long as their pictures exist. */

import { load, save } from "./storage.js";

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {number} at         when it was accepted, ms
 * @property {object} scene      as the page saved it
 * @property {string | null} error
 * @property {import("./result.js").Result | null} result
 * @property {number} expires    ms; of one that has not ended, when it is given up
 */

const MOST = 12;
const UNENDED_MS = 3600_000;

export class Recent {
  /** @type {Entry[]} */
  entries = [];

  constructor(fingerprint, chosen) {
    Object.assign(this, { fingerprint, chosen });
    this.list = document.getElementById("recent");
    this.reload();
    setInterval(() => this.#tick(), 1000);
  }

  /** Shows the requests of the present key. */
  reload() {
    this.entries = (load(this.#name()) ?? []).filter(({ scene }) => scene?.model); // a former version saved none
    this.#draw();
  }

  add(id, scene) {
    const at = Date.now();
    const entry = { id, at, scene, error: null, result: null, expires: at + UNENDED_MS };
    this.#keep([entry, ...this.entries].slice(0, MOST));
  }

  end(id, ended) {
    this.#keep(this.entries.map((entry) => (entry.id === id ? { ...entry, ...ended } : entry)));
  }

  unended() {
    return this.entries.filter(({ result, error }) => !result && !error);
  }

  #name() {
    return `recent.${this.fingerprint()}`;
  }

  #keep(entries) {
    this.entries = entries;
    save(this.#name(), entries);
    this.#draw();
  }

  #draw() {
    const alive = this.entries.filter(({ expires }) => expires > Date.now());
    this.list.replaceChildren(...alive.map((entry) => this.#item(entry)));
    document.getElementById("recent-empty").hidden = alive.length > 0;
    this.#tick();
  }

  #item(entry) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.append(entry.result ? thumbnail(entry, () => this.#drop(entry)) : mark(entry), time(entry), countdown(entry));
    button.addEventListener("click", () => this.chosen(entry));
    item.append(button);
    return item;
  }

  /** The picture was deleted early. */
  #drop(entry) {
    this.#keep(this.entries.filter(({ id }) => id !== entry.id));
  }

  #tick() {
    const now = Date.now();
    if (this.entries.some(({ expires }) => expires <= now)) {
      this.#keep(this.entries.filter(({ expires }) => expires > now));
      return;
    }
    for (const text of this.list.querySelectorAll("[data-expires]")) text.textContent = left(Number(text.dataset.expires) - now);
  }
}

function thumbnail({ result }, gone) {
  const image = document.createElement("img");
  Object.assign(image, { src: result.path, alt: "", loading: "lazy" });
  image.addEventListener("error", gone, { once: true });
  return image;
}

function mark({ error }) {
  const box = document.createElement("span");
  box.className = "mark";
  box.textContent = error ? "FAILED" : "…";
  return box;
}

function time({ at }) {
  const text = document.createElement("b");
  text.textContent = new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return text;
}

function countdown({ expires, error }) {
  const text = document.createElement("small");
  if (error) text.textContent = "no picture";
  else text.dataset.expires = String(expires);
  return text;
}

function left(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
}
