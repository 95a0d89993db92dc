/**
 * Effective parameters: those without effect are reset to their defaults, and a request contains only those that differ
 * from their defaults. Also those for the preview, which knows only the parameters of `superimpose`.
 */

const STILL_FORMATS = ["jpeg", "png"];
const WITH_QUALITY = ["jpeg", "webp", "avif"];

const isPlaced = ({ region, corners }, { isColour }) => !region && !corners && !isColour;
const isSized = (params, traits) => isPlaced(params, traits) && params.scale_to === null;
const isResizedBy = (mode) => (params, traits) => isSized(params, traits) && params.overlay_resize === mode;
const isShaped = ({ corners }, { isColour }) => !corners && !isColour;

/** Conditions under which parameters have an effect. Traits of a layer are `isColour`, and `has(picture)`. */
const USED = {
  invert_mask: (_, { has }) => has("mask"),
  image_quality: ({ image_format }) => WITH_QUALITY.includes(image_format),
};

/** The same for a model with layers. A parameter stands before those whose conditions depend on it. */
const USED_BY_LAYERS = {
  ...USED,
  overlay_resize: isPlaced,
  scale_to: isPlaced,
  rescale_factor: isResizedBy("Resize by rescale_factor"),
  width: isResizedBy("Resize to width & heigth"),
  height: isResizedBy("Resize to width & heigth"),
  scale_of: ({ scale_to }) => scale_to !== null,
  resize_method: isShaped,
  x_offset: isPlaced,
  y_offset: isPlaced,
  x_percent: isPlaced,
  y_percent: isPlaced,
  rotation: isShaped,
  tile: (params, traits) => isPlaced(params, traits) && !traits.has("displacement_map"),
  tile_spacing: ({ tile }) => tile,
  gravity: (params, traits) => isShaped(params, traits) && !params.tile,
  region_fit: (params, traits) => isShaped(params, traits) && params.region !== null,
  displacement_x: (_, { has }) => has("displacement_map"),
  displacement_y: (_, { has }) => has("displacement_map"),
  color: (_, { isColour }) => isColour,
};

/** The default of a parameter. The service centres a layer in its region. */
const defaultOf = (name, { region }, defaults) => (name === "gravity" && region ? "center" : defaults[name]);

/** The effective value of every parameter, and the names of those without effect. */
export function effective(typed, traits, defaults) {
  const params = Object.fromEntries(Object.entries(typed).map(([name, value]) => [name, value ?? defaults[name]]));
  const unused = new Set();
  for (const [name, isUsed] of Object.entries(traits.isLayered ? USED_BY_LAYERS : USED)) {
    if (!(name in params) || isUsed(params, traits)) continue;
    unused.add(name);
    params[name] = defaultOf(name, params, defaults);
  }
  return { params, unused };
}

export function withoutDefaults(params, defaults) {
  return Object.fromEntries(Object.entries(params).filter(([name, value]) => value !== defaultOf(name, params, defaults)));
}

/** By model, converts a layer's parameters to those of `superimpose`. A model without an entry has no preview. */
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
    blend_mode: ["add", "linear-dodge"].includes(params.blend_mode) ? "lighter" : params.blend_mode,
  }),
};

/** A format that can hold the animation to keep, or null if the current one can. */
export const animatedFormat = ({ animation, image_format }) => (animation === "keep" && STILL_FORMATS.includes(image_format) ? "webp" : null);
