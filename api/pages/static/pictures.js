/**
 * Pictures to put into a request: a local file, a sample, or a URL.
 *
 * @typedef {object} Picture
 * @property {string} name
 * @property {CanvasImageSource} image    what the preview draws
 * @property {number} width
 * @property {number} height
 * @property {Blob | null} blob           the file, if it is a local one
 * @property {string | null} url          how a request names it, if it is not
 * @property {boolean} [foreign]          of another site: the page does not see it
 * @property {boolean} [guessed]          its size is a guess
 */

const GUESS = { width: 1024, height: 768 };
const STARTS = ["http://", "https://", "data:"];
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
const WITH_HOST = /^https?:\/\/[^\s/?#\\]\S*$/i;
const NO_URL = "is no URL of a picture: it must begin with http:// or https://, and name a host";
const WITH_USER = "has a user name in it: only pictures that need no login can be fetched";

/** Why a picture cannot be used, for the user. */
class PictureError extends Error {}

/** Raises `PictureError`. */
export async function fromFile(file, maxBytes) {
  if (file.size > maxBytes) {
    throw new PictureError(`${file.name} has ${megabytes(file.size)}; this service takes files up to ${megabytes(maxBytes)}`);
  }
  const image = await decoded(file);
  return { name: file.name, image, width: image.width, height: image.height, blob: file, url: null };
}

async function decoded(file) {
  try {
    return await createImageBitmap(file);
  } catch {
    throw new PictureError(`${file.name} is no picture that can be read: choose a JPEG, PNG, WebP, GIF or AVIF file`);
  }
}

/** Why no URL can begin like this, or "". */
export function typedFault(text) {
  const start = text.toLowerCase();
  return STARTS.some((each) => start.startsWith(each) || each.startsWith(start)) && !/\s/.test(text) ? "" : NO_URL;
}

/** Why the service would refuse this URL, or "". */
function urlFault(text) {
  if (/^data:/i.test(text)) return "";
  if (!WITH_HOST.test(text) || !URL.canParse(text)) return NO_URL;
  const { username, password } = new URL(text);
  return username || password ? WITH_USER : "";
}

/** Loads a picture of this service; the service itself fetches those of other sites. Raises `PictureError`. */
export async function fromUrl(url, origin) {
  const fault = urlFault(url);
  if (fault) throw new PictureError(fault);
  const name = url.split(/[?#]/)[0].split("/").pop() || url;
  if (/^data:/i.test(url)) return shown("data: URI", url, url);
  const path = ownPath(new URL(url), [`${origin}/`, new URL(".", location.href).href]);
  if (path === undefined) return { name, image: placeholder(), ...GUESS, blob: null, url, foreign: true, guessed: true };
  return shown(name, url, path);
}

/** The path below one of `places`, the addresses of this service. */
function ownPath(url, places) {
  const isSame = (one, other) => one === other || (LOOPBACK.test(one) && LOOPBACK.test(other));
  const own = places
    .map((place) => new URL(place))
    .find(
      ({ protocol, hostname, port, pathname }) =>
        url.protocol === protocol && isSame(url.hostname, hostname) && url.port === port && url.pathname.startsWith(pathname),
    );
  return own && url.href.slice(url.origin.length + own.pathname.length);
}

async function shown(name, url, source) {
  const image = await loaded(source);
  return { name, image, width: image.naturalWidth, height: image.naturalHeight, blob: null, url };
}

async function loaded(path) {
  const image = new Image();
  image.src = path;
  try {
    await image.decode();
  } catch {
    throw new PictureError("this picture is not there: it never existed or has expired");
  }
  return image;
}

/** Drawn for a picture of another site. */
function placeholder() {
  const canvas = new OffscreenCanvas(GUESS.width, GUESS.height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#8b93a5";
  context.fillRect(0, 0, GUESS.width, GUESS.height);
  context.strokeStyle = "#a9b0c0";
  context.lineWidth = 6;
  context.strokeRect(3, 3, GUESS.width - 6, GUESS.height - 6);
  for (let x = -GUESS.height; x < GUESS.width; x += 64) context.strokeRect(x, -8, GUESS.height, GUESS.height + 16);
  return canvas;
}

/** A function that loads a sample. */
export const sampleAt = (origin, name) => () => fromUrl(`${origin}/samples/${name}`, origin);

/** A mask that shows the middle and fades towards the edge. */
export function softEdge() {
  return drawn("soft-edge.png", (context) => {
    const glow = context.createRadialGradient(128, 128, 64, 128, 128, 128);
    glow.addColorStop(0, "#fff");
    glow.addColorStop(1, "#000");
    context.fillStyle = glow;
    context.fillRect(0, 0, 256, 256);
  });
}

/** A displacement map of waves, sideways down the picture. */
export function ripples() {
  return drawn("ripples.png", (context) => {
    for (let y = 0; y < 256; y++) {
      context.fillStyle = `rgb(${Math.round(128 + 127 * Math.sin((y / 256) * 6 * Math.PI))} 128 128)`;
      context.fillRect(0, y, 256, 1);
    }
  });
}

async function drawn(name, draw) {
  const canvas = new OffscreenCanvas(256, 256);
  draw(canvas.getContext("2d"));
  return new File([await canvas.convertToBlob()], name, { type: "image/png" });
}

/** The whole picture in the middle of a small canvas; nothing for null. */
export function drawContained(canvas, picture) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!picture) return;
  const by = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * by, picture.height * by];
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.image, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

export function megabytes(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
