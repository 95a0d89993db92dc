/** The panel of the parameters: its help, and its fields that the bars of a narrow window may cover. */

/** The last one stays: a button that moves away is not pressed. */
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
