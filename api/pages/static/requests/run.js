/** From pressing Submit to the result, one request at a time. */

import { Client } from "../api.js";
import * as errors from "./errors.js";
import { Progress } from "./progress.js";
import { Failed, PICTURES, cancel, finished, forgetUploads, submit } from "./submission.js";
import { WebhookLog } from "./webhook.js";

/**
 * @typedef {object} Order
 * @property {string} key
 * @property {import("./submission.js").SceneRequest} request
 * @property {number[]} ids              of its layers
 * @property {object} saved              the scene, to be restored
 * @property {OffscreenCanvas} preview
 */

const GIVEN_UP = "No longer waiting. The server could not be told: it may still make the picture.";

export class Run {
  #steps = new Progress(document.getElementById("run"));
  #webhook = new WebhookLog();
  #stop = document.getElementById("stop");
  #abort = new AbortController();
  #cancelled = () => {};

  /** `ended` is given the order and the result, `failed` the faults to show. */
  constructor({ recent, results, accepted, ended, failed }) {
    Object.assign(this, { recent, results, accepted, ended, failed });
    this.#stop.addEventListener("click", () => this.#cancelled());
  }

  client(key) {
    return new Client(key, this.accepted);
  }

  async start(ready) {
    await oneAtATime(async () => {
      const order = await ready();
      try {
        if (order) await this.#through(this.client(order.key), order);
      } catch (error) {
        this.#failed(error, order);
      } finally {
        this.#stop.hidden = true;
      }
    });
  }

  /** Shows nothing of the last request. */
  hide() {
    this.#steps.hide();
    this.#webhook.hide();
  }

  /** Follows requests that had not ended when the page was closed, one after another. */
  async resume(key) {
    for (const { id } of this.recent.unended()) await this.#follow(this.client(key), id);
  }

  async #follow(client, id) {
    const silent = { seen: () => {}, trouble: () => {} };
    try {
      const { result, expires } = await finished(client, id, silent, new AbortController().signal);
      this.recent.end(id, { result, expires });
    } catch (error) {
      this.recent.end(id, { error: error.message });
    }
  }

  async #through(client, order) {
    this.#abort = new AbortController();
    this.#steps.begin("Sending…");
    this.#webhook.hide();
    const id = await submit(client, order.request, this.#told(), this.#abort.signal);
    this.recent.add(id, order.saved);
    this.#steps.reach("QUEUED");
    this.#steps.say("Accepted.");
    this.#offerCancel(client, id);
    if (order.request.answer.webhook_url) this.#webhook.follow(client, id);
    try {
      const { result, expires, metrics, warnings } = await finished(client, id, this.#told(), this.#abort.signal);
      this.recent.end(id, { result, expires });
      this.#steps.complete(metrics, warnings);
      this.ended(order, result);
      await this.results.show(result, order.preview);
    } catch (error) {
      if (error instanceof Failed) this.recent.end(id, { error: error.message });
      throw error;
    }
  }

  #told() {
    return {
      uploading: ({ name }) => this.#steps.say(`Uploading ${name}…`),
      seen: ({ status, queue_position: ahead }) => {
        this.#steps.reach(status);
        if (status === "QUEUED") this.#steps.say(ahead > 0 ? `${ahead} before it in the queue.` : "Next in the queue.");
        if (status === "PROCESSING") this.#steps.say("A worker has it.");
      },
      trouble: (error, nextS) => this.#steps.say(`${error.message} Trying again in ${Math.round(nextS)} s.`),
    };
  }

  #offerCancel(client, id) {
    this.#stop.hidden = false;
    this.#cancelled = async () => {
      this.#stop.hidden = true;
      const told = await cancel(client, id).catch((error) => this.#steps.say(error.message));
      if (told === false) this.#abort.abort(new Error(GIVEN_UP));
    };
  }

  #failed(error, { request, ids }) {
    const faults = error instanceof Failed ? [errors.faultIn(error.message, ids)] : errors.faultsOf(error, ids);
    if (faults.some(({ field }) => PICTURES.includes(field))) forgetUploads(request);
    const atFields = faults.filter(({ field }) => field);
    this.#tellEnd(error, faults.length === atFields.length ? [...new Set(atFields.map(({ field }) => field))] : []);
    this.failed(atFields);
  }

  /** Repeats no error that a field shows; hides the steps of a request that was refused. */
  #tellEnd(error, fields) {
    if (!(error instanceof Failed)) return fields.length ? this.#steps.hide() : this.#steps.fail(error.message);
    this.#steps.fail(fields.length ? `FAILED because of ${fields.join(", ")}.` : `FAILED: ${error.message}`);
  }
}

/** Does nothing while something is submitted already. */
export async function oneAtATime(act) {
  const button = document.getElementById("submit");
  if (button.disabled) return;
  Object.assign(button, { disabled: true, textContent: "Working…" });
  try {
    await act();
  } finally {
    Object.assign(button, { disabled: false, textContent: "Submit" });
  }
}
