/** The box that a layer fills: its region, or the whole base for a colour without a region. */

import { fractionOn, onDrag, place } from "./drag.js";

const [LOW, HIGH] = [-16, 16]; // the service's limits
const MIN_SIDE = 0.005; // in fractions of the base's side
const WHOLE = [0, 0, 1, 1];

export const isBoxed = ({ corners, region }, isColour) => !corners && Boolean(region || isColour);

export const boxOf = ({ region }) => region ?? WHOLE;

function fractions([x, y, width, height]) {
  const [left, top] = [x, y].map((value) => Math.min(HIGH, Math.max(LOW, value)));
  const [wide, high] = [width, height].map((value) => Math.min(HIGH, Math.max(MIN_SIDE, value)));
  return [left, top, wide, high].map((value) => Number(value.toFixed(4)));
}

export function movedBox([x, y, width, height], right, down) {
  return { region: fractions([x + right, y + down, width, height]) };
}

/** Moves the corner at `side`; the opposite corner stays. */
export function pulledBox([x, y, width, height], side, right, down) {
  const [wide, high] = [Math.max(MIN_SIDE, width + side.x * right), Math.max(MIN_SIDE, height + side.y * down)];
  return { region: fractions([side.x < 0 ? x + width - wide : x, side.y < 0 ? y + height - high : y, wide, high]) };
}

export function centredBox([, , width, height]) {
  return { region: fractions([(1 - width) / 2, (1 - height) / 2, width, height]) };
}

/**
 * A tool to draw the region: `button` switches it on, Escape and `end` switch it off. Calls `onDrawn` with the region dragged
 * on the board.
 */
export function regionTool({ board, sheet, button }, onDrawn) {
  const box = sheet.firstElementChild;
  const toggle = (on) => {
    button.setAttribute("aria-pressed", String(on));
    sheet.hidden = !on;
    box.hidden = true;
  };
  let region = null;
  const between = (start) => (end) => {
    const [x, y] = [Math.min(start.x, end.x), Math.min(start.y, end.y)];
    const [width, height] = [Math.abs(end.x - start.x), Math.abs(end.y - start.y)];
    region = [x, y, width, height];
    place(box, { x, y, width, height }, { width: 1, height: 1 });
    box.hidden = false;
  };
  const end = () => {
    if (!region || Math.min(region[2], region[3]) < MIN_SIDE) return;
    toggle(false);
    onDrawn(fractions(region));
    region = null;
  };
  onDrag(sheet, (event) => fractionOn(board, event), between, (change) => change, end);
  button.addEventListener("click", () => toggle(sheet.hidden));
  document.addEventListener("keydown", ({ key }) => key === "Escape" && toggle(false));
  return { end: () => toggle(false) };
}
