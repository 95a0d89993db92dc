/** The card of a batch: its status, progress, and the reasons of failures. */

import { count, shorten } from "./bases.js";
import { clock, make } from "../dom.js";
import { measureBars } from "../scene/panel.js";

const SHOWN_REASONS = 10;
const NARROW = matchMedia("(max-width: 940px)"); // where the preview is sticky
const PARTS = ["title", "text", "progress", "failed", "left-out", "zip", "stop", "close"];

export class BatchCard {
  #root = document.getElementById("batch");
  #parts = Object.fromEntries(PARTS.map((name) => [name, document.getElementById(`batch-${name}`)]));

  /** `actions`: of the buttons `stop` and `close`. */
  constructor(actions) {
    for (const [name, action] of Object.entries(actions)) this.#parts[name].addEventListener("click", action);
  }

  show(title) {
    this.#root.hidden = false;
    this.#parts.title.textContent = title;
    this.clear();
    this.#parts["left-out"].textContent = "";
  }

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

  setRunning(on) {
    this.#parts.stop.hidden = !on;
    this.#parts.close.hidden = on;
  }

  hideStop() {
    this.#parts.stop.hidden = true;
  }

  say(text) {
    if (this.#parts.text.textContent !== text) this.#parts.text.textContent = text;
  }

  showSkipped(text) {
    this.#parts["left-out"].textContent = text;
  }

  /** Without `done` the progress is indeterminate. */
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

  showStatus(batch) {
    const { total, completed, failed } = batch.request_counts;
    const isEnded = batch.status === "COMPLETED";
    const parts = [
      `${completed + failed} of ${total}`,
      failed && `${failed} failed`,
      batch.cancelled && (isEnded ? "cancelled" : "cancelling"),
      isEnded && `${seconds(batch)} s`,
      isEnded && completed && `pictures expire at ${clock(batch.expires_at, {})}`,
    ];
    this.progress(parts.filter(Boolean).join(" · "), completed + failed, total);
    this.#parts.zip.hidden = !(isEnded && completed);
    this.#parts.zip.href = `archives/${batch.zip_url.split("/").pop()}`; // relative to the page
  }

  /** @param {Map<string, string[]>} reasons  with the names of the failed bases */
  showFailed(reasons) {
    const lines = [...reasons].slice(0, SHOWN_REASONS).map(([reason, names]) => `${shorten(names)}: ${reason}`);
    if (reasons.size > lines.length) lines.push(`and ${count(reasons.size - lines.length, "other reason")}`);
    const items = [...this.#parts.failed.children].map(({ textContent }) => textContent);
    if (lines.join("\n") !== items.join("\n")) this.#parts.failed.replaceChildren(...lines.map((textContent) => make("li", { textContent })));
  }
}

const seconds = ({ created_at: start, finished_at: end }) => ((Date.parse(end) - Date.parse(start)) / 1000).toFixed(1);
