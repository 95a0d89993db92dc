/** Draws a picture on a quadrilateral, approximated by affine triangles, as a canvas has no perspective transform. */

const CELLS = 14; // per side

/**
 * `corners` are in the units of `context`, which must be empty: drawing adds, so that the antialiased edges of adjacent
 * triangles sum to full coverage and leave no seams.
 */
export function drawWarped(context, image, corners) {
  const at = projection(corners);
  const point = (column, row) => ({ from: [(column / CELLS) * image.width, (row / CELLS) * image.height], to: at(column / CELLS, row / CELLS) });
  context.globalCompositeOperation = "lighter";
  context.imageSmoothingQuality = "high";
  for (let row = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++) {
      const [nw, ne, sw, se] = [point(column, row), point(column + 1, row), point(column, row + 1), point(column + 1, row + 1)];
      drawTriangle(context, image, nw, ne, sw);
      drawTriangle(context, image, se, sw, ne);
    }
  }
}

/** The homography from the unit square onto the quadrilateral, as a function. */
function projection([[x0, y0], [x1, y1], [x2, y2], [x3, y3]]) {
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

/** Draws a triangle with the affine map of its corners from the picture to the canvas. */
function drawTriangle(context, image, first, second, third) {
  const [u1, v1, u2, v2] = [...side(first.from, second.from), ...side(first.from, third.from)];
  const [x1, y1, x2, y2] = [...side(first.to, second.to), ...side(first.to, third.to)];
  const det = u1 * v2 - u2 * v1;
  const [a, c] = [(x1 * v2 - x2 * v1) / det, (x2 * u1 - x1 * u2) / det];
  const [b, d] = [(y1 * v2 - y2 * v1) / det, (y2 * u1 - y1 * u2) / det];
  context.save();
  context.beginPath();
  for (const { to } of [first, second, third]) context.lineTo(...to);
  context.clip();
  context.transform(a, b, c, d, first.to[0] - a * first.from[0] - c * first.from[1], first.to[1] - b * first.from[0] - d * first.from[1]);
  context.drawImage(image, 0, 0);
  context.restore();
}

const side = (from, to) => [to[0] - from[0], to[1] - from[1]];
