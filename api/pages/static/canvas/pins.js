/** The corners of a warped layer: dragged one by one, or all at once by its inside. */

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
  const moving = (which) => (start) => {
    const { corners } = scene().params;
    return ({ x, y }) => ({ corners: shifted(corners, which, x - start.x, y - start.y) });
  };
  const nudging = (which) => (right, down) => {
    const { params, placed } = scene();
    apply({ corners: shifted(params.corners, which, right / placed.area.width, down / placed.area.height) });
  };
  for (const [element, which] of [[inside, ALL], ...pins.map((pin, at) => [pin, [at]])]) {
    onDrag(element, toArea, moving(which), apply);
    onArrows(element, nudging(which));
  }
  return { show: (shown) => show({ quad, inside, pins }, shown) };
}

/** The inside reaches as far beyond the board as the board is wide: it is cut to the quadrilateral. */
function show({ quad, inside, pins }, { params, placed: { base, area } }) {
  const corners = params.corners.map(([x, y]) => [(area.x + x * area.width) / base.width, (area.y + y * area.height) / base.height]);
  quad.querySelector("polygon").setAttribute("points", corners.map((corner) => corner.join()).join(" "));
  inside.style.clipPath = `polygon(${corners.map(([x, y]) => `${((x + 1) / 3) * 100}% ${((y + 1) / 3) * 100}%`).join()})`;
  pins.forEach((pin, at) => Object.assign(pin.style, { left: `${corners[at][0] * 100}%`, top: `${corners[at][1] * 100}%` }));
}
