/**
 * Pictures for a request: a local file, a sample, or a URL.
 *
 * A picture is `{name, image, width, height, blob, url}`. The preview draws `image`; `blob` is a local file, all others have a
 * `url`. `external`: it is on another site, and the page does not load it; `guessed`: its size is a guess.
 */

import { fill, sheet } from "./dom.js";

const GUESS = { width: 1024, height: 768 };
const SCHEMES = ["http://", "https://", "data:"];
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
const WITH_HOST = /^https?:\/\/[^\s/?#\\]\S*$/i;
const NO_URL = "is not the URL of a picture: it must begin with http:// or https:// and have a host";
const WITH_USER = "contains a user name: only pictures that need no login can be fetched";

/** Throws errors to show to the user, as `fromUrl` does. */
export async function fromFile(file, maxBytes) {
  const { name, size } = file;
  if (size > maxBytes) throw new Error(`${name} has ${megabytes(size)}; this service accepts files up to ${megabytes(maxBytes)}`);
  const image = await createImageBitmap(file).catch(() => {
    throw new Error(`${name} cannot be read as a picture: choose a JPEG, PNG, WebP, GIF or AVIF file`);
  });
  return { name, image, width: image.width, height: image.height, blob: file, url: null };
}

/** Why the beginning of a URL, as it is typed, is invalid, or "". */
export function typedFault(text) {
  const start = text.toLowerCase();
  return SCHEMES.some((scheme) => start.startsWith(scheme) || scheme.startsWith(start)) && !/\s/.test(text) ? "" : NO_URL;
}

/** Why the service would refuse this URL, or "". */
function urlFault(text) {
  if (/^data:/i.test(text)) return "";
  if (!WITH_HOST.test(text) || !URL.canParse(text)) return NO_URL;
  const { username, password } = new URL(text);
  return username || password ? WITH_USER : "";
}

/** Loads a picture of this service, and draws a placeholder for one of another site. */
export async function fromUrl(url, origin) {
  const fault = urlFault(url);
  if (fault) throw new Error(fault);
  const name = url.split(/[?#]/)[0].split("/").pop() || url;
  if (/^data:/i.test(url)) return load("data: URI", url, url);
  const path = ownPath(new URL(url), [`${origin}/`, new URL(".", location.href).href]);
  if (path === undefined) return { name, image: placeholder(), ...GUESS, blob: null, url, external: true, guessed: true };
  return load(name, url, path);
}

/** The path of `url` below one of the service's own `prefixes`, or undefined. */
function ownPath(url, prefixes) {
  const isSame = (one, other) => one === other || (LOOPBACK.test(one) && LOOPBACK.test(other));
  const own = prefixes
    .map((prefix) => new URL(prefix))
    .find(
      ({ protocol, hostname, port, pathname }) =>
        url.protocol === protocol && isSame(url.hostname, hostname) && url.port === port && url.pathname.startsWith(pathname),
    );
  return own && url.href.slice(url.origin.length + own.pathname.length);
}

async function load(name, url, source) {
  const image = new Image();
  image.src = source;
  await image.decode().catch(() => {
    throw new Error("this picture does not exist: it never existed or has expired");
  });
  return { name, image, width: image.naturalWidth, height: image.naturalHeight, blob: null, url };
}

function placeholder() {
  const context = sheet(GUESS.width, GUESS.height);
  fill(context, "#8b93a5");
  context.strokeStyle = "#a9b0c0";
  context.lineWidth = 6;
  context.strokeRect(3, 3, GUESS.width - 6, GUESS.height - 6);
  for (let x = -GUESS.height; x < GUESS.width; x += 64) context.strokeRect(x, -8, GUESS.height, GUESS.height + 16);
  return context.canvas;
}

export const sampleAt = (origin, name) => () => fromUrl(`${origin}/samples/${name}`, origin);

/** A mask that shows the middle and fades towards the edge. */
export function softEdge() {
  return drawn("soft-edge.png", (context) => {
    const glow = context.createRadialGradient(128, 128, 64, 128, 128, 128);
    glow.addColorStop(0, "#fff");
    glow.addColorStop(1, "#000");
    fill(context, glow);
  });
}

/** A displacement map that shifts rows sideways in waves. */
export function ripples() {
  return drawn("ripples.png", (context) => {
    for (let y = 0; y < 256; y++) {
      context.fillStyle = `rgb(${Math.round(128 + 127 * Math.sin((y / 256) * 6 * Math.PI))} 128 128)`;
      context.fillRect(0, y, 256, 1);
    }
  });
}

async function drawn(name, draw) {
  const context = sheet(256, 256);
  draw(context);
  return new File([await context.canvas.convertToBlob()], name, { type: "image/png" });
}

/** Draws the whole picture centred on a small canvas, or clears it for null. */
export function drawContained(canvas, picture) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!picture) return;
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.image, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

export function megabytes(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
