/** The last requests of this key, as long as their pictures exist: the service lists them, this browser knows their scenes. */

import { Client } from "./api.js";
import { load, save } from "./storage.js";
import { resultIn } from "./submission.js";

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {number} at         when it was accepted, ms
 * @property {object | null} scene  as the page saved it; null of a request that was not made here
 * @property {string | null} error
 * @property {import("./result.js").Result | null} result
 * @property {number} expires    ms; of one that has not ended, when it is given up
 */

const MOST = 12;
const UNENDED_MS = 3600_000;
const QUIET_MS = 400; // after the last keystroke of a key

export class Recent {
  /** @type {Entry[]} */
  entries = [];

  constructor(key, chosen) {
    Object.assign(this, { key, chosen, asking: 0 });
    this.list = document.getElementById("recent");
    this.reload();
    setInterval(() => this.#tick(), 1000);
  }

  /** Shows the requests of the present key. */
  reload() {
    this.entries = (load(this.#name()) ?? []).filter(({ scene }) => scene); // a former version saved none
    this.#draw();
    clearTimeout(this.asking);
    if (this.key.value()) this.asking = setTimeout(() => this.#ask(this.key.value()), QUIET_MS);
  }

  add(id, scene) {
    this.#keep([unended(id, Date.now(), scene), ...this.entries].slice(0, MOST));
  }

  end(id, ended) {
    this.#keep(this.entries.map((entry) => (entry.id === id ? { ...entry, ...ended } : entry)));
  }

  unended() {
    return this.entries.filter(({ result, error }) => !result && !error);
  }

  /** Silent if the service cannot be reached: what is kept here stays. */
  async #ask(key) {
    const asked = Date.now();
    const answer = await new Client(key, () => {}).requests(MOST).catch(() => null);
    if (!answer || key !== this.key.value()) return;
    const kept = new Map(this.entries.map((entry) => [entry.id, entry]));
    const listed = answer.requests.map((request) => entryOf(request, kept.get(request.request_id)));
    const known = new Set(listed.map(({ id }) => id));
    const added = this.entries.filter(({ id, at }) => at >= asked && !known.has(id));
    this.#keep([...added, ...listed].slice(0, MOST));
  }

  #name() {
    return `recent.${this.key.fingerprint()}`;
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
    const shown = entry.scene ? this.#button(entry) : elsewhere(entry);
    shown.append(entry.result ? thumbnail(entry, () => this.#drop(entry)) : mark(entry), time(entry), countdown(entry));
    item.append(shown);
    return item;
  }

  #button(entry) {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => this.chosen(entry));
    return button;
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

const unended = (id, at, scene) => ({ id, at, scene, error: null, result: null, expires: at + UNENDED_MS });

/** A request as the service lists it, with what this browser has kept of it. */
function entryOf(request, kept) {
  const entry = { ...unended(request.request_id, Date.parse(request.created_at), null), ...kept };
  if (request.expires_at) entry.expires = Date.parse(request.expires_at);
  if (request.status === "COMPLETED") entry.result = resultIn(request);
  if (request.status === "FAILED") entry.error = request.error;
  return entry;
}

/** A request that was not made here has no scene to restore: its picture opens by itself. */
function elsewhere({ result }) {
  const shown = document.createElement(result ? "a" : "div");
  shown.className = "elsewhere";
  if (result) Object.assign(shown, { href: result.path, target: "_blank", rel: "noopener" });
  return shown;
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
