/** The API key: typed, kept in this browser, or given in a link as `/#key=...`. It is checked when it changes. */

import { ApiError, Client } from "./api.js";
import * as errors from "./requests/errors.js";
import { load, remembers, save, setRemember } from "./storage.js";

const QUIET_MS = 400; // after the last keystroke
const REFUSED = 401;

export function keyField() {
  const input = document.getElementById("key");
  const remember = document.getElementById("remember");
  const value = () => input.value.trim();

  const state = document.getElementById("credits");
  const listeners = [];
  let quiet = 0;

  function store() {
    save("key", value());
    for (const listener of listeners) listener();
    checkSoon();
  }

  function checkSoon() {
    errors.clear("key");
    state.textContent = "";
    clearTimeout(quiet);
    if (value()) quiet = setTimeout(check, QUIET_MS, value());
  }

  /** Silent if the service cannot be reached: a submit will show that. */
  async function check(asked) {
    const [{ value: left, reason }] = await Promise.allSettled([new Client(asked, () => {}).balance()]);
    if (asked !== value()) return;
    if (left !== undefined) accepted(left);
    else if (reason instanceof ApiError && reason.status === REFUSED) errors.mark([{ field: "key", message: reason.message }]);
  }

  function accepted(left) {
    errors.clear("key");
    state.textContent = left === "unlimited" ? "Accepted" : `Accepted · ${left} credits left`;
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
  checkSoon();
  return { value, accepted, fingerprint: () => fingerprint(value()), onChange: (listener) => listeners.push(listener) };
}

/** FNV-1a, 32 bits: tells keys apart without revealing them. */
function fingerprint(text) {
  let hash = 0x811c9dc5;
  for (const unit of new TextEncoder().encode(text)) hash = Math.imul(hash ^ unit, 0x01000193);
  return (hash >>> 0).toString(16);
}
