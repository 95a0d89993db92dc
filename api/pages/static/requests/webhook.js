/** What became of the event of the last request: every attempt at its webhook, and a button to send it again. */

import { clock, make } from "../dom.js";
import { lost } from "./wait.js";

const [SOONEST_MS, LATEST_MS] = [1000, 30_000]; // from one look to the next

export class WebhookLog {
  #root = document.getElementById("webhook");
  #text = document.getElementById("webhook-text");
  #attempts = document.getElementById("webhook-attempts");
  #again = document.getElementById("webhook-again");
  #redeliver = () => {};
  #timer = 0;
  #turn = 0; // of the look whose answer is awaited

  constructor() {
    this.#again.addEventListener("click", () => this.#redeliver());
  }

  hide() {
    clearTimeout(this.#timer);
    this.#turn++;
    this.#root.hidden = true;
  }

  /** Looks again and again as long as the event is pending. */
  follow(client, id) {
    const look = () => this.#look(() => client.delivery(id), look);
    this.#redeliver = () => this.#look(() => client.redeliver(id), look);
    look();
  }

  async #look(ask, next) {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    const seen = await ask().catch((error) => ({ error }));
    if (turn !== this.#turn) return;
    if (seen.state) this.#show(seen);
    else this.#say(seen.error.message);
    if (seen.state === "pending" || (seen.error && lost(seen.error))) this.#timer = setTimeout(next, untilNews(seen));
  }

  #show({ url, state, attempts, next_attempt_at: next }) {
    this.#say(`Webhook ${url}: ${state}${next && attempts.length ? `, sent again at ${clock(next)}` : ""}`);
    this.#attempts.replaceChildren(...attempts.map(line));
    this.#again.hidden = state === "pending";
  }

  #say(text) {
    this.#root.hidden = false;
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }
}

function untilNews({ next_attempt_at: next }) {
  return Math.min(LATEST_MS, Math.max(SOONEST_MS, next ? Date.parse(next) - Date.now() : 0));
}

const line = ({ at, status, duration_ms: took, error }) =>
  make("li", { textContent: `${clock(at)} ${error ?? `answered ${status}`}, ${took} ms` });
