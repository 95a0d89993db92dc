/** The frame around the overlay, which is moved, resized and rotated by mouse, touch or keyboard. */

import { fractionOn, onArrows, onDrag, place } from "./drag.js";
import { centredAt, offsetsFor, pulledTo, resizedTo, overlaySize, toCorner, turnedTo } from "./geometry.js";
import { boxOf, centredBox, isBoxed, movedBox, pulledBox } from "./region.js";

/** @typedef {{params: Params, placed: Placement, isColour: boolean}} Scene  of the selected layer */

const SNAP_DEGREES = 15;
const CORNERS = { nw: { x: -1, y: -1 }, ne: { x: 1, y: -1 }, sw: { x: -1, y: 1 }, se: { x: 1, y: 1 } };

export function handles(parts, scene, apply) {
  const toBase = (event) => {
    const { x, y } = fractionOn(parts.board, event);
    const { base } = scene().placed;
    return { x: x * base.width, y: y * base.height };
  };
  onDrag(parts.mover, toBase, (start) => moving(scene(), start), apply);
  for (const corner of parts.frame.querySelectorAll("[data-corner]")) {
    onDrag(corner, toBase, (start) => pulling(scene(), CORNERS[corner.dataset.corner], start), apply);
  }
  onDrag(parts.rotator, toBase, (start) => turning(scene(), start), apply);
  onArrows(parts.mover, (right, down) => apply(nudged(scene(), right, down)));
  onArrows(parts.scaler, (right, down) => apply(grown(scene(), right - down)));
  onArrows(parts.rotator, (right, down) => apply(turnedBy(scene(), right - down)));
  return { show: (shown) => show(parts, shown) };
}

const boxed = ({ params, isColour }) => isBoxed(params, isColour);

function moving(scene, start) {
  const { params, placed } = scene;
  if (boxed(scene)) return ({ x, y }) => moved(scene, x - start.x, y - start.y);
  const { corner, turned, base } = placed;
  return ({ x, y }) => offsetsFor(params, { x: corner.x + x - start.x, y: corner.y + y - start.y }, turned, base);
}

function pulling(scene, side, start) {
  const { params, placed } = scene;
  if (boxed(scene)) return ({ x, y }) => pulled(scene, side, x - start.x, y - start.y);
  const half = toCorner(params, placed, side);
  const grip = { x: placed.centre.x + half.x, y: placed.centre.y + half.y };
  return ({ x, y }) => pulledTo(params, placed, side, { x: grip.x + x - start.x, y: grip.y + y - start.y });
}

/** The changed region; `right` and `down` are in pixels of the base. */
const moved = ({ params, placed: { base } }, right, down) => movedBox(boxOf(params), right / base.width, down / base.height);
const pulled = ({ params, placed: { base } }, side, right, down) => pulledBox(boxOf(params), side, right / base.width, down / base.height);

function turning(scene, start) {
  const { params, placed } = scene;
  const startBearing = bearing(placed.centre, start);
  return (pointer, { shiftKey }) => {
    const degrees = params.rotation + bearing(placed.centre, pointer) - startBearing;
    return turnedBy(scene, (shiftKey ? Math.round(degrees / SNAP_DEGREES) * SNAP_DEGREES : degrees) - params.rotation);
  };
}

/** In degrees, counter-clockwise. */
const bearing = (from, to) => (Math.atan2(from.y - to.y, to.x - from.x) * 180) / Math.PI;

function nudged(scene, right, down) {
  if (boxed(scene)) return moved(scene, right, down);
  const { params, placed } = scene;
  const { corner, turned, base } = placed;
  return offsetsFor(params, { x: corner.x + right, y: corner.y + down }, turned, base);
}

/** Widens the overlay or region by `pixels`; the anchored side stays. */
function grown(scene, pixels) {
  const { params, placed } = scene;
  if (boxed(scene)) return pulled(scene, CORNERS.se, pixels, (pixels * placed.area.height) / placed.area.width);
  const width = Math.max(1, placed.size.width + pixels);
  const height = Math.max(1, (placed.size.height * width) / placed.size.width);
  return resizedTo(params, placed, { width, height });
}

function turnedBy(scene, degrees) {
  const { rotation, ...offsets } = turnedTo(scene.params, scene.placed, scene.params.rotation + degrees);
  return boxed(scene) ? { rotation } : { rotation, ...offsets };
}

/** Draws the frame around the region if there is one, else around the overlay. */
function show({ frame, bounds, scaler, rotator }, { params, placed, isColour }) {
  const { base, area, size, turned, corner, centre } = placed;
  const inBox = isBoxed(params, isColour);
  const framed = inBox ? area : size;
  const middle = inBox ? { x: area.x + area.width / 2, y: area.y + area.height / 2 } : centre;
  place(frame, { ...framed, ...middle }, base);
  frame.style.setProperty("--turn", inBox ? "0deg" : `${-params.rotation}deg`);
  place(bounds, { ...turned, ...corner }, base);
  bounds.hidden = isColour || (!inBox && params.rotation % 90 === 0);
  rotator.hidden = isColour;
  scaler.setAttribute("aria-valuenow", String(framed.width));
  rotator.setAttribute("aria-valuenow", String(params.rotation));
}

/** The parameters that centre the overlay or its region on the base. */
export function centred(scene) {
  const { params, placed } = scene;
  if (boxed(scene)) return centredBox(boxOf(params));
  return centredAt(params, placed, { x: placed.base.width / 2, y: placed.base.height / 2 });
}

/** The parameters that centre the overlay at the largest size inside the base. */
export function fitted(scene) {
  const { params, placed } = scene;
  if (boxed(scene)) return { region: [0, 0, 1, 1] };
  const fit = { overlay_resize: "Fit", rescale_factor: 1, scale_to: null };
  const size = overlaySize({ ...params, ...fit }, placed.overlay, placed.base);
  const changes = params.isCentred ? resizedTo(params, placed, size) : fit;
  return { ...changes, ...centred({ ...scene, params: { ...params, ...changes }, placed: { ...placed, size } }) };
}
