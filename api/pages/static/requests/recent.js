/**
 * The key's recent requests and batches whose pictures still exist. The service lists them; the browser stores the scenes
 * of requests submitted here.
 *
 * An entry is `{id, at, scene, error, result, expires}`: `at` is when it was accepted (ms), `scene` null if submitted elsewhere;
 * an unfinished request leaves the list at `expires` (ms).
 */

import { Client } from "../api.js";
import { all, byId, clock, make, onClick } from "../dom.js";
import { load, save } from "../storage.js";
import { resultIn } from "./submission.js";

const MAX_REQUESTS = 12;
const MAX_BATCHES = 3;
const UNFINISHED_TTL_MS = 3600_000;
const DEBOUNCE_MS = 400;

export class Recent {
  entries = [];
  batches = []; // entries with `counts`

  constructor(key, onSelect, onOpen) {
    Object.assign(this, { key, onSelect, onOpen, timer: 0 });
    this.list = byId("recent");
    this.reload();
    setInterval(() => this.#tick(), 1000);
  }

  reload() {
    this.entries = (load(this.#storageName()) ?? []).filter(({ scene }) => scene?.model); // former versions stored none
    this.batches = this.batches.filter(({ key }) => key === this.key.value());
    this.#draw();
    clearTimeout(this.timer);
    if (this.key.value()) this.timer = setTimeout(() => this.#fetch(this.key.value()), DEBOUNCE_MS);
  }

  add(id, scene) {
    this.#store([unfinished(id, Date.now(), scene), ...this.entries].slice(0, MAX_REQUESTS));
  }

  end(id, outcome) {
    this.#store(this.entries.map((entry) => (entry.id === id ? { ...entry, ...outcome } : entry)));
  }

  unfinished() {
    return this.entries.filter(({ result, error }) => !result && !error);
  }

  /** Keeps the stored entries if the service cannot be reached. */
  async #fetch(key) {
    const startedAt = Date.now();
    const client = new Client(key);
    const [list, batches] = await Promise.all([client.requests(MAX_REQUESTS), client.batches(MAX_BATCHES)]).catch(() => []);
    if (!list || key !== this.key.value()) return;
    this.batches = batches.batches.map((batch) => entryOfBatch(batch, key));
    const stored = new Map(this.entries.map((entry) => [entry.id, entry]));
    const single = list.requests.filter((request) => !request.batch_id);
    const listed = single.map((request) => entryOf(request, stored.get(request.request_id)));
    const listedIds = new Set(listed.map(({ id }) => id));
    const oldest = list.next ? Date.parse(list.requests.at(-1).created_at) : 0;
    const unlisted = this.entries.filter(({ id, at }) => !listedIds.has(id) && (at >= startedAt || at < oldest));
    this.#store([...unlisted, ...listed].sort(newestFirst).slice(0, MAX_REQUESTS));
  }

  #storageName() {
    return `recent.${this.key.fingerprint()}`;
  }

  #store(entries) {
    this.entries = entries;
    save(this.#storageName(), entries);
    this.#draw();
  }

  #draw() {
    const alive = [...this.entries, ...this.batches].filter(({ expires }) => expires > Date.now()).sort(newestFirst);
    const drawn = JSON.stringify(alive);
    if (drawn === this.drawn) return; // redrawing would lose the focus, or a click in progress
    this.drawn = drawn;
    this.list.replaceChildren(...alive.map((entry) => this.#item(entry)));
    byId("recent-empty").hidden = alive.length > 0;
    this.#tick();
  }

  #item(entry) {
    const shown = entry.scene || entry.counts ? this.#button(entry) : elsewhere(entry);
    shown.append(entry.result ? this.#thumbnail(entry) : mark(entry), make("b", { textContent: clock(entry.at) }), countdown(entry));
    const item = make("li");
    item.append(shown);
    return item;
  }

  #button(entry) {
    const button = make("button", { type: "button" });
    onClick(button, () => (entry.counts ? this.onOpen(entry) : this.onSelect(entry)));
    return button;
  }

  /** An entry whose picture was deleted early leaves the list. */
  #thumbnail({ id, result }) {
    const image = make("img", { src: result.path, alt: "", loading: "lazy" });
    image.addEventListener("error", () => this.#store(this.entries.filter((entry) => entry.id !== id)), { once: true });
    return image;
  }

  #tick() {
    const now = Date.now();
    const isAlive = ({ expires }) => expires > now;
    if (![...this.entries, ...this.batches].every(isAlive)) {
      this.batches = this.batches.filter(isAlive);
      this.#store(this.entries.filter(isAlive));
      return;
    }
    for (const text of all("[data-expires]", this.list)) text.textContent = timeLeft(Number(text.dataset.expires) - now);
  }
}

const newestFirst = (one, other) => other.at - one.at;

const unfinished = (id, at, scene) => ({ id, at, scene, error: null, result: null, expires: at + UNFINISHED_TTL_MS });

/** A request listed by the service, merged with its stored entry. */
function entryOf(request, stored) {
  const entry = { ...unfinished(request.request_id, Date.parse(request.created_at), null), ...stored };
  if (request.expires_at) entry.expires = Date.parse(request.expires_at);
  if (request.status === "COMPLETED") entry.result = resultIn(request);
  if (request.status === "FAILED") entry.error = request.error;
  return entry;
}

function entryOfBatch({ batch_id: id, created_at: at, expires_at: expires, request_counts: counts }, key) {
  return { ...unfinished(id, Date.parse(at), null), key, counts, ...(expires && { expires: Date.parse(expires) }) };
}

/** A request submitted elsewhere has no scene to restore: it links to its picture. */
function elsewhere({ result }) {
  const link = result && { href: result.path, target: "_blank", rel: "noopener" };
  return make(result ? "a" : "div", { className: "elsewhere", ...link });
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

function timeLeft(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
}
