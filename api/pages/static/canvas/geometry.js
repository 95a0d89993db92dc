/**
 * Sizes and positions as the compositor computes them (compositor/geometry.py, layers/rotate.py), and the inverse:
 * the parameters that put the overlay where it was dragged. All lengths are in pixels of the base.
 *
 * @typedef {{width: number, height: number}} Size
 * @typedef {{x: number, y: number}} Point
 * @typedef {Record<string, any>} Params  all parameters by name, defaults included
 * @typedef {object} Placement
 * @property {Size} base
 * @property {Size & Point} area  the region, or the whole base
 * @property {Size} overlay  the original size; for a colour, the area
 * @property {Size} size     after resizing, before rotation
 * @property {Size} turned   the bounding box after rotation
 * @property {Point} corner  the top-left corner of that box on the base
 * @property {Point} centre
 */

const MAX_FACTOR = 16;
const MAX_SIDE = 16384;

/** Python's round(), which rounds halves to even. */
function roundHalfEven(value) {
  const rounded = Math.round(value); // halves up
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const radians = (degrees) => (degrees * Math.PI) / 180;

/** The region in pixels, or the whole base. */
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

function sideOf(side, { width, height }) {
  return { width, height, min: Math.min(width, height), max: Math.max(width, height) }[side];
}

function withWidth(size, width) {
  return { width: roundHalfEven(width), height: roundHalfEven((size.height * width) / size.width) };
}

function scaled(size, factor, round) {
  return { width: round(size.width * factor), height: round(size.height * factor) };
}

/** The bounding box of a picture rotated counter-clockwise. */
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

function cornerIn(area, params, turned) {
  if (params.isCentred) {
    return { x: centredAtPercent(area.width, params.x_percent, turned.width), y: centredAtPercent(area.height, params.y_percent, turned.height) };
  }
  const offset = { x: params.x_offset, y: params.y_offset };
  if (params.x_percent !== null) offset.x = roundHalfEven((area.width * params.x_percent) / 100);
  if (params.y_percent !== null) offset.y = roundHalfEven((area.height * params.y_percent) / 100);
  return {
    x: area.x + anchored(params.gravity, "west", "east", offset.x, area.width - turned.width),
    y: area.y + anchored(params.gravity, "north", "south", offset.y, area.height - turned.height),
  };
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

/** The offsets, or the percentages of the centre, that put the corner at `position`. */
export function offsetsFor(params, position, turned, base) {
  if (params.isCentred) {
    return { x_percent: percentFor(position.x, base.width, turned.width), y_percent: percentFor(position.y, base.height, turned.height) };
  }
  const freeX = base.width - turned.width;
  const freeY = base.height - turned.height;
  return {
    ...offsetParameter(params, "x", offsetFrom(params.gravity, "west", "east", Math.round(position.x), freeX), base.width),
    ...offsetParameter(params, "y", offsetFrom(params.gravity, "north", "south", Math.round(position.y), freeY), base.height),
  };
}

/** The inverse of `anchored`. */
function offsetFrom(gravity, start, end, corner, free) {
  if (gravity.includes(start)) return corner;
  return gravity.includes(end) ? free - corner : corner - Math.floor(free / 2);
}

/** A percentage if the layer uses one, else pixels. */
function offsetParameter(params, axis, offset, side) {
  const percent = `${axis}_percent`;
  if (params[percent] === null) return { [`${axis}_offset`]: offset };
  return { [percent]: Number(((offset / side) * 100).toFixed(3)) };
}

/** The offsets that put the overlay's centre at `centre`. */
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

/** The parameters that rotate the overlay about its centre. */
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
  const inside = (middle, length, side) => Math.min(Math.max(middle - length / 2, Math.min(0, side - length)), Math.max(0, side - length));
  const corner = {
    x: inside((centre.x / oldBase.width) * base.width, turned.width, base.width),
    y: inside((centre.y / oldBase.height) * base.height, turned.height, base.height),
  };
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
