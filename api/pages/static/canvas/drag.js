/** What is moved by mouse, finger or arrow keys. */

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Follows one pointer until it is released; `begin` returns the function from pointer to what `apply` is given. */
export function onDrag(element, toPoint, begin, apply, ended = () => {}) {
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
      if (drag) ended();
      drag = null;
    });
  }
}

/** Calls `moved` with steps to the right and down, of 10 with Shift. */
export function onArrows(element, moved) {
  element.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const by = event.shiftKey ? 10 : 1;
    moved(STEPS[event.key][0] * by, STEPS[event.key][1] * by);
  });
}

/** Where a pointer is on an element, in fractions of its sides. */
export function fractionOn(element, { clientX, clientY }) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: (clientX - left) / width, y: (clientY - top) / height };
}

/** A box in the units of `whole`, its size, which the parent of the element has. */
export function place({ style }, { x, y, width, height }, whole) {
  const percent = (part, side) => `${(part / side) * 100}%`;
  const [left, top] = [percent(x, whole.width), percent(y, whole.height)];
  Object.assign(style, { left, top, width: percent(width, whole.width), height: percent(height, whole.height) });
}
