/** Movement by mouse, touch or arrow keys. */

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Follows one pointer until it is released. `begin` gets the start point, and returns a function that turns each later point
 * into the argument of `apply`.
 */
export function onDrag(element, toPoint, begin, apply, onEnd = () => {}) {
  let drag = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || drag) return;
    element.setPointerCapture(event.pointerId);
    drag = begin(toPoint(event));
  });
  element.addEventListener("pointermove", (event) => {
    if (drag && element.hasPointerCapture(event.pointerId)) apply(drag(toPoint(event), event));
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    element.addEventListener(end, () => {
      if (drag) onEnd();
      drag = null;
    });
  }
}

/** Calls `onMove` with the steps to the right and down: 1, or 10 with Shift. */
export function onArrows(element, onMove) {
  element.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const step = event.shiftKey ? 10 : 1;
    onMove(STEPS[event.key][0] * step, STEPS[event.key][1] * step);
  });
}

/** The position of a pointer on an element, in units in which the element has this size. */
export function pointOn(element, { clientX, clientY }, size) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: ((clientX - left) / width) * size.width, y: ((clientY - top) / height) * size.height };
}

/** Positions an element in its parent; the box is given in units in which the parent has the size `parent`. */
export function place({ style }, { x, y, width, height }, parent) {
  const percent = (part, side) => `${(part / side) * 100}%`;
  const [left, top] = [percent(x, parent.width), percent(y, parent.height)];
  Object.assign(style, { left, top, width: percent(width, parent.width), height: percent(height, parent.height) });
}
