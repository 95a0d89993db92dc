/** The parameter panel: its help line, and scrolling fields out from under sticky bars. */

/** The last text stays: removing it would move the Submit button under the pointer. */
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

export function keepFocusInView(form, { top, bottom }) {
  let isPressed = false; // scrolling between press and release would lose the click
  form.addEventListener("pointerdown", () => (isPressed = true));
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (isPressed = false));
  form.addEventListener("focusin", ({ target }) => {
    const { style } = document.documentElement;
    style.setProperty("--top-bar", `${top.offsetHeight}px`);
    style.setProperty("--bottom-bar", `${bottom.offsetHeight}px`);
    if (!isPressed) target.closest("[data-field]")?.scrollIntoView({ block: "nearest" });
  });
}
