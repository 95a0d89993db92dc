/** Bars that stick to the edges of a narrow window: a field that gets the focus is scrolled out from under them. */

/** @type {(form: HTMLElement, bars: {top: HTMLElement, bottom: HTMLElement}) => void} */
export function keepFocusInView(form, { top, bottom }) {
  let isPressed = false; // then nothing moves, or what is pressed would not be where it is let go
  form.addEventListener("pointerdown", () => (isPressed = true));
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (isPressed = false));
  form.addEventListener("focusin", ({ target }) => {
    const { style } = document.documentElement;
    style.setProperty("--top-bar", `${top.offsetHeight}px`);
    style.setProperty("--bottom-bar", `${bottom.offsetHeight}px`);
    if (!isPressed) target.closest("[data-field]")?.scrollIntoView({ block: "nearest" });
  });
}
