/** The API client. Paths are relative to the page, which a proxy may serve under a prefix. */

const FAILED = 422; // the HTTP status for a request that FAILED

/** An error response; `errors` has the faults by field. */
export class ApiError extends Error {
  constructor(status, body, retryAfterS) {
    super(body.error ?? `the server answered ${status} without an error message`);
    Object.assign(this, { status, code: body.code ?? "", errors: body.errors ?? [], retryAfterS });
  }
}

export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached: check that it is running and the network works, then try again. Your settings are kept.");
  }
}

export class Client {
  /** Calls `onCredits` with the key's remaining credits. */
  constructor(key, onCredits = () => {}) {
    this.key = key;
    this.onCredits = onCredits;
  }

  /** Submits a request to a model, or a batch to `<model>/batch`. */
  submit(path, type, body, idempotencyKey, signal) {
    const headers = { "content-type": type, "idempotency-key": idempotencyKey };
    return this.#call(`v2/${path}`, { method: "POST", body, headers, signal });
  }

  /** Uploads a file; resolves to its URL, which requests of the same key can use. */
  async upload(file, name) {
    const form = new FormData();
    form.append("file", file, name);
    return (await this.#call("upload-asset", { method: "POST", body: form })).file_urls[0];
  }

  async balance() {
    const { credits, unlimited } = await this.#call("v1/get-user-credits");
    return unlimited ? "unlimited" : credits;
  }

  // `status` and `result` resolve for a FAILED request too; `batch` once it has ended, or after `waitS` seconds.
  requests = (limit) => this.#call(`v2/requests?limit=${limit}`);
  status = (id, signal) => this.#call(`v2/requests/${id}/status`, { signal }, [FAILED]);
  result = (id) => this.#call(`v2/requests/${id}`, {}, [FAILED]);
  cancel = (id) => this.#call(`v2/requests/${id}/cancel`, { method: "POST" });
  delivery = (id) => this.#call(`v2/requests/${id}/webhook`);
  redeliver = (id) => this.#call(`v2/requests/${id}/webhook/redeliver`, { method: "POST" });
  batches = (limit) => this.#call(`v2/batches?limit=${limit}`);
  batch = (id, waitS, signal) => this.#call(`v2/batches/${id}?wait=${waitS}`, { signal });
  batchRequests = (id, offset, limit, signal) => this.#call(`v2/batches/${id}/requests?offset=${offset}&limit=${limit}`, { signal });
  cancelBatch = (id) => this.#call(`v2/batches/${id}/cancel`, { method: "POST" });

  /** Yields each status of a request after `lastStatus`, and null for a heartbeat. The stream may end at any time. */
  async *statuses(id, lastStatus, signal) {
    const headers = lastStatus ? { "last-event-id": lastStatus } : {};
    const { body } = await this.#fetch(`v2/requests/${id}/status/stream`, { headers, signal });
    try {
      for await (const event of events(body)) {
        if ("data" in event) yield JSON.parse(event.data);
        else if ("" in event) yield null;
      }
    } catch (error) {
      throw signal.aborted ? error : new Unreachable();
    }
  }

  async #call(path, init = {}, expectedErrors = []) {
    const body = await (await this.#fetch(path, init, expectedErrors)).json().catch(() => null);
    if (body === null) throw new Unreachable(); // the response was cut off
    return body;
  }

  async #fetch(path, init, expectedErrors = []) {
    const headers = { ...init.headers, "x-api-key": this.key };
    const response = await fetch(path, { ...init, headers }).catch((error) => {
      throw error.name === "AbortError" ? error : new Unreachable();
    });
    if (!response.ok && !expectedErrors.includes(response.status)) {
      const body = await response.json().catch(() => ({}));
      throw new ApiError(response.status, body, Number(response.headers.get("retry-after")) || null);
    }
    const credits = response.headers.get("x-remaining-credits");
    if (credits) this.onCredits(credits);
    return response;
  }
}

/** Yields the fields of each Server-Sent Event; "" is a comment. `EventSource` cannot send an API key. */
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
    reader.cancel().catch(() => {}); // the connection may be lost
  }
}

const fields = (block) => Object.fromEntries(block.split("\n").map((line) => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]));
