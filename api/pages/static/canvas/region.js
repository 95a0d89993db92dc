/** The box that a layer fills: its region, or the whole base for a colour without a region. */

import { byId, onClick } from "../dom.js";
import { onDrag, place, pointOn } from "./drag.js";

const [LOW, HIGH] = [-16, 16]; // the service's limits
const MIN_SIDE = 0.005; // in fractions of the base's side
const WHOLE = [0, 0, 1, 1];
const UNIT = { width: 1, height: 1 };

/** Whether a layer, given as for `handles`, fills a box. */
export const isBoxed = ({ params: { corners, region }, isColour }) => !corners && Boolean(region || isColour);

function fractions([x, y, width, height]) {
  const [left, top] = [x, y].map((value) => Math.min(HIGH, Math.max(LOW, value)));
  const [wide, high] = [width, height].map((value) => Math.min(HIGH, Math.max(MIN_SIDE, value)));
  return [left, top, wide, high].map((value) => Number(value.toFixed(4)));
}

/** `right` and `down` are in pixels of the base. */
export function movedBox({ params, placed: { base } }, right, down) {
  const [x, y, width, height] = params.region ?? WHOLE;
  return { region: fractions([x + right / base.width, y + down / base.height, width, height]) };
}

/** Moves the corner at `side` by pixels of the base; the opposite corner stays. */
export function pulledBox({ params, placed: { base } }, side, right, down) {
  const [x, y, width, height] = params.region ?? WHOLE;
  const wide = Math.max(MIN_SIDE, width + (side.x * right) / base.width);
  const high = Math.max(MIN_SIDE, height + (side.y * down) / base.height);
  return { region: fractions([side.x < 0 ? x + width - wide : x, side.y < 0 ? y + height - high : y, wide, high]) };
}

export function centredBox({ params }) {
  const [, , width, height] = params.region ?? WHOLE;
  return { region: fractions([(1 - width) / 2, (1 - height) / 2, width, height]) };
}

/**
 * A tool to draw the region: its button switches it on, Escape and the returned function switch it off. Calls `onDrawn` with
 * the region dragged on the board.
 */
export function regionTool(onDrawn) {
  const [button, sketch] = [byId("region-tool"), byId("sketch")];
  const box = sketch.firstElementChild;
  let region = null;
  const toggle = (on) => {
    button.ariaPressed = on;
    sketch.hidden = !on;
    box.hidden = true;
  };
  const draw = ([x, y, width, height]) => {
    region = [x, y, width, height];
    place(box, { x, y, width, height }, UNIT);
    box.hidden = false;
  };
  const between = (start) => (end) => [Math.min(start.x, end.x), Math.min(start.y, end.y), Math.abs(end.x - start.x), Math.abs(end.y - start.y)];
  onDrag(sketch, (event) => pointOn(byId("board"), event, UNIT), between, draw, () => {
    if (!region || Math.min(region[2], region[3]) < MIN_SIDE) return;
    toggle(false);
    onDrawn(fractions(region));
    region = null;
  });
  onClick(button, () => toggle(sketch.hidden));
  document.addEventListener("keydown", ({ key }) => key === "Escape" && toggle(false));
  return () => toggle(false);
}
