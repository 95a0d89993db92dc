/** Waiting for a request to end, by its stream; and calling again what failed by bad luck. */

import { ApiError, Unreachable } from "./api.js";

const REOPEN_S = 1;
const [FIRST_S, LONGEST_S] = [1, 10]; // before a call is made again
const TERMINAL = ["COMPLETED", "FAILED"];

/** No answer, or one that does not tell what became of the call. */
export const lost = (error) => error instanceof Unreachable || (error instanceof ApiError && error.status >= 500);

const lostOrBusy = (error) => lost(error) || (error instanceof ApiError && error.status === 429);

const UNTIL_BACK = { worthwhile: lostOrBusy, times: Infinity };

/** Its last status; `seen` is told of each. */
export async function untilEnded(client, id, told, signal) {
  let last = null;
  const follow = async () => {
    for await (const status of client.statuses(id, last?.status, signal)) {
      if (status === null && last?.status !== "QUEUED") continue;
      last = status ?? (await client.status(id, signal)); // its place in the queue is no event
      told.seen(last);
    }
  };
  for (;;) {
    await again(follow, UNTIL_BACK, told.trouble, signal);
    if (TERMINAL.includes(last?.status)) return last;
    await pause(REOPEN_S, signal);
  }
}

/** What stands there for a COMPLETED request. */
export const resultOf = (client, id, told, signal) => again(() => client.result(id), UNTIL_BACK, told.trouble, signal);

/**
 * What `call` resolves to, at last; `trouble` is told of each error and of the seconds until the next call.
 * A server that goes away is asked ever more patiently.
 */
export async function again(call, { worthwhile, times }, trouble, signal) {
  for (let troubles = 0; ; troubles++) {
    try {
      return await call();
    } catch (error) {
      if (!worthwhile(error) || troubles === times) throw error;
      const nextS = error.retryAfterS ?? Math.min(LONGEST_S, FIRST_S * 2 ** troubles);
      trouble(error, nextS);
      await pause(nextS, signal);
    }
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
}
