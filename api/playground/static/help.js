/** What the parameter under the hand means, at one place that does not push the others about. */

/** @type {(form: HTMLElement, help: HTMLElement) => void} */
export function showHelp(form, help) {
  const resting = help.textContent;
  const show = (element) => {
    const hint = element?.closest?.("[data-field]")?.querySelector(".hint");
    help.textContent = hint?.textContent ?? resting;
    help.classList.toggle("resting", !hint);
  };
  show(null);
  form.addEventListener("pointerover", ({ target }) => show(target));
  form.addEventListener("pointerleave", () => show(form.contains(document.activeElement) ? document.activeElement : null));
  form.addEventListener("focusin", ({ target }) => show(target));
}
