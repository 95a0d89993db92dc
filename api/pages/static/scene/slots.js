/** The places for pictures: choose, drop, paste a URL, or take the sample. Those of the selected layer are shown. */

import { drawContained, fromFile, fromUrl, megabytes, ripples, sampleAt, softEdge, typedFault } from "../pictures.js";

/** @typedef {import("./choice.js").Choice} Choice */

const SAMPLES = { base_image: "cup.jpg", overlay_image: "logo.png" };
const DRAWN = { mask: softEdge, displacement_map: ripples };

export class Slots {
  /** @type {Record<string, Choice>} */
  #choices = {};

  /**
   * Calls `typed(choice, fault)` while a URL is typed, and `many(items)` for a folder or several files; `onStage()` is the
   * choice that a file on the preview is for.
   */
  constructor(origin, maxBytes, { typed, onStage, many }) {
    Object.assign(this, { origin, maxBytes, typed, onStage, many });
    this.elements = new Map();
    this.use(document);
    this.#acceptDrops();
  }

  /** Takes the slots of this part of the page. */
  use(root) {
    for (const slot of root.querySelectorAll(".slot")) {
      const name = slot.dataset.field;
      this.elements.set(name, slot);
      delete this.#choices[name];
      this.#listen(name, slot);
    }
  }

  /** @param {Record<string, Choice>} choices  for each slot its own */
  show(choices) {
    for (const [name, choice] of Object.entries(choices)) {
      if (this.#choices[name] !== choice) this.elements.get(name).querySelector(".url").value = choice.text;
      this.#choices[name] = choice;
      this.update(choice);
    }
  }

  /** Shows what has become of a choice, if it is one of those shown. */
  update(choice) {
    const { name, picture, isLoading, error } = choice;
    if (this.#choices[name] !== choice) return;
    const slot = this.elements.get(name);
    if (!isLoading && !error) slot.querySelector(".url").value = choice.text;
    slot.querySelector(".about").textContent = isLoading ? "loading…" : picture ? about(picture) : "none";
    slot.classList.toggle("filled", picture !== null);
    if (!isLoading) drawContained(slot.querySelector(".thumb"), picture);
  }

  #listen(name, slot) {
    const url = slot.querySelector(".url");
    const choice = () => this.#choices[name];
    for (const input of slot.querySelectorAll(".file")) {
      input.addEventListener("change", () => {
        const files = [...input.files];
        input.value = "";
        if (files.length > 1 || input.webkitdirectory) this.many(files);
        else if (files.length) this.#takeFile(choice(), files[0]);
      });
    }
    slot.querySelector("[data-url]").addEventListener("click", () => this.#askUrl(slot, url));
    url.addEventListener("input", () => this.typed(choice(), typedFault(url.value.trim())));
    url.addEventListener("change", () => this.#takeText(choice(), url.value.trim()));
    slot.querySelector("[data-sample]").addEventListener("click", () => choice().take(this.#sample(name)));
    slot.querySelector("[data-clear]")?.addEventListener("click", () => choice().take(async () => null));
  }

  #askUrl(slot, url) {
    const open = slot.classList.toggle("by-url");
    slot.querySelector("[data-url]").setAttribute("aria-expanded", String(open));
    if (open) url.focus();
  }

  #sample(name) {
    return name in SAMPLES ? sampleAt(this.origin, SAMPLES[name]) : async () => fromFile(await DRAWN[name](), Infinity);
  }

  #takeFile(choice, file) {
    choice.take(() => fromFile(file, this.maxBytes));
  }

  #takeText(choice, text) {
    choice.take(async () => (text ? fromUrl(text, this.origin) : choice.picture), text);
  }

  #acceptDrops() {
    const into = (event) => this.#choices[event.target.closest?.(".slot")?.dataset.field] ?? this.onStage();
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
      const items = [...event.dataTransfer.items].map(dropped).filter(Boolean);
      if (items.length > 1 || items[0]?.isDirectory) this.many(items);
      else if (items.length) this.#takeFile(into(event), items[0]);
    });
  }
}

/** The folder, or the file, if it is one. */
function dropped(item) {
  const entry = item.webkitGetAsEntry();
  return entry?.isDirectory ? entry : item.getAsFile();
}

function about({ name, width, height, blob, guessed, foreign }) {
  const size = !guessed && `${width} × ${height}`;
  return [name, size, blob && megabytes(blob.size), foreign && "fetched by the service"].filter(Boolean).join(" · ");
}
