/**
 * Submits one request at a time and shows its progress. A submission is `{key, request, layerIds, saved, preview}`: `saved` is
 * the scene, to be restored later, and `preview` a copy of the canvas.
 */

import { Client, Unreachable } from "../api.js";
import { byId, onClick } from "../dom.js";
import * as errors from "./errors.js";
import * as progress from "./progress.js";
import * as results from "./result.js";
import { Failed, PICTURES, forgetUploads, submit, waitForResult } from "./submission.js";
import * as webhook from "./webhook.js";

const GIVEN_UP = "No longer waiting. The server could not be reached to cancel: it may still render the picture.";

export class Run {
  #stop = byId("stop");
  #abort = new AbortController();
  #cancel = () => {};

  /** Calls `onCompleted` with the submission and the result, and `onFailed` with the faults to show. */
  constructor({ recent, onCredits, onCompleted, onFailed }) {
    Object.assign(this, { recent, onCredits, onCompleted, onFailed });
    onClick(this.#stop, () => this.#cancel());
  }

  client(key) {
    return new Client(key, this.onCredits);
  }

  /** `prepare` resolves to a submission, or to null if there is nothing to submit. */
  async start(prepare) {
    await oneAtATime(async () => {
      const submission = await prepare();
      try {
        if (submission) await this.#process(this.client(submission.key), submission);
      } catch (error) {
        this.#showFailure(error, submission);
      } finally {
        this.#stop.hidden = true;
      }
    });
  }

  hide() {
    progress.hide();
    webhook.hide();
  }

  /** Follows requests that had not ended when the page was closed, one after another. */
  async resume(key) {
    for (const { id } of this.recent.unfinished()) await this.#follow(this.client(key), id);
  }

  async #follow(client, id) {
    const callbacks = { onStatus: () => {}, onRetry: () => {} };
    try {
      const { result, expires } = await waitForResult(client, id, callbacks, new AbortController().signal);
      this.recent.end(id, { result, expires });
    } catch (error) {
      this.recent.end(id, { error: error.message });
    }
  }

  async #process(client, submission) {
    this.#abort = new AbortController();
    progress.begin("Sending…");
    webhook.hide();
    const id = await submit(client, submission.request, this.#callbacks(), this.#abort.signal);
    this.recent.add(id, submission.saved);
    progress.reach("QUEUED");
    progress.say("Accepted.");
    this.#offerCancel(client, id);
    if (submission.request.output.webhook_url) webhook.follow(client, id);
    try {
      const { result, expires, metrics, warnings } = await waitForResult(client, id, this.#callbacks(), this.#abort.signal);
      this.recent.end(id, { result, expires });
      progress.complete(metrics, warnings);
      this.onCompleted(submission, result);
      await results.show(result, submission.preview);
    } catch (error) {
      if (error instanceof Failed) this.recent.end(id, { error: error.message });
      throw error;
    }
  }

  #callbacks() {
    return {
      onUpload: ({ name }) => progress.say(`Uploading ${name}…`),
      onStatus: ({ status, queue_position: ahead }) => {
        progress.reach(status);
        if (status === "QUEUED") progress.say(ahead > 0 ? `${ahead} before it in the queue.` : "Next in the queue.");
        if (status === "PROCESSING") progress.say("A worker is processing it.");
      },
      onRetry: (error, delayS) => progress.say(`${error.message} Trying again in ${Math.round(delayS)} s.`),
    };
  }

  #offerCancel(client, id) {
    this.#stop.hidden = false;
    this.#cancel = async () => {
      this.#stop.hidden = true;
      await client.cancel(id).catch((error) => {
        if (error instanceof Unreachable) this.#abort.abort(new Error(GIVEN_UP));
        else progress.say(error.message);
      });
    };
  }

  /** Does not repeat an error shown at a field; hides the steps of a refused request. */
  #showFailure(error, { request, layerIds }) {
    const hasFailed = error instanceof Failed;
    const faults = hasFailed ? [errors.faultIn(error.message, layerIds)] : errors.faultsOf(error, layerIds);
    if (faults.some(({ field }) => PICTURES.includes(field))) forgetUploads(request);
    const fields = errors.fieldsOf(faults);
    if (hasFailed) progress.fail(fields ? `FAILED because of ${fields}.` : `FAILED: ${error.message}`);
    else if (fields) progress.hide();
    else progress.fail(error.message);
    this.onFailed(faults.filter(({ field }) => field));
  }
}

export async function oneAtATime(action) {
  const button = byId("submit");
  if (button.disabled) return;
  Object.assign(button, { disabled: true, textContent: "Working…" });
  try {
    await action();
  } finally {
    Object.assign(button, { disabled: false, textContent: "Submit" });
  }
}
