/** The progress of a request: QUEUED, PROCESSING, COMPLETED, each with its duration. */

import { all, byId, say as setText } from "../dom.js";

const ORDER = ["QUEUED", "PROCESSING", "COMPLETED"];
const TICK_MS = 100;

const card = byId("run");
const steps = all("#steps li");
let current = -1; // index of the step
let timer = 0;

/** Shows a request that has not been accepted yet. */
export function begin(text) {
  card.hidden = false;
  card.classList.remove("failed");
  mark(-1);
  for (const step of steps) step.querySelector("span").textContent = "";
  say(text);
}

export const say = (text) => setText(byId("run-text"), text);

export function reach(status) {
  const step = ORDER.indexOf(status);
  if (step === current) return;
  mark(step);
  clearInterval(timer);
  const start = performance.now();
  timer = setInterval(() => showTime(step, (performance.now() - start) / 1000), TICK_MS);
}

/** Shows the durations measured by the service, and its warnings. */
export function complete(metrics, warnings) {
  clearInterval(timer);
  mark(ORDER.length);
  const [queued, total] = [metrics.queue_time ?? 0, metrics.total_time ?? 0];
  [queued, total - queued, total].forEach((seconds, step) => showTime(step, seconds));
  const stages = ["fetch", "decode", "inspect", "compose", "encode", "store"].filter((name) => name in metrics);
  const times = stages.map((name) => `${name} ${duration(metrics[name])}`).join(" · ");
  say(["Done.", ...warnings.map((each) => `${each}.`), times].join(" "));
}

export function fail(text) {
  clearInterval(timer);
  card.classList.add("failed");
  say(text);
}

export function hide() {
  clearInterval(timer);
  card.hidden = true;
}

function mark(step) {
  current = step;
  steps.forEach((element, index) => {
    element.className = index < step ? "done" : index === step ? "now" : "";
    element.ariaCurrent = index === step ? "step" : null;
  });
}

function showTime(step, seconds) {
  steps[step].querySelector("span").textContent = duration(seconds);
}

const duration = (seconds) => (seconds < 1 ? `${Math.max(0, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`);
