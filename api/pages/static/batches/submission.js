/** Submits a batch as NDJSON (a line with the defaults, then a line with each base and its file), and waits for its end. */

import { ApiError } from "../api.js";
import { megabytes } from "../pictures.js";
import { bodyOf, dataUri, picturesOf, references, sendOnce } from "../requests/submission.js";
import { UNTIL_REACHABLE, retry } from "../requests/wait.js";

const MEMBER = /^requests\[(\d+)\](?:\.(.+))?$/;
const BASE_FIELDS = ["base_image", "custom_id"];
const REST_OF_LINE = 512; // maximum of bytes other than the picture
const SHOWN_BASES = 3; // in an error
const POLL_S = 1; // for the counts; the end of the batch is reported at once
const PAGE = 100;

/** Resolves to the accepted batch. Calls `onRead` with the number of files read, `onSend` with the size of the body. */
export async function send(client, request, bases, maxBytes, callbacks, signal) {
  const bytes = bases.reduce((sum, { file }) => sum + REST_OF_LINE + 4 * Math.ceil(file.size / 3), 0);
  if (bytes > maxBytes) throw new Error(tooLarge(bases.length, bytes, maxBytes));
  await client.balance(); // fails for a wrong key before the files are read
  const pictures = picturesOf(request).filter(([path]) => path !== "base_image");
  const head = headOf(bodyOf(request, await references(client, pictures, callbacks)));
  const lines = [`${JSON.stringify(head)}\n`];
  for (const [index, base] of bases.entries()) {
    signal.throwIfAborted();
    lines.push(await line(base));
    callbacks.onRead(index + 1);
  }
  const body = new Blob(lines);
  callbacks.onSend(body.size);
  return sendOnce((key) => client.submit(`${request.model}/batch`, "application/x-ndjson", body, key, signal), callbacks, signal);
}

/** The first line. The webhook is that of the batch, not of each request. */
export const headOf = ({ base_image: _, webhook_url: webhook, ...defaults }) => ({ defaults, ...(webhook && { webhook_url: webhook }) });

/** A Blob, which the browser may store on disk. */
async function line({ id, path, file }) {
  try {
    return new Blob([`{"custom_id":${JSON.stringify(id)},"base_image":"`, await dataUri(file), '"}\n']);
  } catch {
    throw new Error(`${path} can no longer be read: choose the files again`);
  }
}

const tooLarge = (number, bytes, limit) =>
  `These ${number} pictures are ${megabytes(bytes)} as a batch, and the limit of this service is ${megabytes(limit)}: choose fewer, or send their URLs.`;

/** Merges the faults of all requests as if they were one request's; faults of bases get the names of the files. */
export function mergeFaults(error, bases) {
  if (!(error instanceof ApiError)) return error;
  const merged = new Map();
  const baseFaults = [];
  for (const { field, message } of error.errors) {
    const [, index, path = "parameters"] = MEMBER.exec(field) ?? [];
    const text = message.replace(/ \(line \d+\)$/, "");
    if (BASE_FIELDS.includes(path)) baseFaults.push(`${bases[index].path}: ${text}`);
    else if (index !== undefined) merged.set(`${path} ${text}`, { field: path, message: text });
    else merged.set(field + text, { field: field.replace(/^defaults(\.|$)/, "") || "parameters", message: text });
  }
  const more = baseFaults.length > SHOWN_BASES ? [`and ${baseFaults.length - SHOWN_BASES} more`] : [];
  if (baseFaults.length) merged.set("base_image", { field: "base_image", message: [...baseFaults.slice(0, SHOWN_BASES), ...more].join("; ") });
  error.errors = [...merged.values()];
  return error;
}

/** Resolves to the ended batch. Calls `onStatus` with each state, and `onRequests` with pages of requests and their offsets. */
export async function follow(client, batch, { onStatus, onRequests, onRetry }, signal) {
  const { batch_id: id, request_counts: { total } } = batch;
  const retried = (call) => retry(call, UNTIL_REACHABLE, onRetry, signal);
  const openPages = new Set(Array.from({ length: Math.ceil(total / PAGE) }, (_, page) => page * PAGE));

  /** Reads the pages with unfinished requests, up to the first without finished ones unless `all`. */
  async function read(all) {
    for (const offset of openPages) {
      const { requests } = await retried(() => client.batchRequests(id, offset, PAGE, signal));
      onRequests(offset, requests);
      const ended = requests.filter(hasEnded).length;
      if (ended === Math.min(PAGE, total - offset)) openPages.delete(offset);
      if (!all && !ended) return;
    }
  }

  for (let current = batch, lastCounts = ""; ; ) {
    onStatus(current);
    const counts = JSON.stringify(current.request_counts);
    const isEnd = current.status === "COMPLETED";
    if (isEnd || counts !== lastCounts) await read(isEnd);
    if (isEnd) return current;
    lastCounts = counts;
    current = await retried(() => client.batch(id, POLL_S, signal));
  }
}

/** An expired request has an error and no status. */
const hasEnded = ({ status, error }) => status === "COMPLETED" || Boolean(error);
