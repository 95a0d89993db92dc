/** The progress of a request: QUEUED, PROCESSING, COMPLETED, each with its duration. */

const ORDER = ["QUEUED", "PROCESSING", "COMPLETED"];
const TICK_MS = 100;

export class Progress {
  #steps;
  #text;
  #timer = 0;
  #stepStart = 0;
  #step = -1;

  constructor(root) {
    this.root = root;
    this.#steps = ORDER.map((status) => root.querySelector(`[data-step="${status}"]`));
    this.#text = root.querySelector("#run-text");
  }

  /** Shows a request that has not been accepted yet. */
  begin(text) {
    this.root.hidden = false;
    this.root.classList.remove("failed");
    this.#step = -1;
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
    const step = ORDER.indexOf(status);
    if (step === this.#step) return;
    this.#step = step;
    this.#stepStart = performance.now();
    this.#mark();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Shows the durations measured by the service, and its warnings. */
  complete(metrics, warnings) {
    this.stop();
    this.#step = ORDER.length;
    this.#mark();
    const [queued, total] = [metrics.queue_time ?? 0, metrics.total_time ?? 0];
    [queued, total - queued, total].forEach((seconds, step) => this.#showTime(step, seconds));
    const stages = ["fetch", "decode", "inspect", "compose", "encode", "store"].filter((name) => name in metrics);
    const times = stages.map((name) => `${name} ${duration(metrics[name])}`).join(" · ");
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
    this.#steps.forEach((element, step) => {
      element.className = step < this.#step ? "done" : step === this.#step ? "now" : "";
      if (step === this.#step) element.setAttribute("aria-current", "step");
      else element.removeAttribute("aria-current");
    });
  }

  #tick() {
    this.#showTime(this.#step, (performance.now() - this.#stepStart) / 1000);
  }

  #showTime(step, seconds) {
    this.#steps[step].querySelector("span").textContent = duration(seconds);
  }
}

function duration(seconds) {
  return seconds < 1 ? `${Math.max(0, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}
