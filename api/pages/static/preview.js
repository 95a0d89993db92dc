/** Draws what the compositor would make, as far as a canvas can. */

import { placement } from "./geometry.js";
import { layers } from "./layer.js";

/** @typedef {import("./geometry.js").Params} Params */
/** @typedef {import("./geometry.js").Placement} Placement */
/** @typedef {import("./pictures.js").Picture} Picture */
/** @typedef {{base_image: Picture, overlay_image: Picture, mask: Picture | null}} Pictures */

const MAX_SIDE = 1600; // of the canvas; larger bases are drawn smaller

/** @type {() => (canvas: HTMLCanvasElement | OffscreenCanvas, pictures: Pictures, params: Params) => Placement} */
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

/** @param {import("./geometry.js").Point} at  the top-left corner of the canvas that holds the turned layer */
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

/** White under a jpeg, which knows no transparency; else what was asked for, or nothing. */
function fillBackground(context, params, base) {
  const colour = params.background ?? (params.image_format === "jpeg" ? "#ffffff" : null);
  if (colour === null) return;
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = colour;
  context.fillRect(0, 0, base.width, base.height);
}
