/** The frame around the selected layer, which is moved, resized and rotated by mouse, touch or keyboard, and its tools. */

import { all, byId, onClick } from "../dom.js";
import { cornersOf, pins } from "./corners.js";
import { onArrows, onDrag, place, pointOn } from "./drag.js";
import { centredAt, offsetsFor, pulledTo, resizedTo, overlaySize, toCorner, turnedTo } from "./geometry.js";
import { centredBox, isBoxed, movedBox, pulledBox } from "./region.js";

const SNAP_DEGREES = 15;
const CORNERS = { nw: { x: -1, y: -1 }, ne: { x: 1, y: -1 }, sw: { x: -1, y: 1 }, se: { x: 1, y: 1 } };

/**
 * `scene()`: `{params, placed, isColour}` of the selected layer. Calls `apply` with the changed parameters. Returns a function
 * that shows the frame, or hides it for null.
 */
export function handles(scene, apply) {
  const toBase = (event) => pointOn(byId("board"), event, scene().placed.base);
  onDrag(byId("mover"), toBase, (start) => moving(scene(), start), apply);
  for (const corner of all("[data-corner]")) {
    onDrag(corner, toBase, (start) => pulling(scene(), CORNERS[corner.dataset.corner], start), apply);
  }
  onDrag(byId("rotator"), toBase, (start) => turning(scene(), start), apply);
  onArrows(byId("mover"), (right, down) => apply(nudged(scene(), right, down)));
  onArrows(byId("scaler"), (right, down) => apply(grown(scene(), right - down)));
  onArrows(byId("rotator"), (right, down) => apply(turnedBy(scene(), right - down)));
  onClick(byId("centre"), () => apply(centred(scene())));
  onClick(byId("fit"), () => apply(fitted(scene())));
  onClick(byId("warp"), () => apply({ corners: scene().params.corners ? null : cornersOf(scene().params, scene().placed) }));
  const showPins = pins(scene, apply);
  return (shown) => {
    const isWarped = Boolean(shown?.params.corners);
    byId("frame").hidden = !shown || isWarped;
    byId("quad-frame").hidden = !isWarped;
    if (isWarped || !shown) byId("bounds").hidden = true;
    if (shown) (isWarped ? showPins : showHandles)(shown);
    for (const name of ["centre", "fit"]) byId(name).disabled = !shown || isWarped;
    Object.assign(byId("warp"), { disabled: !shown, ariaPressed: isWarped });
  };
}

const moving = (scene, start) => ({ x, y }) => nudged(scene, x - start.x, y - start.y);

function pulling(scene, side, start) {
  const { params, placed } = scene;
  if (isBoxed(scene)) return ({ x, y }) => pulledBox(scene, side, x - start.x, y - start.y);
  const half = toCorner(params, placed, side);
  const grip = { x: placed.centre.x + half.x, y: placed.centre.y + half.y };
  return ({ x, y }) => pulledTo(params, placed, side, { x: grip.x + x - start.x, y: grip.y + y - start.y });
}

function turning(scene, start) {
  const { params, placed } = scene;
  const startBearing = bearing(placed.centre, start);
  return (pointer, { shiftKey }) => {
    const degrees = params.rotation + bearing(placed.centre, pointer) - startBearing;
    return turnedBy(scene, (shiftKey ? Math.round(degrees / SNAP_DEGREES) * SNAP_DEGREES : degrees) - params.rotation);
  };
}

const bearing = (from, to) => (Math.atan2(from.y - to.y, to.x - from.x) * 180) / Math.PI;

function nudged(scene, right, down) {
  if (isBoxed(scene)) return movedBox(scene, right, down);
  const { params, placed } = scene;
  const { corner, turned, base } = placed;
  return offsetsFor(params, { x: corner.x + right, y: corner.y + down }, turned, base);
}

/** Widens the overlay or region by `pixels`; the anchored side stays. */
function grown(scene, pixels) {
  const { params, placed } = scene;
  if (isBoxed(scene)) return pulledBox(scene, CORNERS.se, pixels, (pixels * placed.area.height) / placed.area.width);
  const width = Math.max(1, placed.size.width + pixels);
  const height = Math.max(1, (placed.size.height * width) / placed.size.width);
  return resizedTo(params, placed, { width, height });
}

function turnedBy(scene, degrees) {
  const { rotation, ...offsets } = turnedTo(scene.params, scene.placed, scene.params.rotation + degrees);
  return isBoxed(scene) ? { rotation } : { rotation, ...offsets };
}

/** Draws the frame around the region if there is one, else around the overlay. */
function showHandles(scene) {
  const { params, placed, isColour } = scene;
  const { base, area, size, turned, corner, centre } = placed;
  const [frame, bounds, rotator] = [byId("frame"), byId("bounds"), byId("rotator")];
  const inBox = isBoxed(scene);
  const framed = inBox ? area : size;
  const middle = inBox ? { x: area.x + area.width / 2, y: area.y + area.height / 2 } : centre;
  place(frame, { ...framed, ...middle }, base);
  frame.style.setProperty("--turn", inBox ? "0deg" : `${-params.rotation}deg`);
  place(bounds, { ...turned, ...corner }, base);
  bounds.hidden = isColour || (!inBox && params.rotation % 90 === 0);
  rotator.hidden = isColour;
  byId("scaler").ariaValueNow = framed.width;
  rotator.ariaValueNow = params.rotation;
}

function centred(scene) {
  const { params, placed } = scene;
  if (isBoxed(scene)) return centredBox(scene);
  return centredAt(params, placed, { x: placed.base.width / 2, y: placed.base.height / 2 });
}

/** The parameters that centre the overlay at the largest size inside the base. */
function fitted(scene) {
  const { params, placed } = scene;
  if (isBoxed(scene)) return { region: [0, 0, 1, 1] };
  const fit = { overlay_resize: "Fit", rescale_factor: 1, scale_to: null };
  const size = overlaySize({ ...params, ...fit }, placed.overlay, placed.base);
  const changes = params.isCentred ? resizedTo(params, placed, size) : fit;
  return { ...changes, ...centred({ ...scene, params: { ...params, ...changes }, placed: { ...placed, size } }) };
}
