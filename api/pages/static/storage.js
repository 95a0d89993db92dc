/** Values stored in the browser: until the tab is closed, or permanently if "Remember" is ticked. */

const PREFIX = "superimpose.";
const REMEMBER = `${PREFIX}remember`;

/** Storage throws if the user has disabled it; then nothing is stored. */
function tryStorage(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

export const remembers = () => tryStorage(() => localStorage.getItem(REMEMBER)) !== null;

const current = () => (remembers() ? localStorage : sessionStorage);

/** Moves all values to the other storage. */
export function setRemember(on) {
  tryStorage(() => {
    const from = current();
    if (on) localStorage.setItem(REMEMBER, "1");
    else localStorage.removeItem(REMEMBER);
    const to = current();
    for (const name of Object.keys(from).filter((each) => each.startsWith(PREFIX) && each !== REMEMBER)) {
      if (from === to) continue;
      to.setItem(name, from.getItem(name));
      from.removeItem(name);
    }
  });
}

export const load = (name) => tryStorage(() => JSON.parse(current().getItem(PREFIX + name)));

export const save = (name, value) => tryStorage(() => current().setItem(PREFIX + name, JSON.stringify(value)));
