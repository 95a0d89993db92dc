/** Approximates the compositor on a canvas. */

import { isOutside, placement } from "./geometry.js";

/** @typedef {{base_image: Picture, overlay_image: Picture, mask: Picture | null}} Pictures */

const MAX_SIDE = 1600; // of the canvas; larger bases are drawn smaller
const MAX_LAYER_SIDE = 2048; // of the layer that is kept; beyond, the preview enlarges it
const TIE = 0.001; // pixels; of two source pixels as near as each other the compositor takes the later one
const ALWAYS = "Drawn by your browser: where pixels are resized or turned, the result may differ, most at edges.";

const NOTES = [
  [(_, { tile }, placed) => !tile && isOutside(placed), "The overlay lies wholly outside the base: the result will not show it."],
  [(pictures) => some(pictures, "foreign"), "A picture of another site is fetched by the service and not shown here."],
  [(pictures) => some(pictures, "guessed"), "Its size is guessed."],
  [(_, { keep_icc_profile }) => keep_icc_profile, "Colours are shown as sRGB."],
  [({ mask }, { invert_mask }) => invert_mask && !mask, "invert_mask needs a mask."],
];

export function previewer() {
  const layerOf = layers();
  return (canvas, { base_image: base, overlay_image: overlay, mask }, params) => {
    const placed = placement(params, overlay, base);
    const scale = Math.min(1, MAX_SIDE / Math.max(base.width, base.height));
    canvas.width = Math.max(1, Math.round(base.width * scale));
    canvas.height = Math.max(1, Math.round(base.height * scale));
    const context = canvas.getContext("2d");
    context.scale(canvas.width / base.width, canvas.height / base.height);
    context.drawImage(base.image, 0, 0, base.width, base.height);
    mix(context, layerOf(overlay, mask, params, placed.size), placed, params);
    fillBackground(context, params, base);
    return placed;
  };
}

function mix(context, layer, placed, params) {
  context.save();
  context.globalAlpha = params.opacity;
  context.globalCompositeOperation = params.blend_mode === "normal" ? "source-over" : params.blend_mode;
  if (params.tile) drawTiles(context, layer, placed, params);
  else drawTurned(context, layer, placed, params, placed.corner);
  context.restore();
}

/** `at`: the top-left corner of the canvas that holds the turned layer */
function drawTurned(context, layer, { size, turned }, params, at) {
  context.imageSmoothingEnabled = params.resize_method !== "nearest-exact" || params.rotation % 90 !== 0;
  context.imageSmoothingQuality = "high";
  context.translate(at.x + turned.width / 2, at.y + turned.height / 2);
  context.rotate((-params.rotation * Math.PI) / 180);
  context.drawImage(layer, -size.width / 2, -size.height / 2, size.width, size.height);
}

function drawTiles(context, layer, placed, params) {
  const { base, turned, corner } = placed;
  const pitch = { width: turned.width + params.tile_spacing, height: turned.height + params.tile_spacing };
  const by = Math.min(1, MAX_SIDE / Math.max(pitch.width, pitch.height));
  const tile = new OffscreenCanvas(Math.ceil(pitch.width * by), Math.ceil(pitch.height * by));
  const inside = tile.getContext("2d");
  inside.scale(tile.width / pitch.width, tile.height / pitch.height);
  drawTurned(inside, layer, placed, params, { x: 0, y: 0 });
  const pattern = context.createPattern(tile, "repeat");
  const move = new DOMMatrix().translate(corner.x, corner.y);
  pattern.setTransform(move.scale(pitch.width / tile.width, pitch.height / tile.height));
  context.fillStyle = pattern;
  context.fillRect(0, 0, base.width, base.height);
}

/** `background`; by default white under a JPEG, which has no transparency. */
function fillBackground(context, params, base) {
  const colour = params.background ?? (params.image_format === "jpeg" ? "#ffffff" : null);
  if (colour === null) return;
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = colour;
  context.fillRect(0, 0, base.width, base.height);
}

/** The overlay mirrored, resized and masked. The last one is kept, so that dragging draws it only once. */
function layers() {
  let known = { key: "", overlay: null, mask: null, canvas: null };
  return (overlay, mask, params, size) => {
    const key = JSON.stringify([params.flip, params.invert_mask, params.resize_method, size]);
    if (known.key !== key || known.overlay !== overlay || known.mask !== mask) {
      known = { key, overlay, mask, canvas: layer(overlay, mask, params, capped(size)) };
    }
    return known.canvas;
  };
}

function capped({ width, height }) {
  const by = Math.min(1, MAX_LAYER_SIDE / Math.max(width, height));
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

const some = (pictures, what) => Object.values(pictures).some((picture) => picture?.[what]);

/** How the result will differ from the preview. */
export function notes(pictures, params, placed) {
  return [ALWAYS, ...NOTES.filter(([holds]) => holds(pictures, params, placed)).map(([, text]) => text)].join(" ");
}
