/** Many bases under the layers of the scene, from the files that were chosen to the pictures of the batch. */

import { ApiError, Unreachable } from "../api.js";
import { basesIn, count, told } from "./bases.js";
import { BatchCard } from "./card.js";
import { batchCode } from "./code.js";
import { make } from "../dom.js";
import { send, toName } from "./lines.js";
import { follow } from "./wait.js";
import * as errors from "../requests/errors.js";
import { fromFile, megabytes } from "../pictures.js";
import { oneAtATime } from "../requests/run.js";
import { forgetUploads } from "../requests/submission.js";
import { Tiles } from "./tiles.js";

/** @typedef {import("./bases.js").Base} Base */

const sheet = make("link", { rel: "stylesheet", href: new URL("batch.css", import.meta.url).href });
document.head.append(sheet);
await new Promise((loaded) => (sheet.onload = sheet.onerror = loaded));

const { maxInputBytes, maxBodyBytes, maxBatchBytes } = document.documentElement.dataset;
const MAX = { file: Number(maxInputBytes), line: Number(maxBodyBytes), body: Number(maxBatchBytes) };
const INLINE = 4 / 3; // characters in base64 for a byte
const REST_OF_LINE = 4096; // bytes beside the picture
const BUSY = "A batch is on its way: cancel it, or wait for its end.";
const GIVEN_UP = "No longer waiting. The server could not be told: it may still make the pictures.";
const NOT_SENT = "Cancelled: nothing was sent.";
const HINT = "Submit sends all as one batch. Pixels count the same on each; gravity, percents, scale_to and region go by its size.";

export class Batch {
  /** @type {Base[]} */
  #bases = [];
  #chosen = -1; // of the bases
  #tiles;
  #card = new BatchCard({ stop: () => this.#stop(), close: () => this.#close() });
  #client = null;
  #sent = null; // the scene that was submitted, as JSON
  #id = null; // of the batch, once it is accepted
  #isRunning = false;
  #abort = new AbortController();

  /** `page`: parts of it, and `saved()`, the scene; `snapshot()`, the preview; `failed(faults)` shows them at their fields. */
  constructor(page) {
    this.page = page;
    this.#tiles = new Tiles(document.getElementById("bases"), (at) => this.#open(at));
  }

  /** The first picture in these files and folders, to be the base. Throws if there is none. */
  async choose(items) {
    if (this.#isRunning) throw new Error(BUSY);
    const { bases, leftOut } = await basesIn(items, Math.min(MAX.file, (MAX.line - REST_OF_LINE) / INLINE));
    const picture = await this.#firstOf(bases);
    this.#begin(count(bases.length, "base"), bases);
    this.#bases = bases;
    this.#card.say(`${megabytes(sizeOf(bases))}. ${HINT}`);
    this.#card.leftOut(told(leftOut));
    return picture;
  }

  /** A batch that was sent before. */
  async open(key, id) {
    if (this.#isRunning) return this.#card.bringIntoView();
    await oneAtATime(async () => {
      this.#client = this.page.runs.client(key);
      try {
        const batch = await this.#client.batch(id, 0);
        const names = Array.from({ length: batch.request_counts.total }, () => ({ path: "…" }));
        this.#begin(`Batch of ${new Date(batch.created_at).toLocaleTimeString()}`, names);
        this.#card.bringIntoView();
        await this.#through(async () => batch);
      } catch (error) {
        this.#card.fail(error.message);
      }
    });
  }

  /** Whether this base is one of the batch's. */
  has(picture) {
    return this.#indexOf(picture) >= 0;
  }

  /** Marks the present base; true if it takes the place of another of the batch. */
  mark(picture) {
    const before = this.#chosen;
    this.#chosen = this.#indexOf(picture);
    this.#tiles.press(this.#chosen);
    if (this.#chosen < 0 && this.#bases.length && !this.#sent) this.#close();
    return before >= 0 && this.#chosen >= 0;
  }

  /** @returns {import("../code.js").Code} */
  code = (origin, model, body) => batchCode(origin, model, body, this.#bases.map(({ path }) => path));

  start(ready) {
    return oneAtATime(async () => {
      const order = await ready();
      if (!order) return;
      this.#client = this.page.runs.client(order.key);
      this.#sent = this.#layers();
      this.#card.clear();
      this.#tiles.name(this.#bases);
      this.#tiles.press(this.#chosen);
      this.#card.bringIntoView();
      try {
        const { failed } = await this.#through((signal) => send(this.#client, order.request, this.#bases, MAX.body, this.#told(), signal));
        if (failed) forgetUploads(order.request);
      } catch (error) {
        this.#refused(error, order);
      }
    });
  }

  /** Follows the batch that `accepted` gives to its end; its counts then. */
  async #through(accepted) {
    this.#abort = new AbortController();
    this.#id = null;
    this.#running(true);
    try {
      const batch = await accepted(this.#abort.signal);
      this.#id = batch.batch_id;
      this.#card.running(true);
      this.page.recents.reload();
      const ended = await follow(this.#client, batch, this.#told(), this.#abort.signal);
      return ended.request_counts;
    } finally {
      this.#running(false);
      this.page.recents.reload();
    }
  }

  #running(on) {
    this.#isRunning = on;
    this.#card.running(on);
  }

  #told() {
    const card = this.#card;
    return {
      reading: (at) => card.progress(`Reading ${at} of ${this.#bases.length}…`, at, this.#bases.length),
      uploading: ({ name }) => card.progress(`Uploading ${name}…`),
      sending: (bytes) => card.progress(`Sending ${megabytes(bytes)}…`),
      trouble: (error, nextS) => card.say(`${error.message} Trying again in ${Math.round(nextS)} s.`),
      seen: (batch) => card.tell(batch),
      requests: (offset, requests) => {
        requests.forEach((request, at) => this.#tiles.update(offset + at, request));
        card.tellFailed(this.#tiles.reasons());
      },
    };
  }

  /** Makes it the base, and shows its picture beside the preview. */
  async #open(at) {
    const base = this.#bases[at];
    if (base) await this.page.base.take(() => this.#load(base));
    if (base && this.#chosen !== at) return; // it cannot be read, or another was chosen meanwhile
    const result = this.#tiles.resultOf(at);
    if (!result) return this.page.results.view("edit");
    const isCurrent = base && this.#layers() === this.#sent;
    this.page.results[isCurrent ? "expect" : "outdate"]();
    return this.page.results.show(result, isCurrent ? this.page.snapshot() : null);
  }

  /** What goes with a base, as JSON. */
  #layers() {
    return JSON.stringify({ ...this.page.saved(), base: null });
  }

  /** The first that the browser can read; the service tells of others. */
  async #firstOf(bases) {
    let refused = null;
    for (const base of bases) {
      try {
        return await this.#load(base);
      } catch (error) {
        refused ??= error;
      }
    }
    throw refused;
  }

  #load({ file }) {
    return fromFile(file, MAX.file);
  }

  #indexOf(picture) {
    return picture?.blob ? this.#bases.findIndex(({ file }) => file === picture.blob) : -1;
  }

  async #stop() {
    this.#card.stopping();
    if (!this.#id) return this.#abort.abort(new Error(NOT_SENT));
    try {
      const batch = await this.#client.cancelBatch(this.#id);
      if (this.#isRunning) this.#card.tell(batch); // else its end has been told meanwhile
    } catch (error) {
      if (error instanceof Unreachable) this.#abort.abort(new Error(GIVEN_UP));
      else if (!(error instanceof ApiError && error.code === "already_finished")) this.#card.say(error.message);
    }
  }

  #refused(error, { request, ids }) {
    forgetUploads(request);
    const faults = errors.faultsOf(toName(error, this.#bases), ids);
    const atFields = faults.filter(({ field }) => field);
    if (faults.length === atFields.length) this.#card.fail(`Not sent because of ${[...new Set(atFields.map(({ field }) => field))].join(", ")}.`);
    else this.#card.fail(faults.filter(({ field }) => !field).map(({ message }) => message).join(" "));
    this.page.failed(atFields);
  }

  #begin(title, bases) {
    this.#bases = [];
    this.#chosen = -1;
    this.#sent = null;
    this.#card.show(title);
    this.#card.running(false);
    this.#tiles.name(bases);
  }

  #close() {
    this.#bases = [];
    this.#tiles.name([]);
    this.#card.hide();
    this.page.redraw();
  }
}

const sizeOf = (bases) => bases.reduce((sum, { file }) => sum + file.size, 0);
