/** Helpers for elements, their text, and canvases. */

export const byId = (id) => document.getElementById(id);

export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

export const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

export const fromTemplate = (id) => byId(id).content.firstElementChild.cloneNode(true);

export const onClick = (element, listener) => element.addEventListener("click", listener);

export const press = (buttons, isPressed) => buttons.forEach((button) => (button.ariaPressed = isPressed(button)));

/** Sets a text; screen readers announce a live region even if it is replaced by an equal text. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A time of day, with seconds by default. */
export const clock = (at, options = { second: "2-digit" }) =>
  new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...options });

/** The context of a new canvas, which is its `canvas`. */
export const sheet = (width, height) => new OffscreenCanvas(width, height).getContext("2d");

export function fill(context, colour, { width, height } = context.canvas) {
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
}
