/** The card that shows the request as code: tabs for languages, and copy buttons. */

import { all, byId, onClick } from "./dom.js";

const COPIED_MS = 1500;

/** Returns a function that shows code: `snippet(language)`, what it `needs(language)`, and a `script` for bash or "". */
export function codeCard() {
  const tabs = all("[data-language]");
  const code = byId("code");
  let current;
  let selected = tabs[0];

  function draw() {
    const { language } = selected.dataset;
    code.textContent = current.snippet(language);
    byId("to-the-end").hidden = language !== "curl" || !current.script;
    byId("script").textContent = current.script;
    byId("code-needs").textContent = current.needs(language);
  }

  function select(tab) {
    selected = tab;
    for (const each of tabs) Object.assign(each, { ariaSelected: each === tab, tabIndex: each === tab ? 0 : -1 });
    code.setAttribute("aria-labelledby", tab.id);
    draw();
  }

  tabs.forEach((tab, index) => {
    onClick(tab, () => select(tab));
    // Arrow keys move between tabs, as ARIA requires of a tablist.
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!step) return;
      const next = tabs[(index + step + tabs.length) % tabs.length];
      select(next);
      next.focus();
    });
  });
  for (const button of all("[data-copy]")) copyButton(button, byId(button.dataset.copy));
  return (next) => {
    current = next;
    draw();
  };
}

function copyButton(button, code) {
  const label = button.textContent;
  onClick(button, async () => {
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
