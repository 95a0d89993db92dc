/**
 * Quadrilaterals: the corners of a warped layer, clockwise from the top left, as [x, y] in fractions of its area.
 *
 * @typedef {[number, number][]} Quad
 */

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
export function shifted(corners, indices, right, down) {
  const [x, y] = [0, 1].map((axis) => indices.map((index) => corners[index][axis]));
  const limited = (delta, values) => Math.min(HIGH - Math.max(...values), Math.max(LOW - Math.min(...values), delta));
  const delta = [limited(right, x), limited(down, y)];
  const moved = corners.map((corner, index) => (indices.includes(index) ? corner.map((value, axis) => value + delta[axis]) : corner));
  return isConvex(rounded(moved)) ? rounded(moved) : corners;
}

/** The homography from the unit square onto the quadrilateral, as a function. */
export function projection([[x0, y0], [x1, y1], [x2, y2], [x3, y3]]) {
  const [dx1, dy1, dx2, dy2] = [x1 - x2, y1 - y2, x3 - x2, y3 - y2];
  const [sx, sy] = [x0 - x1 + x2 - x3, y0 - y1 + y2 - y3];
  const det = dx1 * dy2 - dx2 * dy1;
  const [g, h] = [(sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det];
  const [a, b, d, e] = [x1 - x0 + g * x1, x3 - x0 + h * x3, y1 - y0 + g * y1, y3 - y0 + h * y3];
  return (u, v) => {
    const w = g * u + h * v + 1;
    return [(a * u + b * v + x0) / w, (d * u + e * v + y0) / w];
  };
}
