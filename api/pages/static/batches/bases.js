/** The bases of a batch: pictures in folders and among files, told by what is in them. */

/**
 * @typedef {object} Base
 * @property {string} path  with its folders
 * @property {string} id    as the batch names it: short, and no other's
 * @property {File} file
 *
 * @typedef {{names: string[], why: string}} LeftOut
 */

export const MOST_BASES = 5000;
const MOST_FILES = 4 * MOST_BASES; // of folders, before they are taken for the wrong ones
const MOST_CHARACTERS = 64; // of a custom_id
const NAMED = 5; // of names in a sentence
const HEADS = [/^\xff\xd8\xff/, /^\x89PNG/, /^GIF8/, /^RIFF.{4}WEBP/s, /^.{4}ftyp/s]; // JPEG, PNG, GIF, WebP, AVIF

/**
 * The pictures in these files and folders, and what is left out of them. Throws if there are none, or too many.
 *
 * @param {(File | FileSystemEntry)[]} items
 * @returns {Promise<{bases: Base[], leftOut: LeftOut[]}>}
 */
export async function basesIn(items, maxBytes) {
  const found = (await filesIn(items)).sort(byPath);
  const arePictures = await Promise.all(found.map(({ file }) => isPicture(file)));
  const pictures = found.filter((_, at) => arePictures[at]);
  const leftOut = [
    { names: pathsOf(found.filter((_, at) => !arePictures[at])), why: "no JPEG, PNG, WebP, GIF or AVIF" },
    { names: pathsOf(pictures.filter(({ file }) => file.size > maxBytes)), why: `over ${Math.floor(maxBytes / 1e5) / 10} MB` },
  ].filter(({ names }) => names.length);
  const bases = pictures.filter(({ file }) => file.size <= maxBytes);
  if (!bases.length) throw new Error(leftOut.length ? `No picture for a batch. ${told(leftOut)}` : "There is no file in it.");
  if (bases.length > MOST_BASES) throw new Error(`${count(bases.length, "picture")} are too many: a batch takes ${count(MOST_BASES, "picture")}`);
  return { bases: named(bases), leftOut };
}

const pathsOf = (files) => files.map(({ path }) => path);

const byPath = (one, other) => one.path.localeCompare(other.path, undefined, { numeric: true });

/** Each file with its path, those in folders too. */
async function filesIn(items) {
  const found = [];
  const left = [...items].reverse();
  while (left.length) {
    const item = left.pop();
    if (item instanceof File) found.push({ path: item.webkitRelativePath || item.name, file: item });
    else if (item.isDirectory) left.push(...(await entriesIn(item)));
    else found.push({ path: item.fullPath.slice(1), file: await fileOf(item) });
    if (found.length > MOST_FILES) throw new Error(`There are more than ${count(MOST_FILES, "file")} in it: choose a smaller folder`);
  }
  return found;
}

/** The browser gives some at a time. */
async function entriesIn(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...some);
  }
}

/** An empty one in place of a file that cannot be read. */
const fileOf = (entry) => new Promise((resolve) => entry.file(resolve, () => resolve(new File([], entry.name))));

async function isPicture(file) {
  const bytes = await file.slice(0, 12).arrayBuffer().catch(() => new ArrayBuffer(0));
  const head = String.fromCharCode(...new Uint8Array(bytes));
  return HEADS.some((each) => each.test(head));
}

/** With ids that the service takes: the end of the path, printable. */
function named(files) {
  const taken = new Set();
  return files.map((each) => {
    const wanted = each.path.replace(/(?! )[\p{C}\p{Z}]/gu, "_");
    let id = last(wanted, MOST_CHARACTERS);
    for (let n = 2; taken.has(id); n++) id = last(`${wanted} ${n}`, MOST_CHARACTERS);
    taken.add(id);
    return { ...each, id };
  });
}

const last = (text, length) => [...text].slice(-length).join("");

export const told = (leftOut) => leftOut.map(({ names, why }) => `Left out: ${some(names)} (${why}).`).join(" ");

export function some(names) {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${count(more, "other")}` : "");
}

export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
