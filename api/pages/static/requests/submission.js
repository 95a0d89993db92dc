/** Submits a request, and gets its result. */

import { ApiError, Unreachable } from "../api.js";
import { again, lost, resultOf, untilEnded } from "./wait.js";

const INLINE_BYTES = 256 * 1024; // of a file within a request; larger ones are uploaded before
/** @type {WeakMap<Blob, {key: string, url: string}>} */
const uploads = new WeakMap();
const ONCE_MORE = { worthwhile: lost, times: 3 };

/**
 * @typedef {object} SceneRequest
 * @property {string} model
 * @property {Picture} base
 * @property {{pictures: Record<string, Picture>, params: object}[]} layers  the lowest first
 * @property {object} answer
 */
export const PICTURES = ["base_image", "overlay_image", "mask", "displacement_map"];

/** A scene as the body of a request: flat with one layer, else with `overlays`. `reference` makes of a picture what the body has in its place. */
export function bodyOf({ base, layers, answer }, reference) {
  const items = layers.map(({ pictures, params }) => {
    const named = Object.entries(pictures).map(([name, picture]) => [name, reference(picture)]);
    return { ...Object.fromEntries(named), ...params };
  });
  const parts = items.length === 1 ? items[0] : { overlays: items };
  return { base_image: reference(base), ...parts, ...answer };
}

/** Every picture, with its path in the body. */
export function picturesOf({ base, layers }) {
  const paths = layers.length === 1 ? [""] : layers.map((_, at) => `overlays[${at}].`);
  const named = layers.flatMap(({ pictures }, at) => Object.entries(pictures).map(([name, picture]) => [paths[at] + name, picture]));
  return [["base_image", base], ...named];
}

/** A request that FAILED, with the error of the service. */
export class Failed extends Error {}

/** The id of the request. If the answer is lost, it submits again: by the idempotency key it is the same request. */
export async function submit(client, request, told, signal) {
  const body = bodyOf(request, await references(client, picturesOf(request), told));
  return (await once((key) => client.submit(request.model, body, key), told, signal)).request_id;
}

/** A function from each of these pictures to what a body has in its place; uploads the large files. */
export async function references(client, pictures, { uploading }) {
  const found = new Map();
  for (const [path, picture] of pictures) {
    if (!found.has(picture)) found.set(picture, await reference(client, path, picture, uploading));
  }
  return (picture) => found.get(picture);
}

/** What `send` answers, which is called with an idempotency key, and again if an answer is lost. */
export function once(send, { trouble }, signal) {
  const key = uuid();
  return again(() => send(key), ONCE_MORE, trouble, signal);
}

/** Version 4; `crypto.randomUUID` is missing where a page came without TLS. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The result of a request that has COMPLETED; raises `Failed`. */
export async function finished(client, id, told, signal) {
  const status = await untilEnded(client, id, told, signal);
  if (status.status === "FAILED") throw new Failed(status.error);
  const answer = await resultOf(client, id, told, signal);
  const { expires_at: expires, metrics, warnings = [] } = answer;
  return { result: resultIn(answer), expires: Date.parse(expires), metrics, warnings };
}

/** What is shown of the picture that an answer names. */
export function resultIn({ images: [image] }) {
  return {
    path: `pictures/${image.file_name}`, // of this page's own service, whatever its public URL
    name: image.file_name,
    width: image.width,
    height: image.height,
    bytes: image.file_size,
    type: image.content_type,
  };
}

/** False if the service cannot be reached. */
export async function cancel(client, id) {
  try {
    await client.cancel(id);
    return true;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return false;
  }
}

async function reference(client, path, picture, uploading) {
  if (picture.url) return picture.url;
  if (picture.blob.size <= INLINE_BYTES) return dataUri(picture.blob);
  const known = uploads.get(picture.blob);
  if (known?.key === client.key) return known.url;
  uploading(picture);
  const url = await uploaded(client, path, picture);
  uploads.set(picture.blob, { key: client.key, url });
  return url;
}

/** Uploads expire: the next request uploads its files again. */
export function forgetUploads(request) {
  for (const [, { blob }] of picturesOf(request)) if (blob) uploads.delete(blob);
}

/** An error of the file is shown at its picture. */
async function uploaded(client, path, picture) {
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
    reader.onerror = () => reject(new Error("the file cannot be read any more: choose it again"));
    reader.readAsDataURL(blob);
  });
}
