/** The card of a batch: its status, progress, and the reasons of failures. */

import { byId, clock, make, say as setText } from "../dom.js";
import { measureBars } from "../scene/form.js";
import { count, shorten } from "./bases.js";

const SHOWN_REASONS = 10;
const NARROW = matchMedia("(max-width: 940px)"); // where the preview is sticky

const card = byId("batch");
export const part = (name) => byId(`batch-${name}`);

export function show(title, skipped = "") {
  card.hidden = false;
  part("title").textContent = title;
  part("left-out").textContent = skipped;
  clear();
}

export function clear() {
  card.classList.remove("refused");
  for (const name of ["progress", "zip"]) part(name).hidden = true;
  part("failed").replaceChildren();
  say("");
}

export function hide() {
  card.hidden = true;
}

export function bringIntoView() {
  measureBars();
  card.scrollIntoView({ block: NARROW.matches ? "start" : "nearest" });
}

export function setRunning(on) {
  part("stop").hidden = !on;
  part("close").hidden = on;
}

export const say = (text) => setText(part("text"), text);

/** Without `done` the progress is indeterminate. */
export function progress(text, done, total) {
  const bar = part("progress");
  bar.hidden = false;
  if (done === undefined) bar.removeAttribute("value");
  else Object.assign(bar, { max: total, value: done });
  say(text);
}

export function fail(text) {
  part("progress").hidden = true;
  card.classList.add("refused");
  say(text);
}

export function showStatus(batch) {
  const { total, completed, failed } = batch.request_counts;
  const isEnded = batch.status === "COMPLETED";
  const parts = [
    `${completed + failed} of ${total}`,
    failed && `${failed} failed`,
    batch.cancelled && (isEnded ? "cancelled" : "cancelling"),
    isEnded && `${seconds(batch)} s`,
    isEnded && completed && `pictures expire at ${clock(batch.expires_at, {})}`,
  ];
  progress(parts.filter(Boolean).join(" · "), completed + failed, total);
  part("zip").hidden = !(isEnded && completed);
  part("zip").href = `archives/${batch.zip_url.split("/").pop()}`; // relative to the page
}

/** `reasons`: a Map with the names of the failed bases. */
export function showFailed(reasons) {
  const lines = [...reasons].slice(0, SHOWN_REASONS).map(([reason, names]) => `${shorten(names)}: ${reason}`);
  if (reasons.size > lines.length) lines.push(`and ${count(reasons.size - lines.length, "other reason")}`);
  const items = [...part("failed").children].map(({ textContent }) => textContent);
  if (lines.join("\n") !== items.join("\n")) part("failed").replaceChildren(...lines.map((textContent) => make("li", { textContent })));
}

const seconds = ({ created_at: start, finished_at: end }) => ((Date.parse(end) - Date.parse(start)) / 1000).toFixed(1);
