/** The frame round the overlay: dragged, resized and turned by mouse, finger or keyboard. */

import { centredAt, offsetsFor, pulledTo, resizedTo, overlaySize, toCorner, turnedTo } from "./geometry.js";

/** @typedef {{params: Params, placed: Placement}} Scene */
/** @typedef {(pointer: Point, event: PointerEvent) => Partial<Params>} Drag  pointer in pixels of the base */

const SNAP_DEGREES = 15;
const CORNERS = { nw: { x: -1, y: -1 }, ne: { x: 1, y: -1 }, sw: { x: -1, y: 1 }, se: { x: 1, y: 1 } };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function handles(parts, scene, apply) {
  const toBase = ({ clientX, clientY }) => {
    const rect = parts.board.getBoundingClientRect();
    const { base } = scene().placed;
    return {
      x: ((clientX - rect.left) / rect.width) * base.width,
      y: ((clientY - rect.top) / rect.height) * base.height,
    };
  };
  onDrag(parts.mover, toBase, (start) => moving(scene(), start), apply);
  for (const corner of parts.frame.querySelectorAll("[data-corner]")) {
    onDrag(corner, toBase, (start) => pulling(scene(), CORNERS[corner.dataset.corner], start), apply);
  }
  onDrag(parts.rotator, toBase, (start) => turning(scene(), start), apply);
  onArrows(parts.mover, (right, down) => apply(nudged(scene(), right, down)));
  onArrows(parts.scaler, (right, down) => apply(grown(scene(), right - down)));
  onArrows(parts.rotator, (right, down) => apply(turnedBy(scene(), right - down)));
  return { show: (placed, params) => show(parts, placed, params) };
}

function moving({ params, placed }, start) {
  const { corner, turned, base } = placed;
  return ({ x, y }) => offsetsFor(params, { x: corner.x + x - start.x, y: corner.y + y - start.y }, turned, base);
}

function pulling({ params, placed }, side, start) {
  const half = toCorner(params, placed, side);
  const grip = { x: placed.centre.x + half.x, y: placed.centre.y + half.y };
  return ({ x, y }) => pulledTo(params, placed, side, { x: grip.x + x - start.x, y: grip.y + y - start.y });
}

function turning({ params, placed }, start) {
  const before = bearing(placed.centre, start);
  return (pointer, { shiftKey }) => {
    const degrees = params.rotation + bearing(placed.centre, pointer) - before;
    return turnedTo(params, placed, shiftKey ? Math.round(degrees / SNAP_DEGREES) * SNAP_DEGREES : degrees);
  };
}

/** In degrees, counter-clockwise. */
const bearing = (from, to) => (Math.atan2(from.y - to.y, to.x - from.x) * 180) / Math.PI;

function nudged({ params, placed }, right, down) {
  const { corner, turned, base } = placed;
  return offsetsFor(params, { x: corner.x + right, y: corner.y + down }, turned, base);
}

/** The anchored side stays. */
function grown({ params, placed }, by) {
  const width = Math.max(1, placed.size.width + by);
  const height = Math.max(1, (placed.size.height * width) / placed.size.width);
  return resizedTo(params, placed, { width, height });
}

function turnedBy({ params, placed }, by) {
  return turnedTo(params, placed, params.rotation + by);
}

/** Follows one pointer until it is released; `begin` returns the function from pointer to changes. */
function onDrag(element, toBase, begin, apply) {
  /** @type {Drag | null} */
  let drag = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || drag) return;
    element.setPointerCapture(event.pointerId);
    drag = begin(toBase(event));
  });
  element.addEventListener("pointermove", (event) => {
    if (drag && element.hasPointerCapture(event.pointerId)) apply(drag(toBase(event), event));
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    element.addEventListener(end, () => (drag = null));
  }
}

function onArrows(element, moved) {
  element.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const by = event.shiftKey ? 10 : 1;
    moved(STEPS[event.key][0] * by, STEPS[event.key][1] * by);
  });
}

function show({ frame, bounds, scaler, rotator }, placed, params) {
  const { base, size, turned, corner, centre } = placed;
  const percent = (part, whole) => `${(part / whole) * 100}%`;
  place(frame, percent(centre.x, base.width), percent(centre.y, base.height), percent(size.width, base.width), percent(size.height, base.height));
  frame.style.setProperty("--turn", `${-params.rotation}deg`);
  place(bounds, percent(corner.x, base.width), percent(corner.y, base.height), percent(turned.width, base.width), percent(turned.height, base.height));
  bounds.hidden = params.rotation % 90 === 0;
  frame.hidden = false;
  scaler.setAttribute("aria-valuenow", String(size.width));
  rotator.setAttribute("aria-valuenow", String(params.rotation));
}

function place(element, left, top, width, height) {
  Object.assign(element.style, { left, top, width, height });
}

/** The overlay in the middle of the base. */
export function centred({ params, placed }) {
  return centredAt(params, placed, { x: placed.base.width / 2, y: placed.base.height / 2 });
}

/** As large as fits inside the base, in its middle. */
export function fitted({ params, placed }) {
  const changes = { overlay_resize: "Fit", rescale_factor: 1, scale_to: null };
  const changed = { ...params, ...changes };
  const size = overlaySize(changed, placed.overlay, placed.base);
  return { ...changes, ...centred({ params: changed, placed: { ...placed, size } }) };
}
