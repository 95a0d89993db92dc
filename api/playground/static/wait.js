/** Waiting for a request to end. The only place that knows how: by asking each second. */

import { ApiError, Unreachable } from "./api.js";

/** @typedef {import("./api.js").Client} Client */
/** @typedef {import("./api.js").Status} Status */

const FIRST_S = 0.2;
const EACH_S = 1;
const LONGEST_S = 10;
const TERMINAL = ["COMPLETED", "FAILED"];

/**
 * The last status of a request. A server that goes away is asked again, ever more patiently, until it is back.
 *
 * @param {Client} client
 * @param {string} id
 * @param {{seen: (status: Status) => void, trouble: (error: Error, nextS: number) => void}} told
 * @param {AbortSignal} signal
 * @returns {Promise<Status>}
 */
export async function untilEnded(client, id, told, signal) {
  let troubles = 0;
  for (let pauseS = FIRST_S; ; ) {
    await pause(pauseS, signal);
    try {
      const status = await client.status(id, signal);
      told.seen(status);
      if (TERMINAL.includes(status.status)) return status;
      [troubles, pauseS] = [0, EACH_S];
    } catch (error) {
      if (!passes(error)) throw error;
      pauseS = error.retryAfterS ?? Math.min(LONGEST_S, EACH_S * 2 ** troubles++);
      told.trouble(error, pauseS);
    }
  }
}

/** @type {(error: Error) => boolean} Whether asking again may help. */
function passes(error) {
  return error instanceof Unreachable || (error instanceof ApiError && (error.status === 429 || error.status >= 500));
}

/** @type {(seconds: number, signal: AbortSignal) => Promise<void>} */
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
