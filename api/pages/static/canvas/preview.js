/** Approximates the compositor on a canvas. */

import { fill, sheet } from "../dom.js";
import { isOutside, placement } from "./geometry.js";
import { drawWarped } from "./perspective.js";

const MAX_SIDE = 1600; // of the canvas; larger bases are scaled down
const MAX_LAYER_SIDE = 2048; // of a cached layer; larger layers are scaled up from it
const TIE = 0.001; // pixels; of two equally near source pixels the compositor takes the later one
const ALWAYS = "Drawn by your browser: the result may differ where pixels are resized or rotated, mostly at edges.";

const NOTES = [
  [({ layers }, base) => layers.some(({ pictures, params }) => isUnseen(pictures, params, base)), "The overlay is entirely outside the base: the result will not show it."],
  [({ layers }) => layers.some(({ pictures }) => pictures.displacement_map), "Displacement shows only in the result."],
  [({ layers }) => layers.some(({ params }) => !isSupported(params.blend_mode)), "The blend mode shows only in the result."],
  [({ layers }) => layers.some(({ params }) => (params.bg_remove_model ?? "None") !== "None"), "The overlay's background is removed only in the result."],
  [({ output }) => output.animation === "keep", "Only one frame of an animated base is shown."],
  [(scene, base) => hasTrait(scene, base, "external"), "A picture of another site is fetched by the service and not shown here."],
  [(scene, base) => hasTrait(scene, base, "guessed"), "Its size is guessed."],
  [({ output }) => output.keep_icc_profile, "Colours are shown as sRGB."],
];

/** Whether a canvas supports the blend mode; for others it draws "normal". */
const isSupported = (mode) => mode === "lighter" || CSS.supports("mix-blend-mode", mode);

/**
 * A function that draws a base, layers (the lowest first) and the background of the output. A layer is `{key, pictures, params}`
 * with its key in the cache.
 */
export function previewer() {
  const layerOf = layerCache();
  return (canvas, base, drawables, output) => {
    Object.assign(canvas, capped(base, MAX_SIDE));
    const context = canvas.getContext("2d");
    context.scale(canvas.width / base.width, canvas.height / base.height);
    context.drawImage(base.image, 0, 0, base.width, base.height);
    for (const drawable of drawables) {
      const placed = placement(drawable.params, drawable.pictures.overlay_image ?? null, base);
      blend(context, layerOf(drawable, placed), placed, drawable.params);
    }
    fillBackground(context, output, base);
  };
}

function blend(context, layer, placed, params) {
  context.save();
  context.globalAlpha = params.opacity;
  context.globalCompositeOperation = params.blend_mode === "normal" ? "source-over" : params.blend_mode;
  if (params.corners) drawOnCorners(context, layer, placed, params);
  else if (params.tile) drawTiles(context, layer, placed, params);
  else {
    if (params.region && params.region_fit === "cover") clip(context, placed.area);
    drawTurned(context, layer, placed, params, placed.corner);
  }
  context.restore();
}

function clip(context, { x, y, width, height }) {
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
}

/** Draws the warped layer on its own canvas first, so that it is blended as a whole. */
function drawOnCorners(context, layer, { base, area }, params) {
  const { width, height } = context.canvas;
  const warped = sheet(width, height);
  const [across, down] = [width / base.width, height / base.height];
  const corners = params.corners.map(([x, y]) => [(area.x + x * area.width) * across, (area.y + y * area.height) * down]);
  drawWarped(warped, layer, corners);
  context.drawImage(warped.canvas, 0, 0, base.width, base.height);
}

/** `corner`: the top-left corner of the rotated layer's bounding box */
function drawTurned(context, layer, { size, turned }, params, corner) {
  context.imageSmoothingEnabled = params.resize_method !== "nearest-exact" || params.rotation % 90 !== 0;
  context.imageSmoothingQuality = "high";
  context.translate(corner.x + turned.width / 2, corner.y + turned.height / 2);
  context.rotate((-params.rotation * Math.PI) / 180);
  context.drawImage(layer, -size.width / 2, -size.height / 2, size.width, size.height);
}

function drawTiles(context, layer, placed, params) {
  const { base, turned, corner } = placed;
  const pitch = { width: turned.width + params.tile_spacing, height: turned.height + params.tile_spacing };
  const scale = Math.min(1, MAX_SIDE / Math.max(pitch.width, pitch.height));
  const tile = sheet(Math.ceil(pitch.width * scale), Math.ceil(pitch.height * scale));
  const { canvas } = tile;
  tile.scale(canvas.width / pitch.width, canvas.height / pitch.height);
  drawTurned(tile, layer, placed, params, { x: 0, y: 0 });
  const pattern = context.createPattern(canvas, "repeat");
  const move = new DOMMatrix().translate(corner.x, corner.y);
  pattern.setTransform(move.scale(pitch.width / canvas.width, pitch.height / canvas.height));
  fill(context, pattern, base);
}

/** Fills transparent pixels; by default white for JPEG, which has no transparency. */
function fillBackground(context, params, base) {
  const colour = params.background ?? (params.image_format === "jpeg" ? "#ffffff" : null);
  if (colour === null) return;
  context.globalCompositeOperation = "destination-over";
  fill(context, colour, base);
}

/** A function that mirrors, resizes and masks a layer. It caches the last canvas of each, so that dragging is fast. */
function layerCache() {
  const cache = new WeakMap();
  return ({ key, pictures, params }, { size, overlay }) => {
    const { overlay_image: picture, mask } = pictures;
    const canvasSize = capped(params.corners ? overlay : size, MAX_LAYER_SIDE);
    const id = JSON.stringify([params.flip, params.invert_mask, params.resize_method, params.color, Boolean(params.corners), canvasSize]);
    const last = cache.get(key);
    if (last?.id === id && last.picture === picture && last.mask === mask) return last.canvas;
    const canvas = drawLayer(picture, mask, params, canvasSize);
    cache.set(key, { id, picture, mask, canvas });
    return canvas;
  };
}

/** The size with the same aspect ratio whose sides are at most `max`. */
function capped({ width, height }, max) {
  const scale = Math.min(1, max / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function drawLayer(overlay, mask, params, size) {
  const context = sheet(size.width, size.height);
  if (overlay) drawMirrored(context, overlay.image, params);
  else fill(context, params.color);
  if (mask) {
    context.resetTransform();
    context.globalCompositeOperation = "destination-in";
    context.imageSmoothingQuality = "high";
    context.drawImage(coverage(mask, params, size), 0, 0, size.width, size.height);
  }
  return context.canvas;
}

function drawMirrored(context, image, params) {
  const { width, height } = context.canvas;
  const [across, down] = [["horizontal", "both"].includes(params.flip), ["vertical", "both"].includes(params.flip)];
  const nearest = params.resize_method === "nearest-exact" && !params.corners;
  const tie = nearest ? TIE : 0;
  context.imageSmoothingEnabled = !nearest;
  context.imageSmoothingQuality = params.resize_method === "area" ? "high" : "low";
  context.translate(across ? width : 0, down ? height : 0);
  context.scale(across ? -1 : 1, down ? -1 : 1);
  context.drawImage(image, across ? 0 : -tie, down ? 0 : -tie, width + tie, height + tie);
}

/** The mask as alpha: luminance (Rec. 709) times its own alpha. */
function coverage(mask, params, size) {
  const context = sheet(size.width, size.height);
  drawMirrored(context, mask.image, { flip: params.flip, resize_method: "area" });
  const pixels = context.getImageData(0, 0, size.width, size.height);
  const { data } = pixels;
  for (let i = 0; i < data.length; i += 4) {
    const luminance = 0.2126 * data[i] + 0.7152 * data[i + 1] + 0.0722 * data[i + 2];
    data[i + 3] *= (params.invert_mask ? 255 - luminance : luminance) / 255;
  }
  context.putImageData(pixels, 0, 0);
  return context.canvas;
}

function isUnseen({ overlay_image: overlay }, params, base) {
  return !params.tile && !params.corners && isOutside(placement(params, overlay ?? null, base));
}

const hasTrait = ({ layers }, base, trait) => [base, ...layers.flatMap(({ pictures }) => Object.values(pictures))].some((picture) => picture[trait]);

export function notes(base, layers, output) {
  const scene = { layers, output };
  return [ALWAYS, ...NOTES.filter(([applies]) => applies(scene, base)).map(([, text]) => text)].join(" ");
}
