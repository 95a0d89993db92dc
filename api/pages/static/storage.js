/** What this browser keeps: until the tab is closed, or for good if "Remember" is ticked. */

const PREFIX = "superimpose.";
const REMEMBER = `${PREFIX}remember`;

/** Storage throws where the user forbids it; then nothing is kept. */
function quietly(act) {
  try {
    return act();
  } catch {
    return null;
  }
}

export const remembers = () => quietly(() => localStorage.getItem(REMEMBER)) !== null;

const chosen = () => (remembers() ? localStorage : sessionStorage);

/** Moves all that is kept. */
export function setRemember(on) {
  quietly(() => {
    const from = chosen();
    if (on) localStorage.setItem(REMEMBER, "1");
    else localStorage.removeItem(REMEMBER);
    const to = chosen();
    for (const name of Object.keys(from).filter((each) => each.startsWith(PREFIX) && each !== REMEMBER)) {
      if (from === to) continue;
      to.setItem(name, from.getItem(name));
      from.removeItem(name);
    }
  });
}

export const load = (name) => quietly(() => JSON.parse(chosen().getItem(PREFIX + name)));

export const save = (name, value) => quietly(() => chosen().setItem(PREFIX + name, JSON.stringify(value)));
