/** The card of a batch: what is said of it, how far it is, and why pictures failed. */

import { count, some } from "./bases.js";
import { clock, make } from "../dom.js";
import { measureBars } from "../scene/panel.js";

const NAMED_REASONS = 10;
const NARROW = matchMedia("(max-width: 940px)"); // the preview is sticky there
const PARTS = ["title", "text", "progress", "failed", "left-out", "zip", "stop", "close"];

export class BatchCard {
  #root = document.getElementById("batch");
  #parts = Object.fromEntries(PARTS.map((name) => [name, document.getElementById(`batch-${name}`)]));

  /** `stop` and `close`: what its buttons do. */
  constructor(acts) {
    for (const [name, act] of Object.entries(acts)) this.#parts[name].addEventListener("click", act);
  }

  show(title) {
    this.#root.hidden = false;
    this.#parts.title.textContent = title;
    this.clear();
    this.#parts["left-out"].textContent = "";
  }

  /** Says nothing more of a batch. */
  clear() {
    this.#root.classList.remove("refused");
    for (const name of ["progress", "zip"]) this.#parts[name].hidden = true;
    this.#parts.failed.replaceChildren();
    this.say("");
  }

  hide() {
    this.#root.hidden = true;
  }

  bringIntoView() {
    measureBars();
    this.#root.scrollIntoView({ block: NARROW.matches ? "start" : "nearest" });
  }

  running(on) {
    this.#parts.stop.hidden = !on;
    this.#parts.close.hidden = on;
  }

  stopping() {
    this.#parts.stop.hidden = true;
  }

  say(text) {
    if (this.#parts.text.textContent !== text) this.#parts.text.textContent = text;
  }

  leftOut(text) {
    this.#parts["left-out"].textContent = text;
  }

  /** Without numbers it only goes on. */
  progress(text, done, total) {
    const { progress } = this.#parts;
    progress.hidden = false;
    if (done === undefined) progress.removeAttribute("value");
    else Object.assign(progress, { max: total, value: done });
    this.say(text);
  }

  fail(text) {
    this.#parts.progress.hidden = true;
    this.#root.classList.add("refused");
    this.say(text);
  }

  /** How far a batch is, as the service tells of it. */
  tell(batch) {
    const { total, completed, failed } = batch.request_counts;
    const isEnded = batch.status === "COMPLETED";
    const parts = [
      `${completed + failed} of ${total}`,
      failed && `${failed} failed`,
      batch.cancelled && (isEnded ? "cancelled" : "cancelling"),
      isEnded && `${seconds(batch)} s`,
      isEnded && completed && `pictures are here until ${clock(batch.expires_at, {})}`,
    ];
    this.progress(parts.filter(Boolean).join(" · "), completed + failed, total);
    this.#parts.zip.hidden = !(isEnded && completed);
    this.#parts.zip.href = `archives/${batch.zip_url.split("/").pop()}`; // of this page's own service
  }

  /** @param {Map<string, string[]>} reasons  with the names of those that failed so */
  tellFailed(reasons) {
    const lines = [...reasons].slice(0, NAMED_REASONS).map(([why, names]) => `${some(names)}: ${why}`);
    if (reasons.size > lines.length) lines.push(`and ${count(reasons.size - lines.length, "other reason")}`);
    const items = [...this.#parts.failed.children].map(({ textContent }) => textContent);
    if (lines.join("\n") !== items.join("\n")) this.#parts.failed.replaceChildren(...lines.map((textContent) => make("li", { textContent })));
  }
}

const seconds = ({ created_at: begun, finished_at: ended }) => ((Date.parse(ended) - Date.parse(begun)) / 1000).toFixed(1);
