/**
 * A scene as the body of a request: flat with one layer, else with `overlays`.
 *
 * @typedef {object} SceneRequest
 * @property {string} model
 * @property {Picture} base
 * @property {{pictures: Record<string, Picture>, params: object}[]} layers  the lowest first
 * @property {object} answer
 */

export const PICTURES = ["base_image", "overlay_image", "mask", "displacement_map"];

/** `reference` makes of a picture what the body has in its place. */
export function bodyOf({ base, layers, answer }, reference) {
  const items = layers.map(({ pictures, params }) => {
    const named = Object.entries(pictures).map(([name, picture]) => [name, reference(picture)]);
    return { ...Object.fromEntries(named), ...params };
  });
  const parts = items.length === 1 ? items[0] : { overlays: items };
  return { base_image: reference(base), ...parts, ...answer };
}

/** Every picture, with its path in the body. */
export function picturesOf({ base, layers }) {
  const paths = layers.length === 1 ? [""] : layers.map((_, at) => `overlays[${at}].`);
  const named = layers.flatMap(({ pictures }, at) => Object.entries(pictures).map(([name, picture]) => [paths[at] + name, picture]));
  return [["base_image", base], ...named];
}
