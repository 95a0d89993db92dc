/** A batch as NDJSON: what all have in common, then each base, its file within the line. */

import { ApiError } from "../api.js";
import { megabytes } from "../pictures.js";
import { bodyOf, dataUri, once, picturesOf, references } from "../requests/submission.js";

const MEMBER = /^requests\[(\d+)\](?:\.(.+))?$/;
const OF_THE_BASE = ["base_image", "custom_id"];
const REST_OF_LINE = 512; // bytes beside the picture, at most
const NAMED = 3; // bases in an error

/** The accepted batch. Calls `told.reading` with how many files are read, `told.sending` with the bytes of all. */
export async function send(client, request, bases, maxBytes, told, signal) {
  const bytes = bases.reduce((sum, { file }) => sum + REST_OF_LINE + 4 * Math.ceil(file.size / 3), 0);
  if (bytes > maxBytes) throw new Error(tooLarge(bases.length, bytes, maxBytes));
  await client.balance(); // a wrong key is refused before all is read
  const pictures = picturesOf(request).filter(([path]) => path !== "base_image");
  const head = headOf(bodyOf(request, await references(client, pictures, told)));
  const lines = [`${JSON.stringify(head)}\n`];
  for (const [at, base] of bases.entries()) {
    signal.throwIfAborted();
    lines.push(await line(base));
    told.reading(at + 1);
  }
  const body = new Blob(lines);
  told.sending(body.size);
  return once((key) => client.submitBatch(request.model, body, key, signal), told, signal);
}

/** The webhook is told of the batch, not of each request. */
export function headOf({ base_image: _, webhook_url: webhook, ...defaults }) {
  return { defaults, ...(webhook && { webhook_url: webhook }) };
}

/** A blob, which the browser may keep on disk. */
async function line({ id, path, file }) {
  try {
    return new Blob([`{"custom_id":${JSON.stringify(id)},"base_image":"`, await dataUri(file), '"}\n']);
  } catch {
    throw new Error(`${path} cannot be read any more: choose the files again`);
  }
}

const tooLarge = (number, bytes, most) =>
  `These ${number} pictures are ${megabytes(bytes)} as a batch, and this service takes ${megabytes(most)} at once: choose fewer, or send their URLs.`;

/** The error with faults as those of one request: a base's with its name, one that many have only once. */
export function toName(error, bases) {
  if (!(error instanceof ApiError)) return error;
  const found = new Map();
  const ofBases = [];
  for (const { field, message } of error.errors) {
    const [, index, path = "parameters"] = MEMBER.exec(field) ?? [];
    const text = message.replace(/ \(line \d+\)$/, "");
    if (OF_THE_BASE.includes(path)) ofBases.push(`${bases[index].path}: ${text}`);
    else if (index !== undefined) found.set(`${path} ${text}`, { field: path, message: text });
    else found.set(field + text, { field: field.replace(/^defaults(\.|$)/, "") || "parameters", message: text });
  }
  const more = ofBases.length > NAMED ? [`and ${ofBases.length - NAMED} more`] : [];
  if (ofBases.length) found.set("base_image", { field: "base_image", message: [...ofBases.slice(0, NAMED), ...more].join("; ") });
  error.errors = [...found.values()];
  return error;
}
