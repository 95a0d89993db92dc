/**
 * The corners of a warped layer, moved one by one, or all together by dragging the inside. They are given clockwise from the
 * top left, as [x, y] in fractions of the layer's area.
 */

import { all, byId } from "../dom.js";
import { onArrows, onDrag, pointOn } from "./drag.js";
import { toCorner } from "./geometry.js";

const FLAT = 1e-9;
const [LOW, HIGH] = [-1, 2]; // the service's limits
const MIDDLE = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]];

/** Whether all turns between sides are to the right, with y pointing down. */
export function isConvex(corners) {
  const sides = corners.map(([x, y], at) => [corners[(at + 1) % 4][0] - x, corners[(at + 1) % 4][1] - y]);
  return sides.every(([x, y], at) => x * sides[(at + 1) % 4][1] - y * sides[(at + 1) % 4][0] > FLAT);
}

const fraction = (value) => Number(Math.min(HIGH, Math.max(LOW, value)).toFixed(4));
const rounded = (corners) => corners.map((corner) => corner.map(fraction));

/** The corners of a layer that is not warped yet. */
export function cornersOf(params, placed) {
  const { area, centre } = placed;
  const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([x, y]) => {
    const half = toCorner(params, placed, { x, y });
    return [(centre.x + half.x - area.x) / area.width, (centre.y + half.y - area.y) / area.height];
  });
  return isConvex(rounded(corners)) ? rounded(corners) : MIDDLE;
}

/** The quadrilateral with some corners moved within the limits; unchanged if it would not be convex. */
function shifted(corners, indices, right, down) {
  const [x, y] = [0, 1].map((axis) => indices.map((index) => corners[index][axis]));
  const limited = (delta, values) => Math.min(HIGH - Math.max(...values), Math.max(LOW - Math.min(...values), delta));
  const delta = [limited(right, x), limited(down, y)];
  const moved = corners.map((corner, index) => (indices.includes(index) ? corner.map((value, axis) => value + delta[axis]) : corner));
  return isConvex(rounded(moved)) ? rounded(moved) : corners;
}

/** `scene()`: the selected layer, as for `handles`. Returns a function that shows the corners. */
export function pins(scene, apply) {
  const [inside, polygon, pins] = [byId("inside"), byId("quad").firstElementChild, all(".pin")];
  const toArea = (event) => {
    const { base, area } = scene().placed;
    return pointOn(byId("board"), event, { width: base.width / area.width, height: base.height / area.height });
  };
  const moving = (indices) => (start) => {
    const { corners } = scene().params;
    return ({ x, y }) => ({ corners: shifted(corners, indices, x - start.x, y - start.y) });
  };
  const nudging = (indices) => (right, down) => {
    const { params, placed } = scene();
    apply({ corners: shifted(params.corners, indices, right / placed.area.width, down / placed.area.height) });
  };
  for (const [element, indices] of [[inside, [0, 1, 2, 3]], ...pins.map((pin, index) => [pin, [index]])]) {
    onDrag(element, toArea, moving(indices), apply);
    onArrows(element, nudging(indices));
  }
  return ({ params, placed: { base, area } }) => {
    const corners = params.corners.map(([x, y]) => [(area.x + x * area.width) / base.width, (area.y + y * area.height) / base.height]);
    polygon.setAttribute("points", corners.map((corner) => corner.join()).join(" "));
    // The inside is three times as wide and high as the board, and clipped to the quadrilateral.
    inside.style.clipPath = `polygon(${corners.map(([x, y]) => `${((x + 1) / 3) * 100}% ${((y + 1) / 3) * 100}%`).join()})`;
    pins.forEach((pin, index) => Object.assign(pin.style, { left: `${corners[index][0] * 100}%`, top: `${corners[index][1] * 100}%` }));
  };
}
