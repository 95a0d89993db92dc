/** The delivery of the last request's webhook event: all attempts, and a button to send it again. */

import { byId, clock, make, onClick, say } from "../dom.js";
import { isLost } from "./wait.js";

const [MIN_POLL_MS, MAX_POLL_MS] = [1000, 30_000];

const log = byId("webhook");
let redeliver = () => {};
let timer = 0;
let latestCall = 0; // responses to earlier ones are ignored

onClick(byId("webhook-again"), () => redeliver());

export function hide() {
  clearTimeout(timer);
  latestCall++;
  log.hidden = true;
}

/** Shows the delivery, and polls while it is pending. */
export function follow(client, id) {
  const poll = () => update(() => client.delivery(id), poll);
  redeliver = () => update(() => client.redeliver(id), poll);
  poll();
}

async function update(send, poll) {
  clearTimeout(timer);
  const call = ++latestCall;
  const delivery = await send().catch((error) => ({ error }));
  if (call !== latestCall) return;
  show(delivery);
  const isOpen = delivery.state === "pending" || (delivery.error && isLost(delivery.error));
  if (isOpen) timer = setTimeout(poll, pollDelay(delivery));
}

function show({ error, url, state, attempts, next_attempt_at: next }) {
  log.hidden = false;
  if (!state) return say(byId("webhook-text"), error.message);
  say(byId("webhook-text"), `Webhook ${url}: ${state}${next && attempts.length ? `, next attempt at ${clock(next)}` : ""}`);
  byId("webhook-attempts").replaceChildren(...attempts.map(line));
  byId("webhook-again").hidden = state === "pending";
}

const pollDelay = ({ next_attempt_at: next }) => Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, next ? Date.parse(next) - Date.now() : 0));

const line = ({ at, status, duration_ms: duration, error }) =>
  make("li", { textContent: `${clock(at)} ${error ?? `answered ${status}`}, ${duration} ms` });
