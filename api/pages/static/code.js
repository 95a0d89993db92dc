/** The card with the request as code: tabs, and a button that copies. */

import { hasFiles, script, snippet } from "./snippets.js";

const SHOWN_AGAIN_MS = 1500;

export function codeCard(origin) {
  const tabs = [...document.querySelectorAll("[data-language]")];
  const code = document.getElementById("code");
  const toTheEnd = document.getElementById("to-the-end");
  let [model, body] = ["", {}];
  let chosen = tabs[0];

  function draw() {
    code.textContent = snippet(chosen.dataset.language, origin, model, body);
    toTheEnd.hidden = chosen.dataset.language !== "curl";
    document.getElementById("script").textContent = script(origin, model, body);
    document.getElementById("code-needs").textContent = needs(chosen.dataset.language, body);
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
    show(...next) {
      [model, body] = next;
      draw();
    },
  };
}

function needs(language, body) {
  const client = language === "python" ? "; needs pip install segmind" : language === "javascript" ? "; a module for Node 18 or newer" : "";
  return client + (hasFiles(body) ? "; run it in the folder of your file" : "");
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
