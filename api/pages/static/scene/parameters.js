/**
 * What a layer's parameters amount to: those without effect count as their defaults, and a request holds those that
 * differ from their defaults.
 *
 * @typedef {{isLayered: boolean, isColour: boolean, has: (picture: string) => boolean}} Traits
 */

const STILL = ["jpeg", "png"];
const WITH_QUALITY = ["jpeg", "webp", "avif"];

const isPlaced = ({ region, corners }, { isColour }) => !region && !corners && !isColour;
const isSized = (params, traits) => isPlaced(params, traits) && params.scale_to === null;
const by = (word) => (params, traits) => isSized(params, traits) && params.overlay_resize === word;
const isShaped = ({ corners }, { isColour }) => !corners && !isColour;

/** When a parameter has an effect, if not always. */
const USED = {
  invert_mask: (_, { has }) => has("mask"),
  image_quality: ({ image_format }) => WITH_QUALITY.includes(image_format),
};

/** The same for a model with layers; what others depend on stands before them. */
const USED_BY_LAYERS = {
  ...USED,
  overlay_resize: isPlaced,
  scale_to: isPlaced,
  rescale_factor: by("Resize by rescale_factor"),
  width: by("Resize to width & heigth"),
  height: by("Resize to width & heigth"),
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

/** In a region the service puts a layer in the middle. */
const initial = (name, { region }, defaults) => (name === "gravity" && region ? "center" : defaults[name]);

/** Every parameter as it takes effect, and the names of those without any. */
export function effective(typed, traits, defaults) {
  const params = Object.fromEntries(Object.entries(typed).map(([name, value]) => [name, value ?? defaults[name]]));
  const off = new Set();
  for (const [name, isUsed] of Object.entries(traits.isLayered ? USED_BY_LAYERS : USED)) {
    if (!(name in params) || isUsed(params, traits)) continue;
    off.add(name);
    params[name] = initial(name, params, defaults);
  }
  return { params, off };
}

/** Of effective parameters those that a request holds. */
export function given(params, defaults) {
  return Object.fromEntries(Object.entries(params).filter(([name, value]) => value !== initial(name, params, defaults)));
}

/** The format in place of one that cannot hold the animation that is to be kept, or null. */
export const movingFormat = ({ animation, image_format }) => (animation === "keep" && STILL.includes(image_format) ? "webp" : null);
