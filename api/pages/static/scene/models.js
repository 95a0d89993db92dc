/** Converts the parameters of a model's layer to those of `superimpose`, which geometry and preview use. */

const ADDITIVE = ["add", "linear-dodge"];

/** By model. A model without an entry has no preview. */
export const PREVIEW_PARAMS = {
  superimpose: (params) => params,
  "superimpose-v2": (params) => ({
    ...params,
    isCentred: true, // x_percent and y_percent place the centre
    overlay_resize: "Resize by rescale_factor",
    scale_to: null,
    resize_method: "area",
    flip: params.mirror,
    rotation: ((params.rotation % 360) + 360) % 360,
    opacity: params.opacity / 100,
    blend_mode: ADDITIVE.includes(params.blend_mode) ? "lighter" : params.blend_mode,
  }),
};
