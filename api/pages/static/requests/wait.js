/** Waits for a request to end, by its event stream, and retries calls. */

import { ApiError, Unreachable } from "../api.js";

const REOPEN_S = 1;
const [FIRST_BACKOFF_S, MAX_BACKOFF_S] = [1, 10];
const TERMINAL = ["COMPLETED", "FAILED"];

/** Whether the response was lost, so that the call may or may not have taken effect. */
export const isLost = (error) => error instanceof Unreachable || (error instanceof ApiError && error.status >= 500);

const isLostOrBusy = (error) => isLost(error) || (error instanceof ApiError && error.status === 429);

export const UNTIL_REACHABLE = { isRetryable: isLostOrBusy, limit: Infinity };

/** Resolves to the last status; calls `onStatus` with each. */
export async function untilEnded(client, id, { onStatus, onRetry }, signal) {
  let last = null;
  const follow = async () => {
    for await (const status of client.statuses(id, last?.status, signal)) {
      if (status === null && last?.status !== "QUEUED") continue;
      last = status ?? (await client.status(id, signal)); // the stream sends no event for a new queue position
      onStatus(last);
    }
  };
  for (;;) {
    await retry(follow, UNTIL_REACHABLE, onRetry, signal);
    if (TERMINAL.includes(last?.status)) return last;
    await pause(REOPEN_S, signal);
  }
}

/** Calls `call` up to `limit` more times with exponential back-off, and `onRetry` with each error and the delay in seconds. */
export async function retry(call, { isRetryable, limit }, onRetry, signal) {
  for (let retries = 0; ; retries++) {
    try {
      return await call();
    } catch (error) {
      if (!isRetryable(error) || retries === limit) throw error;
      const delayS = error.retryAfterS ?? Math.min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** retries);
      onRetry(error, delayS);
      await pause(delayS, signal);
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
