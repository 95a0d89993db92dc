/** From the page's pictures and parameters to a request, and from the request to its picture. */

import { again, lost } from "./again.js";
import { Unreachable } from "./api.js";
import { reference } from "./references.js";
import { resultOf, untilEnded } from "./wait.js";

/** @typedef {import("./api.js").Client} Client */
/** @typedef {import("./preview.js").Pictures} Pictures */
/** @typedef {import("./result.js").Result} Result */
/** @typedef {import("./wait.js").Told} Told */

const ONCE_MORE = { worthwhile: lost, times: 3 };

/** A request that FAILED, in the words of the service. */
export class Failed extends Error {}

/**
 * An answer that is lost on its way is asked for again: by the idempotency key it is the same request.
 *
 * @param {Client} client
 * @param {{pictures: Pictures, params: object}} order
 * @param {{uploading: (picture: import("./pictures.js").Picture) => void, trouble: import("./again.js").Trouble}} told
 * @param {AbortSignal} signal
 * @returns {Promise<string>} the request's id
 */
export async function submit(client, { pictures, params }, { uploading, trouble }, signal) {
  const named = {};
  for (const [name, picture] of Object.entries(pictures)) {
    if (picture) named[name] = await reference(client, name, picture, uploading);
  }
  const body = { ...named, ...params };
  const idempotencyKey = uuid();
  return (await again(() => client.submit(body, idempotencyKey), ONCE_MORE, trouble, signal)).request_id;
}

/** @type {() => string} Version 4; `crypto.randomUUID` is missing where a page came without TLS. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * @param {Client} client
 * @param {string} id
 * @param {Told} told
 * @param {AbortSignal} signal
 * @returns {Promise<{result: Result, expires: number, metrics: Record<string, number>}>} Raises `Failed`.
 */
export async function finished(client, id, told, signal) {
  const status = await untilEnded(client, id, told, signal);
  if (status.status === "FAILED") throw new Failed(status.error);
  const answer = await resultOf(client, id, told, signal);
  const [image] = answer.images;
  const result = {
    path: `pictures/${image.file_name}`, // of this page's own service, whatever it is called in public
    name: image.file_name,
    width: image.width,
    height: image.height,
    bytes: image.file_size,
    type: image.content_type,
  };
  return { result, expires: Date.parse(answer.expires_at), metrics: answer.metrics };
}

/** @type {(client: Client, id: string) => Promise<boolean>} False where the service is away and could not be told. */
export async function cancel(client, id) {
  try {
    await client.cancel(id);
    return true;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return false;
  }
}
