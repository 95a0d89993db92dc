/** A batch: many bases with the same layers, from choosing the files to the results. */

import { ApiError, Unreachable } from "../api.js";
import { byId, onClick } from "../dom.js";
import { fromFile, megabytes } from "../pictures.js";
import * as errors from "../requests/errors.js";
import * as results from "../requests/result.js";
import { oneAtATime } from "../requests/run.js";
import { forgetUploads } from "../requests/submission.js";
import { basesIn, count, describeSkipped } from "./bases.js";
import * as card from "./card.js";
import { batchCode } from "./code.js";
import { follow, mergeFaults, send } from "./submission.js";
import { Tiles } from "./tiles.js";

const { maxInputBytes, maxBodyBytes, maxBatchBytes } = document.documentElement.dataset;
const MAX_BYTES = { file: Number(maxInputBytes), line: Number(maxBodyBytes), body: Number(maxBatchBytes) };
const BASE64_FACTOR = 4 / 3;
const REST_OF_LINE = 4096; // bytes other than the picture
const BUSY = "A batch is running: cancel it, or wait for its end.";
const GIVEN_UP = "No longer waiting. The server could not be reached to cancel: it may still render the pictures.";
const NOT_SENT = "Cancelled: nothing was sent.";
const HINT = "Submit sends all as one batch. Lengths in pixels are the same on all bases; gravity, percents, scale_to and region are relative to each.";

export class Batch {
  #bases = [];
  #selected = -1; // index of a base
  #tiles;
  #client = null;
  #sentLayers = null; // the scene at the time of the submit, as JSON
  #id = null; // once the batch is accepted
  #isRunning = false;
  #abort = new AbortController();

  /** `page`: its parts, `saved()` (the scene), `snapshot()` (the preview), and `onFailed(faults)`, which shows faults at their fields. */
  constructor(page) {
    this.page = page;
    this.#tiles = new Tiles(byId("bases"), (index) => this.#open(index));
    onClick(card.part("stop"), () => this.#stop());
    onClick(card.part("close"), () => this.#close());
  }

  /** Takes the pictures in these files and folders. Resolves to the first one; throws if there is none. */
  async choose(items) {
    if (this.#isRunning) throw new Error(BUSY);
    const { bases, skipped } = await basesIn(items, Math.min(MAX_BYTES.file, (MAX_BYTES.line - REST_OF_LINE) / BASE64_FACTOR));
    const picture = await this.#firstOf(bases);
    this.#begin(count(bases.length, "base"), bases, describeSkipped(skipped));
    this.#bases = bases;
    const bytes = bases.reduce((sum, { file }) => sum + file.size, 0);
    card.say(`${megabytes(bytes)}. ${HINT}`);
    return picture;
  }

  async open(key, id) {
    if (this.#isRunning) return card.bringIntoView();
    await oneAtATime(async () => {
      this.#client = this.page.runs.client(key);
      try {
        const batch = await this.#client.batch(id, 0);
        const names = Array.from({ length: batch.request_counts.total }, () => ({ path: "…" }));
        this.#begin(`Batch of ${new Date(batch.created_at).toLocaleTimeString()}`, names);
        card.bringIntoView();
        await this.#run(async () => batch);
      } catch (error) {
        card.fail(error.message);
      }
    });
  }

  has(picture) {
    return this.#indexOf(picture) >= 0;
  }

  /** Marks the current base; true if it replaces another base of the batch. */
  mark(picture) {
    const previous = this.#selected;
    this.#selected = this.#indexOf(picture);
    this.#tiles.press(this.#selected);
    if (this.#selected < 0 && this.#bases.length && !this.#sentLayers) this.#close();
    return previous >= 0 && this.#selected >= 0;
  }

  code = (origin, model, body) => batchCode(origin, model, body, this.#bases.map(({ path }) => path));

  start(prepare) {
    return oneAtATime(async () => {
      const submission = await prepare();
      if (!submission) return;
      this.#client = this.page.runs.client(submission.key);
      this.#sentLayers = this.#layers();
      card.clear();
      this.#tiles.reset(this.#bases);
      this.#tiles.press(this.#selected);
      card.bringIntoView();
      try {
        const { failed } = await this.#run((signal) => send(this.#client, submission.request, this.#bases, MAX_BYTES.body, this.#callbacks(), signal));
        if (failed) forgetUploads(submission.request);
      } catch (error) {
        this.#showFailure(error, submission);
      }
    });
  }

  /** Follows the batch that `accept` resolves to, and resolves to its final counts. */
  async #run(accept) {
    this.#abort = new AbortController();
    this.#id = null;
    this.#setRunning(true);
    try {
      const batch = await accept(this.#abort.signal);
      this.#id = batch.batch_id;
      card.setRunning(true);
      this.page.recents.reload();
      const ended = await follow(this.#client, batch, this.#callbacks(), this.#abort.signal);
      return ended.request_counts;
    } finally {
      this.#setRunning(false);
      this.page.recents.reload();
    }
  }

  #setRunning(on) {
    this.#isRunning = on;
    card.setRunning(on);
  }

  #callbacks() {
    return {
      onRead: (number) => card.progress(`Reading ${number} of ${this.#bases.length}…`, number, this.#bases.length),
      onUpload: ({ name }) => card.progress(`Uploading ${name}…`),
      onSend: (bytes) => card.progress(`Sending ${megabytes(bytes)}…`),
      onRetry: (error, delayS) => card.say(`${error.message} Trying again in ${Math.round(delayS)} s.`),
      onStatus: (batch) => card.showStatus(batch),
      onRequests: (offset, requests) => {
        requests.forEach((request, index) => this.#tiles.update(offset + index, request));
        card.showFailed(this.#tiles.reasons());
      },
    };
  }

  /** Makes a base the current one, and shows its result beside the preview. */
  async #open(index) {
    const base = this.#bases[index];
    if (base) await this.page.base.take(() => this.#load(base));
    if (base && this.#selected !== index) return; // the file cannot be read, or another was chosen meanwhile
    const result = this.#tiles.resultOf(index);
    if (!result) return results.view("edit");
    const isCurrent = base && this.#layers() === this.#sentLayers;
    results[isCurrent ? "expect" : "outdate"]();
    return results.show(result, isCurrent ? this.page.snapshot() : null);
  }

  /** The scene without its base, as JSON. */
  #layers() {
    return JSON.stringify({ ...this.page.saved(), base: null });
  }

  /** The first base that the browser can read; the service reports errors of the others. */
  async #firstOf(bases) {
    let firstError = null;
    for (const base of bases) {
      try {
        return await this.#load(base);
      } catch (error) {
        firstError ??= error;
      }
    }
    throw firstError;
  }

  #load({ file }) {
    return fromFile(file, MAX_BYTES.file);
  }

  #indexOf(picture) {
    return picture?.blob ? this.#bases.findIndex(({ file }) => file === picture.blob) : -1;
  }

  async #stop() {
    card.part("stop").hidden = true;
    if (!this.#id) return this.#abort.abort(new Error(NOT_SENT));
    try {
      const batch = await this.#client.cancelBatch(this.#id);
      if (this.#isRunning) card.showStatus(batch); // else the final status is already shown
    } catch (error) {
      if (error instanceof Unreachable) this.#abort.abort(new Error(GIVEN_UP));
      else if (!(error instanceof ApiError && error.code === "already_finished")) card.say(error.message);
    }
  }

  #showFailure(error, { request, layerIds }) {
    forgetUploads(request);
    const faults = errors.faultsOf(mergeFaults(error, this.#bases), layerIds);
    const fields = errors.fieldsOf(faults);
    const general = faults.filter(({ field }) => !field).map(({ message }) => message);
    card.fail(fields ? `Not sent because of ${fields}.` : general.join(" "));
    this.page.onFailed(faults.filter(({ field }) => field));
  }

  #begin(title, bases, skipped) {
    this.#bases = [];
    this.#selected = -1;
    this.#sentLayers = null;
    card.show(title, skipped);
    card.setRunning(false);
    this.#tiles.reset(bases);
  }

  #close() {
    this.#bases = [];
    this.#tiles.reset([]);
    card.hide();
    this.page.redraw();
  }
}
