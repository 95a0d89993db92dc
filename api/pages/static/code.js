/** The card that shows the request as code: tabs for languages, and copy buttons. */

const COPIED_MS = 1500;

/**
 * @typedef {object} Code
 * @property {(language: string) => string} snippet
 * @property {string} script  for bash, or ""
 * @property {(language: string) => string} needs  what the snippet needs to run
 */

export function codeCard() {
  const tabs = [...document.querySelectorAll("[data-language]")];
  const code = document.getElementById("code");
  const toTheEnd = document.getElementById("to-the-end");
  /** @type {Code} */
  let current;
  let selected = tabs[0];

  function draw() {
    const { language } = selected.dataset;
    code.textContent = current.snippet(language);
    toTheEnd.hidden = language !== "curl" || !current.script;
    document.getElementById("script").textContent = current.script;
    document.getElementById("code-needs").textContent = current.needs(language);
  }

  function select(tab) {
    selected = tab;
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
    }
    code.setAttribute("aria-labelledby", tab.id);
    draw();
  }

  for (const tab of tabs) tab.addEventListener("click", () => select(tab));
  onArrows(tabs, select);
  for (const button of document.querySelectorAll("[data-copy]")) copyButton(button, document.getElementById(button.dataset.copy));
  return {
    show(next) {
      current = next;
      draw();
    },
  };
}

/** Arrow keys move between tabs, as ARIA requires of a tablist. */
function onArrows(tabs, select) {
  tabs.forEach((tab, index) =>
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!step) return;
      const next = tabs[(index + step + tabs.length) % tabs.length];
      select(next);
      next.focus();
    }),
  );
}

function copyButton(button, code) {
  const label = button.textContent;
  button.addEventListener("click", async () => {
    button.textContent = (await copy(code)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = label), COPIED_MS);
  });
}

/** Selects the code and returns false if the browser denies the clipboard, as it does without https. */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}
