/** The card with the request as code: tabs, and a button that copies. */

const SHOWN_AGAIN_MS = 1500;

/**
 * @typedef {object} Code
 * @property {(language: string) => string} snippet
 * @property {string} script  for bash, or ""
 * @property {(language: string) => string} needs  what it needs to run
 */

export function codeCard() {
  const tabs = [...document.querySelectorAll("[data-language]")];
  const code = document.getElementById("code");
  const toTheEnd = document.getElementById("to-the-end");
  /** @type {Code} */
  let shown;
  let chosen = tabs[0];

  function draw() {
    const { language } = chosen.dataset;
    code.textContent = shown.snippet(language);
    toTheEnd.hidden = language !== "curl" || !shown.script;
    document.getElementById("script").textContent = shown.script;
    document.getElementById("code-needs").textContent = shown.needs(language);
  }

  function choose(tab) {
    chosen = tab;
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
    }
    code.setAttribute("aria-labelledby", tab.id);
    draw();
  }

  for (const tab of tabs) tab.addEventListener("click", () => choose(tab));
  onArrows(tabs, choose);
  for (const button of document.querySelectorAll("[data-copy]")) copyButton(button, document.getElementById(button.dataset.copy));
  return {
    show(next) {
      shown = next;
      draw();
    },
  };
}

/** Left and right move between tabs, as screen readers expect of a tablist. */
function onArrows(tabs, choose) {
  tabs.forEach((tab, at) =>
    tab.addEventListener("keydown", ({ key }) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!by) return;
      const next = tabs[(at + by + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    }),
  );
}

function copyButton(button, code) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    button.textContent = (await copied(code)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = label), SHOWN_AGAIN_MS);
  });
}

/** False where the browser refuses the clipboard, as without https; the code is selected instead. */
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}
