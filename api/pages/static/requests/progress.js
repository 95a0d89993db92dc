/** The progress of a request: QUEUED, PROCESSING, COMPLETED, each with its duration. */

import { all, byId, say } from "../dom.js";

const ORDER = ["QUEUED", "PROCESSING", "COMPLETED"];
const TICK_MS = 100;

export class Progress {
  #root = byId("run");
  #steps = all("#steps li");
  #timer = 0;
  #step = -1;

  begin(text) {
    this.#root.hidden = false;
    this.#root.classList.remove("failed");
    this.#step = -1;
    this.#mark();
    for (const step of this.#steps) step.querySelector("span").textContent = "";
    this.say(text);
  }

  say(text) {
    say(byId("run-text"), text);
  }

  reach(status) {
    const step = ORDER.indexOf(status);
    if (step === this.#step) return;
    this.#step = step;
    this.#mark();
    clearInterval(this.#timer);
    const start = performance.now();
    this.#timer = setInterval(() => this.#showTime(step, (performance.now() - start) / 1000), TICK_MS);
  }

  /** Shows the durations measured by the service, and its warnings. */
  complete(metrics, warnings) {
    clearInterval(this.#timer);
    this.#step = ORDER.length;
    this.#mark();
    const [queued, total] = [metrics.queue_time ?? 0, metrics.total_time ?? 0];
    [queued, total - queued, total].forEach((seconds, step) => this.#showTime(step, seconds));
    const stages = ["fetch", "decode", "inspect", "compose", "encode", "store"].filter((name) => name in metrics);
    const times = stages.map((name) => `${name} ${duration(metrics[name])}`).join(" · ");
    this.say(["Done.", ...warnings.map((each) => `${each}.`), times].join(" "));
  }

  fail(text) {
    clearInterval(this.#timer);
    this.#root.classList.add("failed");
    this.say(text);
  }

  hide() {
    clearInterval(this.#timer);
    this.#root.hidden = true;
  }

  #mark() {
    this.#steps.forEach((element, step) => {
      element.className = step < this.#step ? "done" : step === this.#step ? "now" : "";
      element.ariaCurrent = step === this.#step ? "step" : null;
    });
  }

  #showTime(step, seconds) {
    this.#steps[step].querySelector("span").textContent = duration(seconds);
  }
}

function duration(seconds) {
  return seconds < 1 ? `${Math.max(0, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}
