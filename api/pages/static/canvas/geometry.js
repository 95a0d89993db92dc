/**
 * Sizes and places as the compositor computes them (compositor/size.py, place.py, layers/rotate.py), and the inverse:
 * the parameters that put the overlay where it was dragged. In pixels of the base.
 *
 * @typedef {{width: number, height: number}} Size
 * @typedef {{x: number, y: number}} Point
 * @typedef {Record<string, any>} Params  every parameter by its name, defaults included
 * @typedef {object} Placement
 * @property {Size} base
 * @property {Size & Point} area  the region, or the whole base
 * @property {Size} overlay  as it was given; of a colour the area's
 * @property {Size} size     resized, before it is rotated
 * @property {Size} turned   the canvas that holds it after the rotation
 * @property {Point} corner  the top-left corner of that canvas on the base
 * @property {Point} centre
 */

const MAX_FACTOR = 16;
const MAX_SIDE = 16384;

/** Python's round(): halves to the even neighbour. */
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
  const { width, height } = wantedSize(params, overlay, area);
  return { width: Math.max(1, width), height: Math.max(1, height) };
}

function wantedSize(params, overlay, area) {
  if (params.region) return fitted(params.region_fit, overlay, area);
  if (params.scale_to !== null) return asWide(overlay, sideOf(params.scale_of, area) * params.scale_to);
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

function fitted(how, overlay, area) {
  if (how === "stretch") return { width: area.width, height: area.height };
  const nearer = how === "cover" ? Math.max : Math.min;
  return scaled(overlay, nearer(area.width / overlay.width, area.height / overlay.height), roundHalfEven);
}

function sideOf(side, { width, height }) {
  return { width, height, min: Math.min(width, height), max: Math.max(width, height) }[side];
}

function asWide(size, width) {
  return { width: roundHalfEven(width), height: roundHalfEven((size.height * width) / size.width) };
}

function scaled(size, factor, rounded) {
  return { width: rounded(size.width * factor), height: rounded(size.height * factor) };
}

/** The canvas that holds a picture turned counter-clockwise. */
function turnedSize({ width, height }, degrees) {
  if (degrees % 180 === 0) return { width, height };
  if (degrees % 90 === 0) return { width: height, height: width };
  const corners = turnedCorners({ width, height }, degrees);
  const span = (values) => Math.ceil(Math.max(...values)) - Math.floor(Math.min(...values));
  return { width: span(corners.map(({ x }) => x)), height: span(corners.map(({ y }) => y)) };
}

/** As `Image.rotate` finds them, rounding included. */
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
  const push = { x: params.x_offset, y: params.y_offset };
  if (params.x_percent !== null) push.x = roundHalfEven((area.width * params.x_percent) / 100);
  if (params.y_percent !== null) push.y = roundHalfEven((area.height * params.y_percent) / 100);
  return {
    x: area.x + anchored(params.gravity, "west", "east", push.x, area.width - turned.width),
    y: area.y + anchored(params.gravity, "north", "south", push.y, area.height - turned.height),
  };
}

const centredAtPercent = (side, percent, own) => Math.trunc((side * percent) / 100 - own / 2);

/** The percentage, as short as may be, that puts the corner at `at`. */
function percentFor(at, side, own) {
  const near = ((at + own / 2) / side) * 100;
  const [percent, ...others] = [0, 0.001, -0.001].map((by) => Number((near + by).toFixed(3)));
  return [percent, ...others].find((each) => centredAtPercent(side, each, own) === Math.trunc(at)) ?? percent;
}

/** Its own inverse but for the centre: from push to corner, and from corner to push. */
function anchored(gravity, near, far, value, room) {
  if (gravity.includes(near)) return value;
  return gravity.includes(far) ? room - value : Math.floor(room / 2) + value;
}

/** Of a colour, where there is no `overlay`, in all of its area. */
export function placement(params, overlay, base) {
  const area = areaOf(params, base);
  const size = overlay ? overlaySize(params, overlay, area) : area;
  const turned = turnedSize(size, params.rotation);
  const corner = overlay ? cornerIn(area, params, turned) : { x: area.x, y: area.y };
  const centre = { x: corner.x + turned.width / 2, y: corner.y + turned.height / 2 };
  return { base, area, overlay: overlay ?? area, size, turned, corner, centre };
}

/** The offsets that put the corner at `at`, or the percentages of the centre. */
export function offsetsFor(params, at, turned, base) {
  if (params.isCentred) {
    return { x_percent: percentFor(at.x, base.width, turned.width), y_percent: percentFor(at.y, base.height, turned.height) };
  }
  const roomX = base.width - turned.width;
  const roomY = base.height - turned.height;
  return {
    ...pushed(params, "x", pushOf(params.gravity, "west", "east", Math.round(at.x), roomX), base.width),
    ...pushed(params, "y", pushOf(params.gravity, "north", "south", Math.round(at.y), roomY), base.height),
  };
}

function pushOf(gravity, near, far, at, room) {
  if (gravity.includes(near)) return at;
  return gravity.includes(far) ? room - at : at - Math.floor(room / 2);
}

/** As a percentage where one is set. */
function pushed(params, axis, push, side) {
  const percent = `${axis}_percent`;
  if (params[percent] === null) return { [`${axis}_offset`]: push };
  return { [percent]: Number(((push / side) * 100).toFixed(3)) };
}

/** The offsets that keep its centre. */
export function centredAt(params, { overlay, base }, centre) {
  const turned = turnedSize(overlaySize(params, overlay, base), params.rotation);
  return offsetsFor(params, { x: centre.x - turned.width / 2, y: centre.y - turned.height / 2 }, turned, base);
}

/** The parameters that resize the overlay to `wanted`. */
export function resizedTo(params, { overlay, base, size }, wanted) {
  if (params.scale_to !== null) return { scale_to: factor(wanted.width / sideOf(params.scale_of, base)) };
  if (params.overlay_resize === "Resize to width & heigth") {
    return { width: side(wanted.width), height: side(wanted.height) };
  }
  const diagonal = Math.hypot(wanted.width, wanted.height) / Math.hypot(size.width, size.height);
  const by = factor((size.width * diagonal) / overlay.width);
  return { overlay_resize: "Resize by rescale_factor", rescale_factor: by };
}

const side = (length) => Math.min(MAX_SIDE, Math.max(1, Math.round(length)));
const factor = (value) => Number(Math.min(MAX_FACTOR, Math.max(0.001, value)).toFixed(4));

/** Counter-clockwise on a screen, where y points down. */
export function rotated({ x, y }, degrees) {
  const [cos, sin] = [Math.cos(radians(degrees)), Math.sin(radians(degrees))];
  return { x: x * cos + y * sin, y: y * cos - x * sin };
}

/** From the centre to the corner at `side`, as {x: 1, y: -1} top right. */
export function toCorner({ rotation }, { size }, side) {
  return rotated({ x: (side.x * size.width) / 2, y: (side.y * size.height) / 2 }, rotation);
}

/** The corner at `side` pulled to `pointer`; the one across stays. */
export function pulledTo(params, placed, side, pointer) {
  const { size, centre } = placed;
  const half = toCorner(params, placed, side);
  const fixed = { x: centre.x - half.x, y: centre.y - half.y };
  const pulled = rotated({ x: pointer.x - fixed.x, y: pointer.y - fixed.y }, -params.rotation);
  const changes = resizedTo(params, placed, along(params, size, { x: side.x * pulled.x, y: side.y * pulled.y }));
  const changed = { ...params, ...changes };
  const moved = toCorner(params, { size: overlaySize(changed, placed.overlay, placed.base) }, side);
  return { ...changes, ...centredAt(changed, placed, { x: fixed.x + moved.x, y: fixed.y + moved.y }) };
}

/** Each side by itself if they are two parameters, else along the diagonal. */
function along(params, size, reach) {
  if (params.scale_to === null && params.overlay_resize === "Resize to width & heigth") {
    return { width: Math.max(1, reach.x), height: Math.max(1, reach.y) };
  }
  const share = (reach.x * size.width + reach.y * size.height) / (size.width ** 2 + size.height ** 2);
  return { width: Math.max(1, size.width * share), height: Math.max(1, size.height * share) };
}

/** Turned about its centre. */
export function turnedTo(params, placed, degrees) {
  const rotation = ((Math.round(degrees) % 360) + 360) % 360;
  if (params.isCentred) return { rotation };
  return { rotation, ...centredAt({ ...params, rotation }, placed, placed.centre) };
}

/** The parameters of another model that draw the overlay where it is placed. */
export function placedAs(params, placed, rotation) {
  const changes = { rotation, ...resizedTo(params, placed, placed.size) };
  return { ...changes, ...centredAt({ ...params, ...changes }, placed, placed.centre) };
}

export function isOutside({ base, turned, corner }) {
  return corner.x >= base.width || corner.y >= base.height || corner.x + turned.width <= 0 || corner.y + turned.height <= 0;
}

/** The same place and size on another base, within it. */
function carried(params, overlay, before, base) {
  const { size, centre } = placement(params, overlay, before);
  const by = Math.min(base.width / before.width, base.height / before.height);
  const changes = followsBase(params) ? {} : resizedTo(params, { overlay, base, size }, { width: size.width * by, height: size.height * by });
  if (params.isCentred) return changes;
  const changed = { ...params, ...changes };
  const turned = turnedSize(overlaySize(changed, overlay, base), params.rotation);
  const at = (middle, length, whole) => Math.min(Math.max(middle - length / 2, Math.min(0, whole - length)), Math.max(0, whole - length));
  const corner = {
    x: at((centre.x / before.width) * base.width, turned.width, base.width),
    y: at((centre.y / before.height) * base.height, turned.height, base.height),
  };
  return { ...changes, ...offsetsFor(changed, corner, turned, base) };
}

const followsBase = ({ scale_to, overlay_resize }) => scale_to !== null || overlay_resize === "Fit";

/**
 * A function that keeps relative place and size when the base changes. It computes them from the base on which the user
 * set them: rounding at every change would make them drift. Without an overlay it only remembers the base.
 */
export function carrier() {
  let here = null; // size of the present base
  let last = null; // the last change: {from, before, changes}
  return (params, overlay, { width, height }) => {
    const [there, base] = [here, { width, height }];
    here = base;
    if (!there || !overlay) last = null;
    if (!there || !overlay || isSame(there, base)) return {};
    const isUntouched = last !== null && Object.entries(last.changes).every(([name, value]) => params[name] === value);
    const [from, set] = isUntouched ? [last.from, { ...params, ...last.before }] : [there, params];
    const changes = isSame(from, base) ? last.before : carried(set, overlay, from, base);
    const before = Object.fromEntries(Object.keys(changes).map((name) => [name, set[name]]));
    last = { from, before, changes };
    return changes;
  };
}

const isSame = (one, other) => one.width === other.width && one.height === other.height;
