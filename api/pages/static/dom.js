/** Elements, and texts in them. */

export const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

/** A time of day, to the second unless `options` say otherwise. */
export const clock = (at, options = { second: "2-digit" }) =>
  new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...options });
