/** What the parameter under the hand means, at one place that does not push the others about. */

/** @type {(form: HTMLElement, help: HTMLElement) => void} The last one stays: a button that moves away is not pressed. */
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
