/** The API key: typed, stored in the browser, or taken from a link (`/#key=...`). It is checked when it changes. */

import { ApiError, Client } from "./api.js";
import { byId } from "./dom.js";
import * as errors from "./requests/errors.js";
import { load, remembers, save, setRemember } from "./storage.js";

const DEBOUNCE_MS = 400;
const UNAUTHORIZED = 401;

export function keyField() {
  const input = byId("key");
  const remember = byId("remember");
  const value = () => input.value.trim();
  const state = byId("credits");
  let onChange = () => {};
  let timer = 0;

  function store() {
    save("key", value());
    onChange();
    checkSoon();
  }

  function checkSoon() {
    errors.clear("key");
    state.textContent = "";
    clearTimeout(timer);
    if (value()) timer = setTimeout(check, DEBOUNCE_MS, value());
  }

  /** Shows nothing if the service cannot be reached; a submit will. */
  async function check(key) {
    const [{ value: credits, reason }] = await Promise.allSettled([new Client(key).balance()]);
    if (key !== value()) return;
    if (credits !== undefined) showCredits(credits);
    else if (reason instanceof ApiError && reason.status === UNAUTHORIZED) errors.mark([{ field: "key", message: reason.message }]);
  }

  function showCredits(credits) {
    errors.clear("key");
    state.textContent = credits === "unlimited" ? "Accepted" : `Accepted · ${credits} credits left`;
  }

  function takeFromLink() {
    const key = new URLSearchParams(location.hash.slice(1)).get("key");
    if (key === null) return;
    history.replaceState(null, "", location.pathname + location.search);
    input.value = key;
    store();
  }

  remember.checked = remembers();
  remember.addEventListener("change", () => setRemember(remember.checked));
  input.value = load("key") ?? "";
  input.addEventListener("input", store);
  byId("key-form").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", takeFromLink);
  takeFromLink();
  checkSoon();
  return { value, showCredits, fingerprint: () => fingerprint(value()), onChange: (listener) => (onChange = listener) };
}

/** FNV-1a, 32 bits: distinguishes keys without revealing them. */
function fingerprint(text) {
  let hash = 0x811c9dc5;
  for (const unit of new TextEncoder().encode(text)) hash = Math.imul(hash ^ unit, 0x01000193);
  return (hash >>> 0).toString(16);
}
