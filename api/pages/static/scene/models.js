/** Parameters of a model's layer in the terms of `superimpose`, which geometry and preview read. */

const ADDS = ["add", "linear-dodge"];

/** By the model. One that is not among them is submitted without a preview. */
export const DRAWN = {
  superimpose: (params) => params,
  "superimpose-v2": (params) => ({
    ...params,
    isCentred: true, // by x_percent and y_percent
    overlay_resize: "Resize by rescale_factor",
    scale_to: null,
    resize_method: "area",
    flip: params.mirror,
    rotation: ((params.rotation % 360) + 360) % 360,
    opacity: params.opacity / 100,
    blend_mode: ADDS.includes(params.blend_mode) ? "lighter" : params.blend_mode,
  }),
};
