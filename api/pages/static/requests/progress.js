/** The progress of a request: QUEUED, PROCESSING, COMPLETED, each with its time. */

const ORDER = ["QUEUED", "PROCESSING", "COMPLETED"];
const TICK_MS = 100;

export class Progress {
  #steps;
  #text;
  #timer = 0;
  #since = 0;
  #at = -1;

  constructor(root) {
    this.root = root;
    this.#steps = ORDER.map((status) => root.querySelector(`[data-step="${status}"]`));
    this.#text = root.querySelector("#run-text");
  }

  /** Before the request is accepted. */
  begin(text) {
    this.root.hidden = false;
    this.root.classList.remove("failed");
    this.#at = -1;
    for (const step of this.#steps) {
      step.className = "";
      step.querySelector("span").textContent = "";
    }
    this.say(text);
  }

  say(text) {
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  reach(status) {
    const at = ORDER.indexOf(status);
    if (at === this.#at) return;
    this.#at = at;
    this.#since = performance.now();
    this.#mark();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** With the times that the service measured, and what it warned of. */
  complete(metrics, warnings) {
    this.stop();
    this.#at = ORDER.length;
    this.#mark();
    const [queued, total] = [metrics.queue_time ?? 0, metrics.total_time ?? 0];
    [queued, total - queued, total].forEach((seconds, at) => this.#time(at, shown(seconds)));
    const stages = ["fetch", "decode", "inspect", "compose", "encode", "store"].filter((name) => name in metrics);
    const times = stages.map((name) => `${name} ${shown(metrics[name])}`).join(" · ");
    this.say(["Done.", ...warnings.map((each) => `${each}.`), times].join(" "));
  }

  fail(text) {
    this.stop();
    this.root.classList.add("failed");
    this.say(text);
  }

  hide() {
    this.stop();
    this.root.hidden = true;
  }

  stop() {
    clearInterval(this.#timer);
  }

  #mark() {
    this.#steps.forEach((step, at) => {
      step.className = at < this.#at ? "done" : at === this.#at ? "now" : "";
      if (at === this.#at) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
  }

  #tick() {
    this.#time(this.#at, shown((performance.now() - this.#since) / 1000));
  }

  #time(at, text) {
    this.#steps[at].querySelector("span").textContent = text;
  }
}

export function shown(seconds) {
  return seconds < 1 ? `${Math.max(0, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}
