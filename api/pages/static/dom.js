/** Helpers for elements and their text. */

export const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

/** A time of day, with seconds by default. */
export const clock = (at, options = { second: "2-digit" }) =>
  new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...options });
