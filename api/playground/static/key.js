/** The API key: typed, kept in this browser, or handed over in a link as `/#key=...`. */

import { load, remembers, save, setRemember } from "./storage.js";

/** @type {() => {value: () => string, fingerprint: () => string, onChange: (listener: () => void) => void}} */
export function keyField() {
  const input = document.getElementById("key");
  const remember = document.getElementById("remember");
  const value = () => input.value.trim();

  const listeners = [];

  function store() {
    save("key", value());
    for (const listener of listeners) listener();
  }

  function takeFromLink() {
    const given = new URLSearchParams(location.hash.slice(1)).get("key");
    if (given === null) return;
    history.replaceState(null, "", location.pathname + location.search);
    input.value = given;
    store();
  }

  remember.checked = remembers();
  remember.addEventListener("change", () => setRemember(remember.checked));
  input.value = load("key") ?? "";
  input.addEventListener("input", store);
  document.getElementById("key-form").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", takeFromLink);
  takeFromLink();
  return { value, fingerprint: () => fingerprint(value()), onChange: (listener) => listeners.push(listener) };
}

/** @type {(text: string) => string} FNV-1a, 32 bits: tells keys apart, and says nothing of them. */
function fingerprint(text) {
  let hash = 0x811c9dc5;
  for (const unit of new TextEncoder().encode(text)) hash = Math.imul(hash ^ unit, 0x01000193);
  return (hash >>> 0).toString(16);
}
