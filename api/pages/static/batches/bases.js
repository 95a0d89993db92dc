/**
 * The bases of a batch: pictures among files and in folders, recognized by their first bytes. A base is `{path, id, file}`:
 * `path` with its folders, `id` the custom_id, short and unique.
 */

const MAX_BASES = 5000;
const MAX_FILES = 4 * MAX_BASES; // with more, the wrong folder was probably chosen
const MAX_ID_LENGTH = 64; // characters of a custom_id
const SHOWN_NAMES = 5;
const SIGNATURES = [/^\xff\xd8\xff/, /^\x89PNG/, /^GIF8/, /^RIFF.{4}WEBP/s, /^.{4}ftyp/s]; // JPEG, PNG, GIF, WebP, AVIF

/** The pictures in these files and folder entries, and the files that are skipped. Throws if there are no pictures, or too many. */
export async function basesIn(items, maxBytes) {
  const files = (await filesIn(items)).sort(byPath);
  const arePictures = await Promise.all(files.map(({ file }) => isPicture(file)));
  const pictures = files.filter((_, index) => arePictures[index]);
  const skipped = [
    { names: pathsOf(files.filter((_, index) => !arePictures[index])), reason: "not JPEG, PNG, WebP, GIF or AVIF" },
    { names: pathsOf(pictures.filter(({ file }) => file.size > maxBytes)), reason: `over ${Math.floor(maxBytes / 1e5) / 10} MB` },
  ].filter(({ names }) => names.length);
  const bases = pictures.filter(({ file }) => file.size <= maxBytes);
  if (!bases.length) throw new Error(skipped.length ? `No picture for a batch. ${describeSkipped(skipped)}` : "The folder has no files.");
  if (bases.length > MAX_BASES) throw new Error(`${count(bases.length, "picture")} are too many: the limit of a batch is ${count(MAX_BASES, "picture")}`);
  return { bases: withIds(bases), skipped };
}

const pathsOf = (files) => files.map(({ path }) => path);

const byPath = (one, other) => one.path.localeCompare(other.path, undefined, { numeric: true });

async function filesIn(items) {
  const files = [];
  const pending = [...items].reverse();
  while (pending.length) {
    const item = pending.pop();
    if (item instanceof File) files.push({ path: item.webkitRelativePath || item.name, file: item });
    else if (item.isDirectory) pending.push(...(await entriesIn(item)));
    else files.push({ path: item.fullPath.slice(1), file: await fileOf(item) });
    if (files.length > MAX_FILES) throw new Error(`The folder has more than ${count(MAX_FILES, "file")}: choose a smaller one`);
  }
  return files;
}

/** The browser returns entries in groups. */
async function entriesIn(folder) {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    const group = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!group.length) return entries;
    entries.push(...group);
  }
}

/** An empty file if the file cannot be read. */
const fileOf = (entry) => new Promise((resolve) => entry.file(resolve, () => resolve(new File([], entry.name))));

async function isPicture(file) {
  const bytes = await file.slice(0, 12).arrayBuffer().catch(() => new ArrayBuffer(0));
  const head = String.fromCharCode(...new Uint8Array(bytes));
  return SIGNATURES.some((signature) => signature.test(head));
}

/** Adds valid, unique ids: the end of the path with printable characters. */
function withIds(files) {
  const ids = new Set();
  return files.map((file) => {
    const printable = file.path.replace(/(?! )[\p{C}\p{Z}]/gu, "_");
    let id = end(printable, MAX_ID_LENGTH);
    for (let n = 2; ids.has(id); n++) id = end(`${printable} ${n}`, MAX_ID_LENGTH);
    ids.add(id);
    return { ...file, id };
  });
}

const end = (text, length) => [...text].slice(-length).join("");

export const describeSkipped = (skipped) => skipped.map(({ names, reason }) => `Skipped: ${shorten(names)} (${reason}).`).join(" ");

/** The first names, and the number of others. */
export function shorten(names) {
  const more = names.length - SHOWN_NAMES;
  return names.slice(0, SHOWN_NAMES).join(", ") + (more > 0 ? ` and ${count(more, "other")}` : "");
}

export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
