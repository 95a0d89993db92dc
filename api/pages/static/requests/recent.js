/**
 * The last requests of this key and its batches, as long as their pictures exist: the service lists them, this browser
 * knows the scenes of requests.
 */

import { Client } from "../api.js";
import { clock, make } from "../dom.js";
import { load, save } from "../storage.js";
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
const MOST_BATCHES = 3;
const UNENDED_MS = 3600_000;
const QUIET_MS = 400; // after the last keystroke of a key

export class Recent {
  /** @type {Entry[]} */
  entries = [];
  batches = []; // `counts`, and what entries have

  constructor(key, chosen, opened) {
    Object.assign(this, { key, chosen, opened, asking: 0 });
    this.list = document.getElementById("recent");
    this.reload();
    setInterval(() => this.#tick(), 1000);
  }

  /** Shows the requests of the present key. */
  reload() {
    this.entries = (load(this.#name()) ?? []).filter(({ scene }) => scene?.model); // a former version saved none
    this.batches = this.batches.filter(({ key }) => key === this.key.value());
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
    const client = new Client(key, () => {});
    const [answer, batches] = await Promise.all([client.requests(MOST), client.batches(MOST_BATCHES)]).catch(() => []);
    if (!answer || key !== this.key.value()) return;
    this.batches = batches.batches.map((batch) => entryOfBatch(batch, key));
    const kept = new Map(this.entries.map((entry) => [entry.id, entry]));
    const single = answer.requests.filter((request) => !request.batch_id);
    const listed = single.map((request) => entryOf(request, kept.get(request.request_id)));
    const known = new Set(listed.map(({ id }) => id));
    const oldest = answer.next ? Date.parse(answer.requests.at(-1).created_at) : 0;
    const unlisted = this.entries.filter(({ id, at }) => !known.has(id) && (at >= asked || at < oldest));
    this.#keep([...unlisted, ...listed].sort(newestFirst).slice(0, MOST));
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
    const alive = [...this.entries, ...this.batches].filter(({ expires }) => expires > Date.now()).sort(newestFirst);
    const drawn = JSON.stringify(alive);
    if (drawn === this.drawn) return; // else a focus, or a click that has begun, would be lost
    this.drawn = drawn;
    this.list.replaceChildren(...alive.map((entry) => this.#item(entry)));
    document.getElementById("recent-empty").hidden = alive.length > 0;
    this.#tick();
  }

  #item(entry) {
    const shown = entry.scene || entry.counts ? this.#button(entry) : elsewhere(entry);
    shown.append(entry.result ? thumbnail(entry, () => this.#drop(entry)) : mark(entry), make("b", { textContent: clock(entry.at) }), countdown(entry));
    const item = make("li");
    item.append(shown);
    return item;
  }

  #button(entry) {
    const button = make("button", { type: "button" });
    button.addEventListener("click", () => (entry.counts ? this.opened(entry) : this.chosen(entry)));
    return button;
  }

  /** The picture was deleted early. */
  #drop(entry) {
    this.#keep(this.entries.filter(({ id }) => id !== entry.id));
  }

  #tick() {
    const now = Date.now();
    const isAlive = ({ expires }) => expires > now;
    if (![...this.entries, ...this.batches].every(isAlive)) {
      this.batches = this.batches.filter(isAlive);
      this.#keep(this.entries.filter(isAlive));
      return;
    }
    for (const text of this.list.querySelectorAll("[data-expires]")) text.textContent = left(Number(text.dataset.expires) - now);
  }
}

const newestFirst = (one, other) => other.at - one.at;

const unended = (id, at, scene) => ({ id, at, scene, error: null, result: null, expires: at + UNENDED_MS });

/** A request as the service lists it, with what this browser has kept of it. */
function entryOf(request, kept) {
  const entry = { ...unended(request.request_id, Date.parse(request.created_at), null), ...kept };
  if (request.expires_at) entry.expires = Date.parse(request.expires_at);
  if (request.status === "COMPLETED") entry.result = resultIn(request);
  if (request.status === "FAILED") entry.error = request.error;
  return entry;
}

function entryOfBatch({ batch_id: id, created_at: at, expires_at: expires, request_counts: counts }, key) {
  return { ...unended(id, Date.parse(at), null), key, counts, ...(expires && { expires: Date.parse(expires) }) };
}

/** A request that was not made here has no scene to restore: its picture opens by itself. */
function elsewhere({ result }) {
  const link = result && { href: result.path, target: "_blank", rel: "noopener" };
  return make(result ? "a" : "div", { className: "elsewhere", ...link });
}

function thumbnail({ result }, gone) {
  const image = make("img", { src: result.path, alt: "", loading: "lazy" });
  image.addEventListener("error", gone, { once: true });
  return image;
}

function mark({ error, counts }) {
  const textContent = counts ? `Batch: ${counts.completed + counts.failed} of ${counts.total}` : error ? "FAILED" : "…";
  return make("span", { className: "mark", textContent });
}

function countdown({ expires, error }) {
  if (error) return make("small", { textContent: "no picture" });
  const text = make("small");
  text.dataset.expires = String(expires);
  return text;
}

function left(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
}
