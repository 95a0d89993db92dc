/** Waiting for a request to end. The only place that knows how: by its stream, opened again when it breaks off. */

import { again, lostOrBusy, pause } from "./again.js";

/** @typedef {import("./api.js").Client} Client */
/** @typedef {import("./api.js").Status} Status */
/** @typedef {{seen: (status: Status) => void, trouble: import("./again.js").Trouble}} Told */

const REOPEN_S = 1;
const TERMINAL = ["COMPLETED", "FAILED"];
const UNTIL_BACK = { worthwhile: lostOrBusy, times: Infinity };

/** @type {(client: Client, id: string, told: Told, signal: AbortSignal) => Promise<Status>} Its last status. */
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

/** @type {(client: Client, id: string, told: Told, signal: AbortSignal) => Promise<any>} What stands there for a COMPLETED request. */
export const resultOf = (client, id, told, signal) => again(() => client.result(id), UNTIL_BACK, told.trouble, signal);
