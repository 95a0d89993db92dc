/** The corners of a warped layer: moved one by one, or all together by dragging the inside. */

import { fractionOn, onArrows, onDrag } from "./drag.js";
import { shifted } from "./quad.js";

const ALL = [0, 1, 2, 3];

/** @typedef {import("./handles.js").Scene} Scene */

export function pins({ board, quad, inside, pins }, scene, apply) {
  const toArea = (event) => {
    const { x, y } = fractionOn(board, event);
    const { base, area } = scene().placed;
    return { x: x * (base.width / area.width), y: y * (base.height / area.height) };
  };
  const moving = (indices) => (start) => {
    const { corners } = scene().params;
    return ({ x, y }) => ({ corners: shifted(corners, indices, x - start.x, y - start.y) });
  };
  const nudging = (indices) => (right, down) => {
    const { params, placed } = scene();
    apply({ corners: shifted(params.corners, indices, right / placed.area.width, down / placed.area.height) });
  };
  for (const [element, indices] of [[inside, ALL], ...pins.map((pin, index) => [pin, [index]])]) {
    onDrag(element, toArea, moving(indices), apply);
    onArrows(element, nudging(indices));
  }
  return { show: (shown) => show({ quad, inside, pins }, shown) };
}

/** The inside is three times as wide and high as the board, and clipped to the quadrilateral. */
function show({ quad, inside, pins }, { params, placed: { base, area } }) {
  const corners = params.corners.map(([x, y]) => [(area.x + x * area.width) / base.width, (area.y + y * area.height) / base.height]);
  quad.querySelector("polygon").setAttribute("points", corners.map((corner) => corner.join()).join(" "));
  inside.style.clipPath = `polygon(${corners.map(([x, y]) => `${((x + 1) / 3) * 100}% ${((y + 1) / 3) * 100}%`).join()})`;
  pins.forEach((pin, index) => Object.assign(pin.style, { left: `${corners[index][0] * 100}%`, top: `${corners[index][1] * 100}%` }));
}
