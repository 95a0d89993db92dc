/** The parameter panel: its help line, and scrolling that keeps fields clear of sticky bars. */

/** Shows the hint of the parameter under the pointer. The last one stays, as removing it would move the Submit button. */
export function showHelp(form, help) {
  help.classList.add("resting");
  const show = (element) => {
    const hint = element?.closest?.("[data-field]")?.querySelector(".hint");
    if (!hint) return;
    help.textContent = hint.textContent;
    help.classList.remove("resting");
  };
  form.addEventListener("pointerover", ({ target }) => show(target));
  form.addEventListener("pointerleave", () => show(form.contains(document.activeElement) ? document.activeElement : null));
  form.addEventListener("focusin", ({ target }) => show(target));
}

/** Sets the scroll padding to the height of the sticky bars. */
export function measureBars() {
  const { style } = document.documentElement;
  style.setProperty("--top-bar", `${document.getElementById("work").offsetHeight}px`);
  style.setProperty("--bottom-bar", `${document.getElementById("foot").offsetHeight}px`);
}

export function keepFocusInView(form) {
  let isPressed = false; // scrolling between press and release would cancel the click
  form.addEventListener("pointerdown", () => (isPressed = true));
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (isPressed = false));
  form.addEventListener("focusin", ({ target }) => {
    measureBars();
    if (!isPressed) target.closest("[data-field]")?.scrollIntoView({ block: "nearest" });
  });
}
