/** Waits for a request to end, by its stream; retries calls. */

import { ApiError, Unreachable } from "../api.js";

const REOPEN_S = 1;
const [FIRST_S, LONGEST_S] = [1, 10]; // back-off
const TERMINAL = ["COMPLETED", "FAILED"];

/** The call may or may not have taken effect. */
export const lost = (error) => error instanceof Unreachable || (error instanceof ApiError && error.status >= 500);

const lostOrBusy = (error) => lost(error) || (error instanceof ApiError && error.status === 429);

export const UNTIL_BACK = { worthwhile: lostOrBusy, times: Infinity };

/** Its last status; calls `told.seen` with each. */
export async function untilEnded(client, id, told, signal) {
  let last = null;
  const follow = async () => {
    for await (const status of client.statuses(id, last?.status, signal)) {
      if (status === null && last?.status !== "QUEUED") continue;
      last = status ?? (await client.status(id, signal)); // a new queue position is no event
      told.seen(last);
    }
  };
  for (;;) {
    await again(follow, UNTIL_BACK, told.trouble, signal);
    if (TERMINAL.includes(last?.status)) return last;
    await pause(REOPEN_S, signal);
  }
}

export const resultOf = (client, id, told, signal) => again(() => client.result(id), UNTIL_BACK, told.trouble, signal);

/** Retries `call`, with exponential back-off; calls `trouble` with each error and the seconds until the next try. */
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
