/** Waiting for a request to end. The only place that knows how: by asking each second. */

import { again, lostOrBusy, pause } from "./again.js";

/** @typedef {import("./api.js").Client} Client */
/** @typedef {import("./api.js").Status} Status */
/** @typedef {{seen: (status: Status) => void, trouble: import("./again.js").Trouble}} Told */

const FIRST_S = 0.2;
const EACH_S = 1;
const TERMINAL = ["COMPLETED", "FAILED"];
const UNTIL_BACK = { worthwhile: lostOrBusy, times: Infinity };

/** @type {(client: Client, id: string, told: Told, signal: AbortSignal) => Promise<Status>} Its last status. */
export async function untilEnded(client, id, told, signal) {
  for (let pauseS = FIRST_S; ; pauseS = EACH_S) {
    await pause(pauseS, signal);
    const status = await again(() => client.status(id, signal), UNTIL_BACK, told.trouble, signal);
    told.seen(status);
    if (TERMINAL.includes(status.status)) return status;
  }
}

/** @type {(client: Client, id: string, told: Told, signal: AbortSignal) => Promise<any>} What stands there for a COMPLETED request. */
export const resultOf = (client, id, told, signal) => again(() => client.result(id), UNTIL_BACK, told.trouble, signal);
