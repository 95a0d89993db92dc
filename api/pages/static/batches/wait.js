/** Waits for a batch to end: its counts every second, and the requests that have ended since. */

import { UNTIL_BACK, again } from "../requests/wait.js";

const PACE_S = 1; // of the counts; the end is told at once
const PAGE = 100;

/** The batch at its end. Calls `told.seen` with it on its way, `told.requests` with the first one's index and some. */
export async function follow(client, batch, told, signal) {
  const { batch_id: id, request_counts: { total } } = batch;
  const patiently = (call) => again(call, UNTIL_BACK, told.trouble, signal);
  const open = new Set(Array.from({ length: Math.ceil(total / PAGE) }, (_, page) => page * PAGE));

  /** Reads on from the first that has not ended, as far as there are news. */
  async function read(isWhole) {
    for (const offset of open) {
      const { requests } = await patiently(() => client.requestsOf(id, offset, PAGE, signal));
      told.requests(offset, requests);
      const ended = requests.filter(hasEnded).length;
      if (ended === Math.min(PAGE, total - offset)) open.delete(offset);
      if (!isWhole && !ended) return;
    }
  }

  for (let seen = batch, last = ""; ; ) {
    told.seen(seen);
    const counts = JSON.stringify(seen.request_counts);
    const isEnd = seen.status === "COMPLETED";
    if (isEnd || counts !== last) await read(isEnd);
    if (isEnd) return seen;
    last = counts;
    seen = await patiently(() => client.batch(id, PACE_S, signal));
  }
}

/** One that has expired has no status. */
const hasEnded = ({ status, error }) => status === "COMPLETED" || Boolean(error);
