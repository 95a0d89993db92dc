/** Waits for a batch to end: polls its counts every second, and reads the requests that have ended. */

import { UNTIL_REACHABLE, retry } from "../requests/wait.js";

const POLL_S = 1; // for the counts; the end of the batch is reported at once
const PAGE = 100;

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
