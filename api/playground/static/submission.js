/** From the page's pictures and parameters to a request, and from the request to its picture. */

import { Unreachable } from "./api.js";
import { reference } from "./references.js";
import { untilEnded } from "./wait.js";

/** @typedef {import("./api.js").Client} Client */
/** @typedef {import("./preview.js").Pictures} Pictures */
/** @typedef {import("./result.js").Result} Result */

/** A request that FAILED, in the words of the service. */
export class Failed extends Error {}

/**
 * @param {Client} client
 * @param {Pictures} pictures
 * @param {object} params
 * @param {(picture: import("./pictures.js").Picture) => void} uploading
 * @returns {Promise<string>} the request's id
 */
export async function submit(client, pictures, params, uploading) {
  const named = {};
  for (const [name, picture] of Object.entries(pictures)) {
    if (picture) named[name] = await reference(client, name, picture, uploading);
  }
  return (await client.submit({ ...named, ...params })).request_id;
}

/**
 * @param {Client} client
 * @param {string} id
 * @param {Parameters<typeof untilEnded>[2]} told
 * @param {AbortSignal} signal
 * @returns {Promise<{result: Result, expires: number, metrics: Record<string, number>}>} Raises `Failed`.
 */
export async function finished(client, id, told, signal) {
  const status = await untilEnded(client, id, told, signal);
  if (status.status === "FAILED") throw new Failed(status.error);
  const answer = await client.result(id);
  const [image] = answer.images;
  const result = {
    path: new URL(image.url).pathname, // of this origin, whatever the service is called in public
    name: image.file_name,
    width: image.width,
    height: image.height,
    bytes: image.file_size,
    type: image.content_type,
  };
  return { result, expires: Date.parse(answer.expires_at), metrics: answer.metrics };
}

/** @type {(client: Client, id: string) => Promise<void>} The service may be away: then only the waiting ends. */
export async function cancel(client, id) {
  try {
    await client.cancel(id);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
  }
}
