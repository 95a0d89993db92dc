/**
 * Sizes and positions as the compositor computes them (compositor/geometry.py, layers/rotate.py), and the inverse:
 * the parameters that put the overlay where it was dragged. All lengths are in pixels of the base.
 *
 * `params` are all parameters by name, defaults included. A placement, called `placed`, has these sizes and points:
 * - base
 * - area     the region, or the whole base
 * - overlay  the original size; for a colour, the area
 * - size     after resizing, before rotation
 * - turned   the bounding box after rotation
 * - corner   the top-left corner of that box on the base
 * - centre
 */

const MAX_FACTOR = 16;
const MAX_SIDE = 16384;

/** Python's round(), which rounds halves to even. */
function roundHalfEven(value) {
  const rounded = Math.round(value); // halves up
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const radians = (degrees) => (degrees * Math.PI) / 180;

function areaOf({ region }, { width, height }) {
  if (!region) return { x: 0, y: 0, width, height };
  const [x, y] = [roundHalfEven(region[0] * width), roundHalfEven(region[1] * height)];
  const [right, bottom] = [roundHalfEven((region[0] + region[2]) * width), roundHalfEven((region[1] + region[3]) * height)];
  return { x, y, width: Math.max(1, right - x), height: Math.max(1, bottom - y) };
}

export function overlaySize(params, overlay, area) {
  const { width, height } = requestedSize(params, overlay, area);
  return { width: Math.max(1, width), height: Math.max(1, height) };
}

function requestedSize(params, overlay, area) {
  if (params.region) return fitted(params.region_fit, overlay, area);
  if (params.scale_to !== null) return withWidth(overlay, sideOf(params.scale_of, area) * params.scale_to);
  switch (params.overlay_resize) {
    case "None":
      return overlay;
    case "Fit":
      return fitted("contain", overlay, area);
    case "Resize by rescale_factor":
      return scaled(overlay, params.rescale_factor, Math.trunc);
    default:
      return { width: params.width, height: params.height };
  }
}

function fitted(mode, overlay, area) {
  if (mode === "stretch") return { width: area.width, height: area.height };
  const choose = mode === "cover" ? Math.max : Math.min;
  return scaled(overlay, choose(area.width / overlay.width, area.height / overlay.height), roundHalfEven);
}

const sideOf = (side, { width, height }) => ({ width, height, min: Math.min(width, height), max: Math.max(width, height) })[side];

const withWidth = (size, width) => ({ width: roundHalfEven(width), height: roundHalfEven((size.height * width) / size.width) });

const scaled = (size, factor, round) => ({ width: round(size.width * factor), height: round(size.height * factor) });

function turnedSize({ width, height }, degrees) {
  if (degrees % 180 === 0) return { width, height };
  if (degrees % 90 === 0) return { width: height, height: width };
  const corners = turnedCorners({ width, height }, degrees);
  const span = (values) => Math.ceil(Math.max(...values)) - Math.floor(Math.min(...values));
  return { width: span(corners.map(({ x }) => x)), height: span(corners.map(({ y }) => y)) };
}

/** The corners as Pillow's `Image.rotate` computes them, rounding included. */
function turnedCorners({ width, height }, degrees) {
  const angle = -radians(degrees);
  const [a, b] = [Number(Math.cos(angle).toFixed(15)), Number(Math.sin(angle).toFixed(15))];
  const [d, e] = [Number((-Math.sin(angle)).toFixed(15)), a];
  const c = a * (-width / 2) + b * (-height / 2) + width / 2;
  const f = d * (-width / 2) + e * (-height / 2) + height / 2;
  return [0, width].flatMap((x) => [0, height].map((y) => ({ x: a * x + b * y + c, y: d * x + e * y + f })));
}

/** Each axis with its side, and with the gravities at its start and end. */
const AXES = [["x", "width", "west", "east"], ["y", "height", "north", "south"]];

const byAxis = (entryOf) => Object.fromEntries(AXES.map((axis) => entryOf(...axis)));

function cornerIn(area, params, turned) {
  return byAxis((axis, side, start, end) => {
    const percent = params[`${axis}_percent`];
    if (params.isCentred) return [axis, centredAtPercent(area[side], percent, turned[side])];
    const offset = percent === null ? params[`${axis}_offset`] : roundHalfEven((area[side] * percent) / 100);
    return [axis, area[axis] + anchored(params.gravity, start, end, offset, area[side] - turned[side])];
  });
}

const centredAtPercent = (side, percent, length) => Math.trunc((side * percent) / 100 - length / 2);

/** The percentage, with at most three decimals, that puts the corner at `position`. */
function percentFor(position, side, length) {
  const exact = ((position + length / 2) / side) * 100;
  const candidates = [0, 0.001, -0.001].map((delta) => Number((exact + delta).toFixed(3)));
  return candidates.find((each) => centredAtPercent(side, each, length) === Math.trunc(position)) ?? candidates[0];
}

/** The corner for an offset; `free` is the length of the area that the overlay does not cover. */
function anchored(gravity, start, end, offset, free) {
  if (gravity.includes(start)) return offset;
  return gravity.includes(end) ? free - offset : Math.floor(free / 2) + offset;
}

/** `overlay` is null for a colour, which fills its area. */
export function placement(params, overlay, base) {
  const area = areaOf(params, base);
  const size = overlay ? overlaySize(params, overlay, area) : area;
  const turned = turnedSize(size, params.rotation);
  const corner = overlay ? cornerIn(area, params, turned) : { x: area.x, y: area.y };
  const centre = { x: corner.x + turned.width / 2, y: corner.y + turned.height / 2 };
  return { base, area, overlay: overlay ?? area, size, turned, corner, centre };
}

/** The offsets or percentages, whichever the layer uses, that put the corner at `position`. */
export function offsetsFor(params, position, turned, base) {
  return byAxis((axis, side, start, end) => {
    const percent = `${axis}_percent`;
    if (params.isCentred) return [percent, percentFor(position[axis], base[side], turned[side])];
    const offset = offsetFrom(params.gravity, start, end, Math.round(position[axis]), base[side] - turned[side]);
    return params[percent] === null ? [`${axis}_offset`, offset] : [percent, Number(((offset / base[side]) * 100).toFixed(3))];
  });
}

/** The inverse of `anchored`. */
function offsetFrom(gravity, start, end, corner, free) {
  if (gravity.includes(start)) return corner;
  return gravity.includes(end) ? free - corner : corner - Math.floor(free / 2);
}

export function centredAt(params, { overlay, base }, centre) {
  const turned = turnedSize(overlaySize(params, overlay, base), params.rotation);
  return offsetsFor(params, { x: centre.x - turned.width / 2, y: centre.y - turned.height / 2 }, turned, base);
}

/** The parameters that resize the overlay from `size` to `newSize`. */
export function resizedTo(params, { overlay, base, size }, newSize) {
  if (params.scale_to !== null) return { scale_to: clampFactor(newSize.width / sideOf(params.scale_of, base)) };
  if (params.overlay_resize === "Resize to width & heigth") {
    return { width: clampSide(newSize.width), height: clampSide(newSize.height) };
  }
  const growth = Math.hypot(newSize.width, newSize.height) / Math.hypot(size.width, size.height);
  return { overlay_resize: "Resize by rescale_factor", rescale_factor: clampFactor((size.width * growth) / overlay.width) };
}

const clampSide = (length) => Math.min(MAX_SIDE, Math.max(1, Math.round(length)));
const clampFactor = (value) => Number(Math.min(MAX_FACTOR, Math.max(0.001, value)).toFixed(4));

/** Rotates a vector counter-clockwise on the screen, where y points down. */
function rotated({ x, y }, degrees) {
  const [cos, sin] = [Math.cos(radians(degrees)), Math.sin(radians(degrees))];
  return { x: x * cos + y * sin, y: y * cos - x * sin };
}

/** The vector from the centre to the corner at `side`, for example {x: 1, y: -1} for the top right. */
export function toCorner({ rotation }, { size }, side) {
  return rotated({ x: (side.x * size.width) / 2, y: (side.y * size.height) / 2 }, rotation);
}

/** The parameters after dragging the corner at `side` to `pointer`; the opposite corner stays. */
export function pulledTo(params, placed, side, pointer) {
  const { size, centre } = placed;
  const half = toCorner(params, placed, side);
  const fixed = { x: centre.x - half.x, y: centre.y - half.y };
  const pulled = rotated({ x: pointer.x - fixed.x, y: pointer.y - fixed.y }, -params.rotation);
  const changes = resizedTo(params, placed, reachedSize(params, size, { x: side.x * pulled.x, y: side.y * pulled.y }));
  const changed = { ...params, ...changes };
  const moved = toCorner(params, { size: overlaySize(changed, placed.overlay, placed.base) }, side);
  return { ...changes, ...centredAt(changed, placed, { x: fixed.x + moved.x, y: fixed.y + moved.y }) };
}

/** The new size: free if width and height are separate parameters, else with the same aspect ratio. */
function reachedSize(params, size, reach) {
  if (params.scale_to === null && params.overlay_resize === "Resize to width & heigth") {
    return { width: Math.max(1, reach.x), height: Math.max(1, reach.y) };
  }
  const share = (reach.x * size.width + reach.y * size.height) / (size.width ** 2 + size.height ** 2);
  return { width: Math.max(1, size.width * share), height: Math.max(1, size.height * share) };
}

export function turnedTo(params, placed, degrees) {
  const rotation = ((Math.round(degrees) % 360) + 360) % 360;
  if (params.isCentred) return { rotation };
  return { rotation, ...centredAt({ ...params, rotation }, placed, placed.centre) };
}

/** The parameters of another model that give the same placement. */
export function placedAs(params, placed, rotation) {
  const changes = { rotation, ...resizedTo(params, placed, placed.size) };
  return { ...changes, ...centredAt({ ...params, ...changes }, placed, placed.centre) };
}

export function isOutside({ base, turned, corner }) {
  return corner.x >= base.width || corner.y >= base.height || corner.x + turned.width <= 0 || corner.y + turned.height <= 0;
}

/** The parameters for the same relative place and size on another base, inside it. */
function carried(params, overlay, oldBase, base) {
  const { size, centre } = placement(params, overlay, oldBase);
  const scale = Math.min(base.width / oldBase.width, base.height / oldBase.height);
  const newSize = { width: size.width * scale, height: size.height * scale };
  const changes = followsBase(params) ? {} : resizedTo(params, { overlay, base, size }, newSize);
  if (params.isCentred) return changes;
  const changed = { ...params, ...changes };
  const turned = turnedSize(overlaySize(changed, overlay, base), params.rotation);
  const corner = byAxis((axis, side) => {
    const free = base[side] - turned[side];
    const start = (centre[axis] / oldBase[side]) * base[side] - turned[side] / 2;
    return [axis, Math.min(Math.max(start, Math.min(0, free)), Math.max(0, free))];
  });
  return { ...changes, ...offsetsFor(changed, corner, turned, base) };
}

const followsBase = ({ scale_to, overlay_resize }) => scale_to !== null || overlay_resize === "Fit";

/**
 * A function that keeps the relative place and size when the base changes. It starts from the base on which the user set
 * them, as rounding at each change would let them drift. Without an overlay it only remembers the base.
 */
export function carrier() {
  let current = null; // size of the current base
  let last = null; // the last change: {origin, before, changes}
  return (params, overlay, { width, height }) => {
    const [previous, base] = [current, { width, height }];
    current = base;
    if (!previous || !overlay) last = null;
    if (!previous || !overlay || isSame(previous, base)) return {};
    const isUntouched = last !== null && Object.entries(last.changes).every(([name, value]) => params[name] === value);
    const [origin, original] = isUntouched ? [last.origin, { ...params, ...last.before }] : [previous, params];
    const changes = isSame(origin, base) ? last.before : carried(original, overlay, origin, base);
    const before = Object.fromEntries(Object.keys(changes).map((name) => [name, original[name]]));
    last = { origin, before, changes };
    return changes;
  };
}

const isSame = (one, other) => one.width === other.width && one.height === other.height;
