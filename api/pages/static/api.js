/** The service over HTTP. Paths are relative to the page, which a proxy may serve under a path of its own. */

/** @typedef {{request_id: string, status: string, error?: string, code?: string, queue_position?: number, metrics: Record<string, number>}} Status */

const FAILED = 422; // the status of a request that FAILED

/** An answer that is an error: `errors` holds what is wrong with which field. */
export class ApiError extends Error {
  constructor(status, body, retryAfterS) {
    super(body.error ?? `the server answered ${status} without saying why`);
    Object.assign(this, { status, code: body.code ?? "", errors: body.errors ?? [], retryAfterS });
  }
}

export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached: is it running, is the network there? Everything you set is kept; try again.");
  }
}

export class Client {
  /** Calls `credits` with the credits that the key has left. */
  constructor(key, credits) {
    this.key = key;
    this.credits = credits;
  }

  submit(model, body, idempotencyKey) {
    const headers = { "content-type": "application/json", "idempotency-key": idempotencyKey };
    return this.#call(`v2/${model}`, { method: "POST", body: JSON.stringify(body), headers });
  }

  /** `lines`: a blob of NDJSON. */
  submitBatch(model, lines, idempotencyKey, signal) {
    const headers = { "content-type": "application/x-ndjson", "idempotency-key": idempotencyKey };
    return this.#call(`v2/${model}/batch`, { method: "POST", body: lines, headers, signal });
  }

  /** Answers at its end, or after `waitS` seconds. */
  batch(id, waitS, signal) {
    return this.#call(`v2/batches/${id}?wait=${waitS}`, { signal });
  }

  /** Some of its requests, in the order they were sent. */
  requestsOf(id, offset, limit, signal) {
    return this.#call(`v2/batches/${id}/requests?offset=${offset}&limit=${limit}`, { signal });
  }

  cancelBatch(id) {
    return this.#call(`v2/batches/${id}/cancel`, { method: "POST" });
  }

  /** The newest of the key. */
  batches(limit) {
    return this.#call(`v2/batches?limit=${limit}`, {});
  }

  /** The URL of the uploaded file, for requests of the same key. */
  async upload(file, name) {
    const form = new FormData();
    form.append("file", file, name);
    return (await this.#call("upload-asset", { method: "POST", body: form })).file_urls[0];
  }

  /** FAILED is a status, not an error. */
  status(id, signal) {
    return this.#call(`v2/requests/${id}/status`, { signal }, [FAILED]);
  }

  /** Each status of a request after `known`; null for a heartbeat. The stream may break off at any time. */
  async *statuses(id, known, signal) {
    const headers = known ? { "last-event-id": known } : {};
    const { body } = await this.#answer(`v2/requests/${id}/status/stream`, { headers, signal });
    try {
      for await (const event of events(body)) {
        if ("data" in event) yield JSON.parse(event.data);
        else if ("" in event) yield null;
      }
    } catch (error) {
      throw signal.aborted ? error : new Unreachable();
    }
  }

  /** Credits left, or "unlimited". */
  async balance() {
    const { credits, unlimited } = await this.#call("v1/get-user-credits", {});
    return unlimited ? "unlimited" : credits;
  }

  result(id) {
    return this.#call(`v2/requests/${id}`, {}, [FAILED]);
  }

  /** The newest of the key. */
  requests(limit) {
    return this.#call(`v2/requests?limit=${limit}`, {});
  }

  cancel(id) {
    return this.#call(`v2/requests/${id}/cancel`, { method: "POST" });
  }

  /** Of the request's event. */
  delivery(id) {
    return this.#call(`v2/requests/${id}/webhook`, {});
  }

  redeliver(id) {
    return this.#call(`v2/requests/${id}/webhook/redeliver`, { method: "POST" });
  }

  async #call(path, init, alsoFine = []) {
    const body = await (await this.#answer(path, init, alsoFine)).json().catch(() => null);
    if (body === null) throw new Unreachable(); // cut off
    return body;
  }

  async #answer(path, init, alsoFine = []) {
    const headers = { ...init.headers, "x-api-key": this.key };
    const answer = await fetch(path, { ...init, headers }).catch((error) => {
      throw error.name === "AbortError" ? error : new Unreachable();
    });
    if (!answer.ok && !alsoFine.includes(answer.status)) {
      const body = await answer.json().catch(() => ({}));
      throw new ApiError(answer.status, body, Number(answer.headers.get("retry-after")) || null);
    }
    const left = answer.headers.get("x-remaining-credits");
    if (left) this.credits(left);
    return answer;
  }
}

/** The fields of each Server-Sent Event; "" is a comment. `EventSource` cannot send a key. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let text = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) yield fields(block);
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have broken off
  }
}

function fields(block) {
  return Object.fromEntries(block.split("\n").map((line) => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]));
}
