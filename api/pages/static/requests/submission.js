/**
 * Submits a request, and gets its result. A request is `{model, base, layers, output}`: the layers, the lowest first, have
 * `pictures` by name and `params`; `output` are the parameters of the result.
 */

import { ApiError } from "../api.js";
import { UNTIL_REACHABLE, isLost, retry, untilEnded } from "./wait.js";

const INLINE_BYTES = 256 * 1024; // larger files are uploaded first
const uploads = new WeakMap(); // by file: the URL, and the API key for which it is valid
const RESUBMIT = { isRetryable: isLost, limit: 3 };

export const PICTURES = ["base_image", "overlay_image", "mask", "displacement_map"];

/** The body of a request: flat for one layer, else with `overlays`. `reference` turns a picture into its value in the body. */
export function bodyOf({ base, layers, output }, reference) {
  const items = layers.map(({ pictures, params }) => {
    const named = Object.entries(pictures).map(([name, picture]) => [name, reference(picture)]);
    return { ...Object.fromEntries(named), ...params };
  });
  const parts = items.length === 1 ? items[0] : { overlays: items };
  return { base_image: reference(base), ...parts, ...output };
}

export function picturesOf({ base, layers }) {
  const paths = layers.length === 1 ? [""] : layers.map((_, at) => `overlays[${at}].`);
  const named = layers.flatMap(({ pictures }, at) => Object.entries(pictures).map(([name, picture]) => [paths[at] + name, picture]));
  return [["base_image", base], ...named];
}

/** A request FAILED; the message is the service's. */
export class Failed extends Error {}

export async function submit(client, request, callbacks, signal) {
  const body = JSON.stringify(bodyOf(request, await references(client, picturesOf(request), callbacks)));
  return (await sendOnce((key) => client.submit(request.model, "application/json", body, key), callbacks, signal)).request_id;
}

/** A function that turns each of these pictures into its value in a body. Uploads large files. */
export async function references(client, pictures, { onUpload }) {
  const values = new Map();
  for (const [path, picture] of pictures) {
    if (!values.has(picture)) values.set(picture, await reference(client, path, picture, onUpload));
  }
  return (picture) => values.get(picture);
}

/** Calls `send` with an idempotency key, and again with the same key if the response is lost. */
export function sendOnce(send, { onRetry }, signal) {
  const key = uuid();
  return retry(() => send(key), RESUBMIT, onRetry, signal);
}

/** Version 4; `crypto.randomUUID` does not exist on pages loaded without TLS. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Waits for a request to end, and resolves to its result. Throws `Failed`. */
export async function waitForResult(client, id, callbacks, signal) {
  const status = await untilEnded(client, id, callbacks, signal);
  if (status.status === "FAILED") throw new Failed(status.error);
  const body = await retry(() => client.result(id), UNTIL_REACHABLE, callbacks.onRetry, signal);
  const { expires_at: expires, metrics, warnings = [] } = body;
  return { result: resultIn(body), expires: Date.parse(expires), metrics, warnings };
}

/** The picture in a result body, as `result.js` shows it. */
export function resultIn({ images: [image] }) {
  return {
    path: `pictures/${image.file_name}`, // relative to the page, whatever the service's public URL
    name: image.file_name,
    width: image.width,
    height: image.height,
    bytes: image.file_size,
    type: image.content_type,
  };
}

async function reference(client, path, picture, onUpload) {
  if (picture.url) return picture.url;
  if (picture.blob.size <= INLINE_BYTES) return dataUri(picture.blob);
  const previous = uploads.get(picture.blob);
  if (previous?.key === client.key) return previous.url;
  onUpload(picture);
  const url = await upload(client, path, picture);
  uploads.set(picture.blob, { key: client.key, url });
  return url;
}

/** Makes the next request upload its files again, because uploads expire. */
export function forgetUploads(request) {
  for (const [, { blob }] of picturesOf(request)) if (blob) uploads.delete(blob);
}

/** Assigns an error of the file to the field of its picture. */
async function upload(client, path, picture) {
  try {
    return await client.upload(picture.blob, picture.name);
  } catch (error) {
    if (error instanceof ApiError && [400, 413].includes(error.status)) {
      const message = error.errors[0]?.message ?? error.message;
      error.errors = [{ field: path, message }];
    }
    throw error;
  }
}

export function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^data:;/, "data:application/octet-stream;"));
    reader.onerror = () => reject(new Error("the file can no longer be read: choose it again"));
    reader.readAsDataURL(blob);
  });
}
