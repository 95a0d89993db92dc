/** What the preview does not show as it will be, said quietly below it. */

import { isOutside } from "./geometry.js";

/** @typedef {import("./geometry.js").Params} Params */
/** @typedef {import("./preview.js").Pictures} Pictures */

const ALWAYS = "Drawn by your browser: where pixels are resized or turned, the result may differ, most at edges.";

/** @type {[(pictures: Pictures, params: Params, placed: import("./geometry.js").Placement) => boolean, string][]} */
const NOTES = [
  [(_, { tile }, placed) => !tile && isOutside(placed), "The overlay lies wholly outside the base: the result will not show it."],
  [(pictures) => some(pictures, "foreign"), "A picture of another site is fetched by the service and not shown here."],
  [(pictures) => some(pictures, "guessed"), "Its size is guessed."],
  [(_, { keep_icc_profile }) => keep_icc_profile, "Colours are shown as sRGB."],
  [({ mask }, { invert_mask }) => invert_mask && !mask, "invert_mask needs a mask."],
];

const some = (pictures, what) => Object.values(pictures).some((picture) => picture?.[what]);

/** @type {(pictures: Pictures, params: Params, placed: import("./geometry.js").Placement) => string} */
export function notes(pictures, params, placed) {
  return [ALWAYS, ...NOTES.filter(([holds]) => holds(pictures, params, placed)).map(([, text]) => text)].join(" ");
}
