/** Calling once more what may have been only bad luck. */

import { ApiError, Unreachable } from "./api.js";

/** @typedef {(error: Error, nextS: number) => void} Trouble  told why a call is made again, and when */

const FIRST_S = 1;
const LONGEST_S = 10;

/** @type {(error: Error) => boolean} No answer, or one that does not tell what became of the call. */
export const lost = (error) => error instanceof Unreachable || (error instanceof ApiError && error.status >= 500);

/** @type {(error: Error) => boolean} */
export const lostOrBusy = (error) => lost(error) || (error instanceof ApiError && error.status === 429);

/**
 * What `call` resolves to, at last. A server that goes away is asked ever more patiently.
 *
 * @template T
 * @param {() => Promise<T>} call
 * @param {{worthwhile: (error: Error) => boolean, times: number}} when
 * @param {Trouble} trouble
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
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

/** @type {(seconds: number, signal: AbortSignal) => Promise<void>} */
export function pause(seconds, signal) {
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
