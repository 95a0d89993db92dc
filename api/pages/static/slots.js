/** The three places for pictures: choose, drop, paste a URL, or take the sample. */

import { fromFile, fromUrl, megabytes, softEdge, typedFault } from "./pictures.js";

const SAMPLES = { base_image: "samples/cup.jpg", overlay_image: "samples/logo.png" };
const ON_THE_STAGE = "overlay_image"; // what a file dropped on the preview becomes

export class Slots {
  /** @type {Record<string, Picture | null>} */
  pictures = {};
  #latest = {};
  /** @type {Set<string>} */
  #loading = new Set();
  /** @type {Map<string, string>} */
  #failed = new Map();
  #settled = () => {};

  constructor(origin, maxBytes, told) {
    Object.assign(this, { origin, maxBytes, told });
    this.elements = new Map([...document.querySelectorAll(".slot")].map((slot) => [slot.dataset.field, slot]));
    for (const [name, slot] of this.elements) this.#listen(name, slot);
    this.#acceptDrops();
  }

  takeSamples() {
    return Promise.all(Object.keys(SAMPLES).map((name) => this.#takeSample(name)));
  }

  /** Waits until nothing loads; returns the pictures that were refused. */
  async faults() {
    while (this.#loading.size) await new Promise((resolve) => (this.#settled = resolve));
    return [...this.#failed].map(([field, message]) => ({ field, message }));
  }

  #listen(name, slot) {
    const [file, url] = [slot.querySelector(".file"), slot.querySelector(".url")];
    file.addEventListener("change", () => {
      if (file.files.length) this.#takeFile(name, file.files[0]);
      file.value = "";
    });
    slot.querySelector("[data-url]").addEventListener("click", () => this.#askUrl(slot, url));
    url.addEventListener("input", () => this.told.typed(name, typedFault(url.value.trim())));
    url.addEventListener("change", () => this.#takeText(name, url.value.trim()));
    slot.querySelector("[data-sample]").addEventListener("click", () => this.#takeSample(name));
    slot.querySelector("[data-clear]")?.addEventListener("click", () => this.#take(name, async () => null));
  }

  #askUrl(slot, url) {
    const open = slot.classList.toggle("by-url");
    slot.querySelector("[data-url]").setAttribute("aria-expanded", String(open));
    if (open) url.focus();
  }

  #takeSample(name) {
    const path = SAMPLES[name];
    const picture = () => fromUrl(`${this.origin}/${path}`, this.origin);
    return this.#take(name, path ? picture : async () => fromFile(await softEdge(), Infinity));
  }

  #takeFile(name, file) {
    return this.#take(name, () => fromFile(file, this.maxBytes));
  }

  #takeText(name, text) {
    this.#take(name, async () => (text ? fromUrl(text, this.origin) : this.pictures[name] ?? null), text);
  }

  /** The last choice counts. If it fails, the picture before it stays visible but is not submitted. */
  async #take(name, load, text = "") {
    const turn = (this.#latest[name] = Symbol(name));
    this.#loads(name);
    const [outcome] = await Promise.allSettled([load()]);
    if (this.#latest[name] !== turn) return;
    if (outcome.status === "fulfilled") this.#put(name, outcome.value, text);
    else this.#refuse(name, outcome.reason);
    this.#loading.delete(name);
    this.#settled();
  }

  #loads(name) {
    this.#failed.delete(name);
    this.#loading.add(name);
    this.elements.get(name).querySelector(".about").textContent = "loading…";
    this.told.loading(name);
  }

  #put(name, picture, text) {
    this.pictures[name] = picture;
    this.elements.get(name).querySelector(".url").value = text;
    this.show(name);
    this.told.changed(name);
  }

  #refuse(name, error) {
    this.#failed.set(name, error.message);
    this.show(name);
    this.told.failed(name, error.message);
  }

  show(name) {
    const picture = this.pictures[name] ?? null;
    const slot = this.elements.get(name);
    slot.querySelector(".about").textContent = picture ? about(picture) : "none";
    slot.classList.toggle("filled", picture !== null);
    drawThumb(slot.querySelector(".thumb"), picture);
  }

  #acceptDrops() {
    const into = (event) => event.target.closest?.(".slot")?.dataset.field ?? ON_THE_STAGE;
    let over = 0;
    const mark = (by) => {
      over = Math.max(0, over + by);
      document.body.classList.toggle("dropping", over > 0);
    };
    document.addEventListener("dragenter", () => mark(1));
    document.addEventListener("dragleave", () => mark(-1));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      mark(-over);
      const [file] = event.dataTransfer.files;
      if (file) this.#takeFile(into(event), file);
    });
  }
}

function about({ name, width, height, blob, guessed, foreign }) {
  const size = !guessed && `${width} × ${height}`;
  return [name, size, blob && megabytes(blob.size), foreign && "fetched by the service"].filter(Boolean).join(" · ");
}

function drawThumb(canvas, picture) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!picture) return;
  const by = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * by, picture.height * by];
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.image, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}
