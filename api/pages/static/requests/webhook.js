/** The delivery of the last request's webhook event: all attempts, and a button to send it again. */

import { byId, clock, make, onClick, say } from "../dom.js";
import { isLost } from "./wait.js";

const [MIN_POLL_MS, MAX_POLL_MS] = [1000, 30_000];

export class WebhookLog {
  #root = byId("webhook");
  #resend = byId("webhook-again");
  #redeliver = () => {};
  #timer = 0;
  #callId = 0; // of the latest call; responses to earlier ones are ignored

  constructor() {
    onClick(this.#resend, () => this.#redeliver());
  }

  hide() {
    clearTimeout(this.#timer);
    this.#callId++;
    this.#root.hidden = true;
  }

  follow(client, id) {
    const poll = () => this.#call(() => client.delivery(id), poll);
    this.#redeliver = () => this.#call(() => client.redeliver(id), poll);
    poll();
  }

  async #call(send, poll) {
    clearTimeout(this.#timer);
    const callId = ++this.#callId;
    const delivery = await send().catch((error) => ({ error }));
    if (callId !== this.#callId) return;
    if (delivery.state) this.#show(delivery);
    else this.#say(delivery.error.message);
    const isOpen = delivery.state === "pending" || (delivery.error && isLost(delivery.error));
    if (isOpen) this.#timer = setTimeout(poll, pollDelay(delivery));
  }

  #show({ url, state, attempts, next_attempt_at: next }) {
    this.#say(`Webhook ${url}: ${state}${next && attempts.length ? `, next attempt at ${clock(next)}` : ""}`);
    byId("webhook-attempts").replaceChildren(...attempts.map(line));
    this.#resend.hidden = state === "pending";
  }

  #say(text) {
    this.#root.hidden = false;
    say(byId("webhook-text"), text);
  }
}

function pollDelay({ next_attempt_at: next }) {
  return Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, next ? Date.parse(next) - Date.now() : 0));
}

const line = ({ at, status, duration_ms: duration, error }) =>
  make("li", { textContent: `${clock(at)} ${error ?? `answered ${status}`}, ${duration} ms` });
