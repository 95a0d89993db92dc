/** The overlay made ready: mirrored, resized, masked. The last one is kept, so that dragging draws it only once. */

/** @typedef {import("./pictures.js").Picture} Picture */
/** @typedef {import("./geometry.js").Params} Params */
/** @typedef {import("./geometry.js").Size} Size */

const MAX_SIDE = 2048; // of what is kept; beyond, the preview enlarges it
const TIE = 0.001; // pixels; of two source pixels as near as each other the compositor takes the later one

/** @type {() => (overlay: Picture, mask: Picture | null, params: Params, size: Size) => OffscreenCanvas} */
export function layers() {
  let known = { key: "", overlay: null, mask: null, canvas: null };
  return (overlay, mask, params, size) => {
    const key = JSON.stringify([params.flip, params.invert_mask, params.resize_method, size]);
    if (known.key !== key || known.overlay !== overlay || known.mask !== mask) {
      known = { key, overlay, mask, canvas: layer(overlay, mask, params, capped(size)) };
    }
    return known.canvas;
  };
}

/** @type {(size: Size) => Size} */
function capped({ width, height }) {
  const by = Math.min(1, MAX_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) };
}

function layer(overlay, mask, params, size) {
  const canvas = mirrored(overlay.image, params, size);
  if (mask) {
    const context = canvas.getContext("2d");
    context.resetTransform();
    context.globalCompositeOperation = "destination-in";
    context.imageSmoothingQuality = "high";
    context.drawImage(coverage(mask, params, size), 0, 0, size.width, size.height);
  }
  return canvas;
}

function mirrored(image, params, { width, height }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const [across, down] = [["horizontal", "both"].includes(params.flip), ["vertical", "both"].includes(params.flip)];
  const nearest = params.resize_method === "nearest-exact";
  const tie = nearest ? TIE : 0;
  context.imageSmoothingEnabled = !nearest;
  context.imageSmoothingQuality = params.resize_method === "area" ? "high" : "low";
  context.translate(across ? width : 0, down ? height : 0);
  context.scale(across ? -1 : 1, down ? -1 : 1);
  context.drawImage(image, across ? 0 : -tie, down ? 0 : -tie, width + tie, height + tie);
  return canvas;
}

/** The mask as alpha: luminance (Rec. 709) times its own alpha. */
function coverage(mask, params, size) {
  const canvas = mirrored(mask.image, { flip: params.flip, resize_method: "area" }, size);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pixels = context.getImageData(0, 0, size.width, size.height);
  const { data } = pixels;
  for (let at = 0; at < data.length; at += 4) {
    const luminance = 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
    data[at + 3] *= (params.invert_mask ? 255 - luminance : luminance) / 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
