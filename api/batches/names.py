"""Names of the files in an archive: those that callers gave, safe on every system, and each once."""

import re
import unicodedata
from collections import Counter

MOST_BYTES = 200  # of a name without its suffix; file systems take 255 with it

_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
"""What Windows takes for a device, whatever its suffix."""


class FileNames:
    """`taken`: names that the archive has already."""

    def __init__(self, *taken: str) -> None:
        self._taken = {_folded(name) for name in taken}
        self._used = Counter[str]()

    def of(self, wanted: str, suffix: str) -> str:
        """The name `wanted` as a file name that is no other's, also where case makes no difference."""
        safe = safe_name(wanted)
        name = safe + suffix
        while _folded(name) in self._taken:
            self._used[_folded(safe)] += 1
            name = f"{safe}-{self._used[_folded(safe)] + 1}{suffix}"
        self._taken.add(_folded(name))
        return name


def safe_name(text: str) -> str:
    """No path, no device, no control character, of at most `MOST_BYTES` in UTF-8."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", text))
    shown = "".join(each if each.isprintable() else "_" for each in plain)
    cut = shown.encode("utf-8", "replace")[:MOST_BYTES].decode("utf-8", "ignore")
    name = cut.strip(" .") or "_"
    return f"_{name}" if _DEVICE.match(name) else name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
