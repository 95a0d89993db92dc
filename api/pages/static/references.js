/** How a request names its pictures: small files within it, large ones uploaded before. */

import { ApiError } from "./api.js";

/** @typedef {import("./pictures.js").Picture} Picture */
/** @typedef {import("./api.js").Client} Client */

const INLINE_BYTES = 256 * 1024;

/** @type {WeakMap<Blob, {key: string, url: string}>} */
const uploads = new WeakMap();

/** @type {(client: Client, name: string, picture: Picture, uploading: (picture: Picture) => void) => Promise<string>} */
export async function reference(client, name, picture, uploading) {
  if (picture.url) return picture.url;
  if (picture.blob.size <= INLINE_BYTES) return dataUri(picture.blob);
  const known = uploads.get(picture.blob);
  if (known?.key === client.key) return known.url;
  uploading(picture);
  const url = await uploaded(client, name, picture);
  uploads.set(picture.blob, { key: client.key, url });
  return url;
}

/** Uploads expire: the next request sends its files again. */
export function forgetUploads(pictures) {
  for (const picture of pictures) if (picture?.blob) uploads.delete(picture.blob);
}

/** What is wrong with the file is wrong with the picture of this name. */
async function uploaded(client, name, picture) {
  try {
    return await client.upload(picture.blob, picture.name);
  } catch (error) {
    if (error instanceof ApiError && [400, 413].includes(error.status)) {
      const message = error.errors[0]?.message ?? error.message;
      error.errors = [{ field: name, message }];
    }
    throw error;
  }
}

/** @type {(blob: Blob) => Promise<string>} */
export function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^data:;/, "data:application/octet-stream;"));
    reader.onerror = () => reject(new Error("the file cannot be read any more: choose it again"));
    reader.readAsDataURL(blob);
  });
}
