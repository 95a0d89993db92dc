/** The slots for pictures of the base and the selected layer: choose a file, drop one, type a URL, or use the sample. */

import { all, onClick } from "../dom.js";
import { drawContained, fromFile, fromUrl, megabytes, ripples, sampleAt, softEdge, typedFault } from "../pictures.js";

const SAMPLES = { base_image: "cup.jpg", overlay_image: "logo.png" };
const GENERATED = { mask: softEdge, displacement_map: ripples };

export class Slots {
  #choices = {}; // the `Choice` in each slot

  /**
   * Calls `onTyped(choice, fault)` while a URL is typed, and `onMany(items)` for a folder or several files; `stageChoice()`
   * returns the choice for a file dropped on the preview.
   */
  constructor(origin, maxBytes, { onTyped, onMany, stageChoice }) {
    Object.assign(this, { origin, maxBytes, onTyped, onMany, stageChoice });
    this.use(document);
    this.#acceptDrops();
  }

  use(root) {
    for (const slot of all(".slot", root)) {
      delete this.#choices[slot.dataset.field];
      this.#listen(slot.dataset.field, slot);
    }
  }

  show(choices) {
    for (const [name, choice] of Object.entries(choices)) {
      if (this.#choices[name] !== choice) slotOf(name).querySelector(".url").value = choice.text;
      this.#choices[name] = choice;
      this.update(choice);
    }
  }

  /** Shows the state of a choice, if its slot is visible. */
  update(choice) {
    const { name, picture, isLoading, error } = choice;
    if (this.#choices[name] !== choice) return;
    const slot = slotOf(name);
    if (!isLoading && !error) slot.querySelector(".url").value = choice.text;
    slot.querySelector(".about").textContent = isLoading ? "loading…" : picture ? about(picture) : "none";
    slot.classList.toggle("filled", picture !== null);
    if (!isLoading) drawContained(slot.querySelector(".thumb"), picture);
  }

  #listen(name, slot) {
    const url = slot.querySelector(".url");
    const choice = () => this.#choices[name];
    for (const input of all(".file", slot)) {
      input.addEventListener("change", () => {
        const files = [...input.files];
        input.value = "";
        if (files.length > 1 || input.webkitdirectory) this.onMany(files);
        else if (files.length) this.#takeFile(choice(), files[0]);
      });
    }
    onClick(slot.querySelector("[data-url]"), ({ target }) => {
      target.ariaExpanded = slot.classList.toggle("by-url");
      if (slot.matches(".by-url")) url.focus();
    });
    url.addEventListener("input", () => this.onTyped(choice(), typedFault(url.value.trim())));
    url.addEventListener("change", () => {
      const text = url.value.trim();
      const { picture } = choice();
      choice().take(async () => (text ? fromUrl(text, this.origin) : picture), text);
    });
    const sample = name in SAMPLES ? sampleAt(this.origin, SAMPLES[name]) : async () => fromFile(await GENERATED[name](), Infinity);
    onClick(slot.querySelector("[data-sample]"), () => choice().take(sample));
    for (const clear of all("[data-clear]", slot)) onClick(clear, () => choice().take(async () => null));
  }

  #takeFile(choice, file) {
    choice.take(() => fromFile(file, this.maxBytes));
  }

  #acceptDrops() {
    const target = (event) => this.#choices[event.target.closest?.(".slot")?.dataset.field] ?? this.stageChoice();
    let depth = 0; // of entered elements
    const mark = (change) => {
      depth = Math.max(0, depth + change);
      document.body.classList.toggle("dropping", depth > 0);
    };
    document.addEventListener("dragenter", () => mark(1));
    document.addEventListener("dragleave", () => mark(-1));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      mark(-depth);
      const items = [...event.dataTransfer.items].map(dropped).filter(Boolean);
      if (items.length > 1 || items[0]?.isDirectory) this.onMany(items);
      else if (items.length) this.#takeFile(target(event), items[0]);
    });
  }
}

const slotOf = (name) => document.querySelector(`.slot[data-field="${name}"]`);

/** A dropped folder's entry or a file; null for anything else. */
function dropped(item) {
  const entry = item.webkitGetAsEntry();
  return entry?.isDirectory ? entry : item.getAsFile();
}

function about({ name, width, height, blob, guessed, external }) {
  const size = !guessed && `${width} × ${height}`;
  return [name, size, blob && megabytes(blob.size), external && "fetched by the service"].filter(Boolean).join(" · ");
}
